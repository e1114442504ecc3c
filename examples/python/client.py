"""A small client of sherd's gRPC service. `./generate.sh` makes the stubs that it imports.

    with Client(["127.0.0.1:7000", "127.0.0.1:7001"]) as store:
        store.put("greeting", "hello")
        store.get("greeting")   # "hello"; None when there is no such key
        store.delete("greeting")
"""

import threading
import time

import grpc

import kvstore_pb2
import kvstore_pb2_grpc

# gRPC receives 4 MiB at most unless told otherwise; a value of sherd may have 8.
MESSAGE_BYTES_MAX = 9 * 1024 * 1024
# What a node that does not answer may cost before the next one is tried, in seconds.
CONNECT_SECONDS = 1.0


class StoreError(Exception):
    """The call failed. A write that failed in this way did not take effect and will not."""


class Unavailable(StoreError):
    """No address could take the call; nothing was done."""


class Indeterminate(Exception):
    """A write whose outcome is unknown: it may have taken effect, or still may. Read the key to find out.

    Not a StoreError, so that code which repeats failed writes does not repeat these unless it means to.
    """


class _Node:
    """One address and its connection."""

    def __init__(self, address: str):
        self.address = address
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
                # A node that restarts is tried again soon, not after gRPC's growing pauses of up to two minutes.
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self.stub = kvstore_pb2_grpc.KVStoreStub(self._channel)
        self._connected = False
        self._channel.subscribe(self._changed)

    def _changed(self, state: grpc.ChannelConnectivity) -> None:
        self._connected = state is grpc.ChannelConnectivity.READY

    def connect(self, seconds: float) -> bool:
        """False: no call can have reached the node, so another one may be asked for the same write."""
        if self._connected:
            return True
        ready = grpc.channel_ready_future(self._channel)
        try:
            ready.result(timeout=seconds)
            return True
        except grpc.FutureTimeoutError:
            return False
        finally:
            ready.cancel()

    def close(self) -> None:
        self._channel.unsubscribe(self._changed)
        self._channel.close()


class Client:
    """Talks to one node, and to the next of `addresses` when that one is not available. Any node serves any key.

    `seconds` bounds each call, whatever it takes. May be used by several threads at once.
    """

    def __init__(self, addresses: list[str], seconds: float = 5.0):
        if not addresses:
            raise ValueError("at least one address, such as 127.0.0.1:7000")
        self._nodes = [_Node(address) for address in addresses]
        self._seconds = seconds
        self._lock = threading.Lock()
        self._preferred = 0

    def get(self, key: str) -> str | None:
        """The value, or None when there is no such key. Raises StoreError; never None for a failure."""
        reply = self._call("Get", kvstore_pb2.String(Data=key), is_write=False)
        if not reply.Success:
            raise StoreError(_text(reply.Data))
        return reply.Data if reply.Exists else None

    def put(self, key: str, value: str) -> None:
        """Returns when the write is on the disks of a majority. Raises StoreError or Indeterminate."""
        self._write("Put", kvstore_pb2.KeyValuePair(Key=key, Value=value))

    def delete(self, key: str) -> None:
        """Also succeeds when there is no such key. Raises StoreError or Indeterminate."""
        self._write("Delete", kvstore_pb2.String(Data=key))

    def close(self) -> None:
        for node in self._nodes:
            node.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _write(self, method: str, request) -> None:
        reply = self._call(method, request, is_write=True)
        if reply.Success:
            return
        text = _text(reply.Error)
        raise Indeterminate(text) if text.startswith("INDETERMINATE") else StoreError(text)

    def _call(self, method: str, request, is_write: bool):
        deadline = time.monotonic() + self._seconds
        failures = []
        for node in self._in_order():
            left = deadline - time.monotonic()
            if left <= 0 or not node.connect(min(CONNECT_SECONDS, left)):
                failures.append(f"{node.address}: no connection")
                continue
            try:
                reply = getattr(node.stub, method)(request, timeout=max(0.001, deadline - time.monotonic()))
            except grpc.RpcError as error:
                if not _may_go_on(error, is_write):
                    raise _failure(node, error, is_write) from error
                failures.append(f"{node.address}: {error.code().name} {error.details()}")
                continue
            with self._lock:
                self._preferred = self._nodes.index(node)
            return reply
        raise Unavailable("; ".join(failures))

    def _in_order(self) -> list[_Node]:
        """The one that answered last comes first."""
        with self._lock:
            at = self._preferred
        return self._nodes[at:] + self._nodes[:at]


def _may_go_on(error: grpc.RpcError, is_write: bool) -> bool:
    """Whether the next node may be asked: nothing was done, or doing it twice does no harm."""
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        # The connection broke under the call. A write may have arrived before it did.
        return not is_write
    # The node had too many calls and did not begin this one. (For a read: or the reply was too large.)
    return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def _failure(node: _Node, error: grpc.RpcError, is_write: bool) -> Exception:
    text = f"{node.address}: {error.code().name} {error.details()}"
    return Indeterminate(text) if is_write else StoreError(text)


def _text(error: str) -> str:
    return error.removeprefix("ERROR: ")
