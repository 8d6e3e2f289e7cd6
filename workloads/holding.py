"""Tasks that hold memory while they wait: on a small device the pool's size is what fits.

Kind of work: filling a buffer, then a wait during which it is held.
"""

from harness.workload import Task


class Holding:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, mb: float, wait_ms: float) -> None:
        self._bytes = round(mb * 2**20)
        self._wait_s = wait_ms / 1e3

    def task(self, index: int) -> Task:
        """Returns how many bytes it held."""
        held = b"x" * self._bytes  # written to, so that every page is there
        yield self._wait_s
        return len(held)


def setup(mb: float, wait_ms: float) -> Holding:
    """Hold ``mb`` MiB for ``wait_ms``."""
    return Holding(mb, wait_ms)
