"""The paper's baseline without computing: a task that only waits.

Kind of work: none. What limits it is the harness, the interpreter's thread switches and the
operating system's timers.
"""

from harness.workload import Task


class PureIo:
    """Every task is the same: there is no input."""

    variants = 1

    def __init__(self, wait_ms: float) -> None:
        self._wait_s = wait_ms / 1e3

    def task(self, index: int) -> Task:
        """Returns the wait it asked for, in seconds."""
        yield self._wait_s
        return self._wait_s


def setup(wait_ms: float) -> PureIo:
    """Wait, nothing else."""
    return PureIo(wait_ms)
