"""A task that only computes: the paper's ``x += 1``, a fixed number of times, and no wait.

Kind of work: bytecode. One thread of it shows what a build of the interpreter costs where
nothing contends.
"""

from harness.workload import Task


class CpuOnly:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, iterations: int) -> None:
        self._iterations = iterations

    def task(self, index: int) -> Task:
        """Returns the number counted up to."""
        x = 0
        for _ in range(self._iterations):
            x += 1
        yield from ()
        return x


def setup(iterations: int, wait_ms: float) -> CpuOnly:
    """Count to ``iterations``; ``wait_ms`` has to be 0."""
    if wait_ms != 0:
        raise ValueError(f"wait_ms: {wait_ms} is not 0, but these tasks never wait")
    return CpuOnly(iterations)
