"""A remote that serves a few requests at a time, or a lock around the computation.

Kind of work: bytecode, then a wait of which only ``servers`` are granted at once. With
``servers`` 1 and ``locked_iterations`` it is a user lock held while computing and waiting.
Beyond ``servers`` (and the CPU), more workers only queue elsewhere: no blocking ratio can
tell that from waiting for a slow remote.
"""

import threading

from harness.workload import Task


class Limited:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(
        self, iterations: int, locked_iterations: int, wait_ms: float, servers: int
    ) -> None:
        self._iterations = iterations
        self._locked_iterations = locked_iterations
        self._wait_s = wait_ms / 1e3
        self._servers = threading.Semaphore(servers)

    def task(self, index: int) -> Task:
        """Returns the number counted up to."""
        x = 0
        for _ in range(self._iterations):
            x += 1
        with self._servers:
            for _ in range(self._locked_iterations):
                x += 1
            yield self._wait_s
        return x


def setup(iterations: int, locked_iterations: int, wait_ms: float, servers: int) -> Limited:
    """Count, wait for a turn, count on, wait."""
    return Limited(iterations, locked_iterations, wait_ms, servers)
