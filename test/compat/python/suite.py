"""What applications do with redis-py, unchanged: against a cluster port and a forwarding port of a running cluster.

Usage: suite.py HOST CLUSTER_PORT RESP_PORT OTHER_RESP_PORT
"""

import sys
import threading
import unittest

import redis
from redis.cluster import RedisCluster

HOST, CLUSTER_PORT, RESP_PORT, OTHER_RESP_PORT = sys.argv[1], *map(int, sys.argv[2:6])


class Strings:
    """For both kinds of clients."""

    client: redis.Redis

    def test_strings_counters_and_times(self):
        client = self.client
        for n in range(200):
            self.assertTrue(client.set(f"user:{n}", f"name {n}"))
        self.assertEqual([client.get(f"user:{n}") for n in range(200)], [f"name {n}".encode() for n in range(200)])
        client.delete("once")
        self.assertTrue(client.set("once", "1", ex=100, nx=True))
        self.assertIsNone(client.set("once", "2", ex=100, nx=True))
        self.assertGreater(client.ttl("once"), 90)
        self.assertEqual(client.ttl("no such key"), -2)
        client.delete("visits")
        self.assertEqual(client.incrby("visits", 41), 41)
        self.assertEqual(client.incr("visits"), 42)
        self.assertEqual(client.getset("visits", 1), b"42")
        self.assertTrue(client.mset({"{a}1": "x", "{a}2": "y"}))
        self.assertEqual(client.mget("{a}1", "{a}2", "{a}3"), [b"x", b"y", None])
        self.assertEqual(client.append("{a}1", "yz"), 3)
        self.assertEqual(client.exists("{a}1", "{a}2"), 2)
        self.assertEqual(client.delete("{a}1", "{a}2"), 2)
        binary = bytes([0, 13, 10, 255, 36, 42])
        client.set("bytes", binary)
        self.assertEqual(client.get("bytes"), binary)
        with self.assertRaises(redis.ResponseError):
            client.incr("bytes")

    def test_all_keys(self):
        client = self.client
        for n in range(300):
            client.set(f"walk:{n}", 1)
        found = set(client.scan_iter("walk:*", count=50))
        self.assertEqual(found, {f"walk:{n}".encode() for n in range(300)})
        self.assertGreaterEqual(self.size(), 300)
        client.flushall()
        self.assertEqual(self.size(), 0)

    def size(self):
        return self.client.dbsize()


class Plain(Strings, unittest.TestCase):
    protocol = 2

    def setUp(self):
        self.client = redis.Redis(HOST, RESP_PORT, protocol=self.protocol)
        self.addCleanup(self.client.close)

    def test_transactions(self):
        client = self.client
        client.set("{t}n", 1)
        with client.pipeline(transaction=True) as pipe:
            pipe.incr("{t}n").set("{t}m", "x").get("{t}m")
            self.assertEqual(pipe.execute(), [2, True, b"x"])
        other = redis.Redis(HOST, OTHER_RESP_PORT)
        self.addCleanup(other.close)
        with client.pipeline() as pipe:
            pipe.watch("{t}n")
            other.set("{t}n", 7)
            pipe.multi()
            pipe.incr("{t}n")
            with self.assertRaises(redis.WatchError):
                pipe.execute()

        def increment(pipe):
            pipe.multi()
            pipe.incr("{t}n")

        self.assertEqual(client.transaction(increment, "{t}n"), [8])

    def test_lock(self):
        # redis-py's lock is released by a script, which is not there; taking it is not.
        lock = self.client.lock("door", timeout=5)
        self.assertTrue(lock.acquire(blocking=False))
        self.assertFalse(self.client.lock("door", timeout=5).acquire(blocking=False))
        self.client.delete("door")

    def test_pubsub_across_nodes(self):
        other = redis.Redis(HOST, OTHER_RESP_PORT)
        self.addCleanup(other.close)
        pubsub = self.client.pubsub(ignore_subscribe_messages=True)
        self.addCleanup(pubsub.close)
        pubsub.subscribe("news")
        pubsub.psubscribe("n?ws")
        while not pubsub.subscribed or len(pubsub.channels) == 0:
            pubsub.get_message(timeout=1)
        # The confirmations of both are in before anything is published.
        self.client.ping()
        pubsub.get_message(timeout=1)
        pubsub.get_message(timeout=1)
        other.publish("news", "hello")
        heard = []
        while len(heard) < 2:
            message = pubsub.get_message(timeout=10)
            self.assertIsNotNone(message, "no message in 10 s")
            heard.append((message["type"], message["data"]))
        self.assertEqual(sorted(heard), [("message", b"hello"), ("pmessage", b"hello")])

    def test_the_connection(self):
        client = self.client
        self.assertTrue(client.ping())
        self.assertIn("redis_version", client.info())
        self.assertEqual(client.info("cluster")["cluster_enabled"], 1)
        self.assertIn("get", client.command())
        self.assertEqual(client.echo("hello"), b"hello")
        self.assertGreaterEqual(client.wait(1, 1000), 1)
        self.assertIn("maxclients", client.config_get("maxclients"))
        self.assertIsInstance(client.client_list(), list)
        self.assertIsInstance(client.slowlog_get(), list)
        self.assertEqual(client.object("encoding", "no such key"), None)

    def test_many_threads(self):
        def count():
            for _ in range(50):
                self.client.incr("threads")

        self.client.delete("threads")
        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get("threads"), b"400")


class PlainResp3(Plain):
    protocol = 3


class Clustered(Strings, unittest.TestCase):
    protocol = 2

    def setUp(self):
        self.client = RedisCluster(HOST, CLUSTER_PORT, protocol=self.protocol)
        self.addCleanup(self.client.close)

    def size(self):
        # Without a target it asks one node alone, in any cluster.
        return self.client.dbsize(target_nodes=RedisCluster.PRIMARIES)

    def test_topology(self):
        self.assertEqual(len(self.client.get_primaries()), 3)
        self.assertEqual(self.client.cluster_info(target_nodes=self.client.get_random_node())["cluster_state"], "ok")

    def test_across_slots(self):
        self.assertEqual(self.client.mset_nonatomic({f"n{n}": n for n in range(50)}) is not None, True)
        self.assertEqual(
            self.client.mget_nonatomic([f"n{n}" for n in range(50)]), [str(n).encode() for n in range(50)]
        )

    def test_pipelines(self):
        pipe = self.client.pipeline()
        for n in range(100):
            pipe.set(f"p{n}", n).get(f"p{n}")
        answers = pipe.execute()
        self.assertEqual(answers[1::2], [str(n).encode() for n in range(100)])


class ClusteredResp3(Clustered):
    protocol = 3


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
