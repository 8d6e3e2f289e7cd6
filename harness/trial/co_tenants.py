"""Processes that compute beside a trial on its CPUs, as another program would.

They are children of the zygote, so that the trial's counters do not hold them, and die with it.
They run a shell's loop: a Python forked from the zygote would share its memory, and thus lower
what the trial seems to use.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.base.lifeline import die_with_parent

ENDLESS_LOOP = ("/bin/sh", "-c", "while :; do :; done")


def _start() -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        die_with_parent(parent)
        os.execv(ENDLESS_LOOP[0], ENDLESS_LOOP)
    finally:
        os._exit(1)


@contextmanager
def co_tenants(count: int) -> Iterator[None]:
    """Keep ``count`` of them running on the CPUs that the caller is pinned to."""
    pids: list[int] = []
    try:
        for _ in range(count):
            pids.append(_start())
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
