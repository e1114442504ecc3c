"""Tests of client.py: against a server of its own that misbehaves, and against a real cluster.

    SHERD_GRPC=127.0.0.1:7000 .venv/bin/python -m unittest test_client
"""

import os
import socket
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc

import kvstore_pb2
import kvstore_pb2_grpc
from client import Client, Indeterminate, StoreError, Unavailable

VALUE_BYTES_MAX = 8 * 1024 * 1024


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


class Scripted(kvstore_pb2_grpc.KVStoreServicer):
    """Answers every call as it was told, and counts them."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = 0
        self._server = grpc.server(ThreadPoolExecutor(2))
        kvstore_pb2_grpc.add_KVStoreServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Get(self, _, context):
        return self._reply(context, kvstore_pb2.ValueReturn, "Data")

    def Put(self, _, context):
        return self._reply(context, kvstore_pb2.Status, "Error")

    Delete = Put

    def stop(self):
        self._server.stop(None).wait()

    def _reply(self, context, message, field):
        self.calls += 1
        if isinstance(self.answer, grpc.StatusCode):
            context.abort(self.answer, "as told")
        if self.answer is None:
            return message(Success=True)
        return message(Success=False, **{field: self.answer})


class Errors(unittest.TestCase):
    def serve(self, answer) -> Scripted:
        server = Scripted(answer)
        self.addCleanup(server.stop)
        return server

    def connect(self, *addresses: str, seconds: float = 5.0) -> Client:
        client = Client(list(addresses), seconds)
        self.addCleanup(client.close)
        return client

    def test_a_failed_read_is_an_error_and_never_missing(self):
        client = self.connect(self.serve("ERROR: CLUSTERDOWN no leader").address)
        with self.assertRaisesRegex(StoreError, "^CLUSTERDOWN no leader$"):
            client.get("k")

    def test_a_failed_write_is_an_error(self):
        client = self.connect(self.serve("ERROR: MISCONF the disk is full").address)
        for write in (lambda: client.put("k", "v"), lambda: client.delete("k")):
            with self.assertRaisesRegex(StoreError, "^MISCONF"):
                write()

    def test_an_unknown_outcome_has_an_exception_of_its_own(self):
        client = self.connect(self.serve("ERROR: INDETERMINATE the leader was lost").address)
        for write in (lambda: client.put("k", "v"), lambda: client.delete("k")):
            with self.assertRaises(Indeterminate):
                write()

    def test_the_next_address_is_tried_when_there_is_no_connection(self):
        server = self.serve(None)
        client = self.connect(free_address(), server.address)
        client.put("k", "v")
        self.assertIsNone(client.get("k"))
        self.assertEqual(server.calls, 2)

    def test_when_no_address_is_left_nothing_was_done(self):
        with self.assertRaises(Unavailable):
            self.connect(free_address(), free_address()).put("k", "v")

    def test_a_node_that_is_too_busy_is_passed_over(self):
        busy, idle = self.serve(grpc.StatusCode.RESOURCE_EXHAUSTED), self.serve(None)
        self.connect(busy.address, idle.address).put("k", "v")
        self.assertEqual((busy.calls, idle.calls), (1, 1))

    def test_a_connection_lost_under_a_call_reads_elsewhere_but_does_not_write_twice(self):
        broken, sound = self.serve(grpc.StatusCode.UNAVAILABLE), self.serve(None)
        client = self.connect(broken.address, sound.address)
        with self.assertRaises(Indeterminate):
            client.put("k", "v")
        self.assertEqual(sound.calls, 0)
        self.assertIsNone(client.get("k"))
        self.assertEqual(sound.calls, 1)

    def test_a_deadline_leaves_a_write_unknown_and_a_read_failed(self):
        client = self.connect(self.serve(grpc.StatusCode.DEADLINE_EXCEEDED).address)
        with self.assertRaises(Indeterminate):
            client.delete("k")
        with self.assertRaises(StoreError):
            client.get("k")


KEPT = {"python:empty": "", "python:text": "värde 🜁\0\r\n", "python:largest": "x" * VALUE_BYTES_MAX}


@unittest.skipUnless("SHERD_GRPC" in os.environ, "SHERD_GRPC (host:port) names no cluster")
class Cluster(unittest.TestCase):
    def setUp(self):
        # The first address is nobody's: the second one serves.
        self.store = Client([free_address(), os.environ["SHERD_GRPC"]], seconds=30)
        self.addCleanup(self.store.close)

    def test_missing_put_get_delete(self):
        self.store.delete("python:k")
        self.assertIsNone(self.store.get("python:k"))
        self.store.put("python:k", "v")
        self.assertEqual(self.store.get("python:k"), "v")
        self.store.delete("python:k")
        self.assertIsNone(self.store.get("python:k"))

    def test_values_come_back_as_they_were(self):
        for key, value in KEPT.items():
            self.store.put(key, value)
        for key, value in KEPT.items():
            self.assertTrue(self.store.get(key) == value, key)

    def test_refusals_are_errors(self):
        with self.assertRaisesRegex(StoreError, "key is 1025 bytes long"):
            self.store.get("k" * 1025)
        with self.assertRaisesRegex(StoreError, "value is 8388609 bytes long"):
            self.store.put("python:k", "x" * (VALUE_BYTES_MAX + 1))

    def test_many_threads_on_one_client(self):
        def one(n: int) -> str | None:
            self.store.put(f"python:{n}", str(n))
            return self.store.get(f"python:{n}")

        with ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(one, range(200))), [str(n) for n in range(200)])


@unittest.skipUnless("SHERD_GRPC_AGAIN" in os.environ, "SHERD_GRPC_AGAIN names no cluster that Cluster ran on before")
class AfterRestart(unittest.TestCase):
    def test_values_are_still_as_they_were(self):
        with Client([os.environ["SHERD_GRPC_AGAIN"]], seconds=30) as store:
            for key, value in KEPT.items():
                self.assertTrue(store.get(key) == value, key)
            self.assertIsNone(store.get("python:k"))


if __name__ == "__main__":
    unittest.main()
