"""The edges of a batch, and what the kernel counts at them, read by the measured process.

Only the trial knows when its batch begins and ends. Reading takes time that is not the
batch's: the clock stands still from the last task's end until the counters have been read.
"""

import os
import resource
from dataclasses import asdict
from time import perf_counter
from typing import Any

from harness.machine.counters import descendants, process_cpu_seconds, read_memory, read_tree


def _cpu_seconds_so_far(pid: int) -> float:
    """CPU of the tree that lives, and of what was collected of it."""
    collected = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_cpu_seconds(descendants(pid)) + collected.ru_utime + collected.ru_stime


class BatchClock:
    """Call ``start``, ``drained`` and ``stop`` in turn; times in seconds of ``perf_counter``."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._seen: dict[str, Any] = {}
        self._cpu_at_open = 0.0

    def start(self) -> None:
        """The pool is about to be made."""
        self._cpu_at_open = _cpu_seconds_so_far(self._pid)
        self._seen["tree_at_open"] = asdict(read_tree(self._pid))
        self._seen["open_at"] = perf_counter()

    def drained(self) -> None:
        """All tasks have ended, the workers still live."""
        self._seen["drained_at"] = perf_counter()
        self._seen["tree_at_close"] = asdict(read_tree(self._pid))
        # The zygote counts too: what the trial shares with it would be halved otherwise.
        memory = read_memory([os.getppid(), *descendants(self._pid)])
        self._seen["memory"] = None if memory is None else asdict(memory)
        self._seen["resumed_at"] = perf_counter()

    def stop(self) -> None:
        """The pool has been shut down."""
        self._seen["close_at"] = perf_counter()
        self._seen["cpu_s"] = _cpu_seconds_so_far(self._pid) - self._cpu_at_open

    def report(self) -> dict[str, Any]:
        """Everything read, as plain data."""
        return self._seen
