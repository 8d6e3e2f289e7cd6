"""The far end of ``io: socket``: answers each request after the seconds it names.

Runs as a process of its own (``python -m harness.trial.remote``), prints the port it
listens on and serves until its parent dies.
"""

import asyncio
import contextlib
import os
import socket

from harness.lifeline import die_with_parent
from harness.trial.waiting import REQUEST


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (seconds,) = REQUEST.unpack(await reader.readexactly(REQUEST.size))
            await asyncio.sleep(seconds)
            writer.write(b"\1")
    writer.close()


async def main() -> None:
    """Serve on a free loopback port."""
    die_with_parent(os.getppid())
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
