"""Tasks that hold descriptors in a process that may have only so many.

Kind of work: a wait during which ``each`` descriptors are open, as connections would be. The
process may open ``limit`` more than it has at set-up, its pool's own ones included.
"""

import errno
import os
import resource
from pathlib import Path

from harness.workload import Task


class NoDescriptorError(Exception):
    """The process has as many descriptors open as it may have."""


class Descriptors:
    """Every task is the same: there is no input."""

    variants = 1
    errors = (NoDescriptorError,)

    def __init__(self, each: int, wait_ms: float) -> None:
        self._each = each
        self._wait_s = wait_ms / 1e3

    def task(self, index: int) -> Task:
        """Returns how many descriptors it held; raises ``NoDescriptorError``."""
        held: list[int] = []
        try:
            for _ in range(self._each):
                held.append(self._open())
            yield self._wait_s
            return len(held)
        finally:
            for descriptor in held:
                os.close(descriptor)

    @staticmethod
    def _open() -> int:
        try:
            return os.open(os.devnull, os.O_RDONLY)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise NoDescriptorError(os.strerror(error.errno)) from None
            raise


def setup(each: int, wait_ms: float, limit: int) -> Descriptors:
    """Hold ``each`` descriptors for ``wait_ms``, in a process that may open ``limit`` more."""
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = highest + 1 + limit
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return Descriptors(each, wait_ms)
