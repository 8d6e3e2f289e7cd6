"""A remote that serves a few requests at a time and refuses all others at once.

Kind of work: bytecode, then a request. What is refused costs next to nothing, so that a pool
that counts ended tasks takes a flood of refusals for throughput.
"""

import threading

from harness.workload import Task


class Refusing:
    """Every task is the same: there is no input."""

    variants = 1
    errors = (ConnectionRefusedError,)

    def __init__(self, iterations: int, wait_ms: float, servers: int) -> None:
        self._iterations = iterations
        self._wait_s = wait_ms / 1e3
        self._servers = threading.Semaphore(servers)

    def task(self, index: int) -> Task:
        """Returns the number counted up to; raises ``ConnectionRefusedError``."""
        x = 0
        for _ in range(self._iterations):
            x += 1
        if not self._servers.acquire(blocking=False):
            raise ConnectionRefusedError("the remote serves as many as it can")
        try:
            yield self._wait_s
        finally:
            self._servers.release()
        return x


def setup(iterations: int, wait_ms: float, servers: int) -> Refusing:
    """Count, then ask a remote that answers ``servers`` requests at a time after ``wait_ms``."""
    return Refusing(iterations, wait_ms, servers)
