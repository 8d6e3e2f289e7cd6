"""How a task waits: by sleeping, or on a loopback socket served by another process."""

import asyncio
import socket
import struct
import threading
import time
from typing import Protocol

REQUEST = struct.Struct("!d")


class Waiter(Protocol):
    """Waits ``seconds`` on behalf of a task, blocking a thread or suspending a coroutine."""

    def wait(self, seconds: float) -> None: ...

    async def wait_async(self, seconds: float) -> None: ...


class SleepWaiter:
    """Waits by sleeping."""

    wait = staticmethod(time.sleep)
    wait_async = staticmethod(asyncio.sleep)


class SocketWaiter:
    """Asks the remote (see ``harness.trial.remote``) for an answer after ``seconds``.

    Each thread keeps a connection of its own; coroutines share a pool of idle connections.
    """

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._local = threading.local()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def wait(self, seconds: float) -> None:
        """Block the calling thread until the remote has answered."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = socket.create_connection(self._address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(REQUEST.pack(seconds))
        if connection.recv(1) != b"\1":
            raise ConnectionError("the remote closed the connection")

    async def wait_async(self, seconds: float) -> None:
        """Suspend the calling coroutine until the remote has answered."""
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        )
        writer.write(REQUEST.pack(seconds))
        await reader.readexactly(1)
        self._idle.append((reader, writer))


def make_waiter(io: str, port: int | None) -> Waiter:
    """The waiter named by ``io``: ``sleep``, or ``socket`` with the remote's port."""
    if io == "sleep":
        return SleepWaiter()
    if io == "socket" and port is not None:
        return SocketWaiter(port)
    raise ValueError(f"io is {io!r} (port {port}); it can be sleep, or socket with a port")
