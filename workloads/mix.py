"""The paper's synthetic task: some iterations of ``x += 1`` in Python, then a short wait.

Kind of work: bytecode, which holds the GIL throughout. With 1000 iterations and 0.1 ms it is
the *micro* task of the saturation cliff; other pairs give the six mixes of computing and I/O.
"""

from harness.workload import Task


class Mix:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, iterations: int, wait_ms: float) -> None:
        self._iterations = iterations
        self._wait_s = wait_ms / 1e3

    def task(self, index: int) -> Task:
        """Returns the number counted up to."""
        x = 0
        for _ in range(self._iterations):
            x += 1
        yield self._wait_s
        return x


def setup(iterations: int, wait_ms: float) -> Mix:
    """Count to ``iterations``, then wait."""
    return Mix(iterations, wait_ms)
