"""The far end of waits on a socket: answers each request after the seconds it names.

Runs as a process of its own (``python -m harness.trial.remote``), prints the port it
listens on and serves until its parent dies. With ``--servers K`` it works on K requests at a
time and lets the others queue, first come, first served: a remote that can be saturated.
"""

import argparse
import asyncio
import contextlib
import os
import socket
from functools import partial

from harness.base.lifeline import die_with_parent
from harness.trial.waiting import REQUEST

Turn = contextlib.AbstractAsyncContextManager[object]


async def _serve(turn: Turn, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            (seconds,) = REQUEST.unpack(await reader.readexactly(REQUEST.size))
            async with turn:
                await asyncio.sleep(seconds)
            writer.write(b"\1")
    writer.close()


async def serve(servers: int | None) -> None:
    """Serve on a free loopback port, ``servers`` requests at a time; None: all at once."""
    turn: Turn = contextlib.nullcontext() if servers is None else asyncio.Semaphore(servers)
    server = await asyncio.start_server(partial(_serve, turn), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m harness.trial.remote")
    parser.add_argument("--servers", type=int, help="requests worked on at a time")
    die_with_parent(os.getppid())
    asyncio.run(serve(parser.parse_args().servers))


if __name__ == "__main__":
    main()
