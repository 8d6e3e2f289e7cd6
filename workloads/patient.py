"""A pool of connections for which tasks wait, but not for ever.

Kind of work: bytecode, then a query over one of ``connections``; a task that gets none within
``patience_ms`` gives up, as clients of databases do. More workers than connections wait in vain.
"""

import threading

from harness.workload import Task


class Patient:
    """Every task is the same: there is no input."""

    variants = 1
    errors = (TimeoutError,)

    def __init__(
        self, iterations: int, wait_ms: float, connections: int, patience_ms: float
    ) -> None:
        self._iterations = iterations
        self._wait_s = wait_ms / 1e3
        self._patience_s = patience_ms / 1e3
        self._connections = threading.Semaphore(connections)

    def task(self, index: int) -> Task:
        """Returns the number counted up to; raises ``TimeoutError``."""
        x = 0
        for _ in range(self._iterations):
            x += 1
        if not self._connections.acquire(timeout=self._patience_s):
            raise TimeoutError("no connection became free")
        try:
            yield self._wait_s
        finally:
            self._connections.release()
        return x


def setup(iterations: int, wait_ms: float, connections: int, patience_ms: float) -> Patient:
    """Count, wait for a connection as long as patience lasts, hold it for ``wait_ms``."""
    return Patient(iterations, wait_ms, connections, patience_ms)
