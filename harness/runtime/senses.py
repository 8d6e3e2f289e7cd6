"""What a governor perceives of the world outside its pool, and where it can act on it.

One object, so that a simulation can put another world in its place: a clock, the GIL, the CPUs
the process may use, and the counters of its threads.
"""

import os
import time
from contextlib import suppress
from random import Random

from . import gil
from .probes import (
    ProcReader,
    ThreadIdentity,
    ThreadProbe,
    cpus_granted,
    gil_enabled,
    read_text,
)


class Senses:
    """The machine this process runs on; without a ``reader``, what its threads wait for is dark."""

    def __init__(self, reader: ProcReader | None) -> None:
        self._reader = reader
        # Its own: the user's seeds are the user's.
        self.random = Random()

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def process_cpu(self) -> float:
        """CPU seconds of the whole process so far."""
        return time.process_time()

    def gil_enabled(self) -> bool:
        """Whether there is a GIL right now."""
        return gil_enabled()

    def cores(self) -> float:
        """CPU time a second the process may use, in cores."""
        return cpus_granted()

    def cpus(self) -> frozenset[int]:
        """The CPUs the process may use; empty where its threads cannot be placed."""
        if not hasattr(os, "sched_getaffinity"):
            return frozenset()
        return frozenset(os.sched_getaffinity(0))

    def current_cpu(self, allowed: frozenset[int]) -> int:
        """The CPU the calling thread runs on: one where this process does get time."""
        with suppress(OSError, ValueError, IndexError):
            # the fields after the command's name, which may hold spaces: processor is number 39
            fields = read_text("/proc/thread-self/stat").rpartition(")")[2].split()
            cpu = int(fields[36])
            if cpu in allowed:
                return cpu
        return max(allowed)

    def move(self, thread: ThreadIdentity, cpus: frozenset[int]) -> None:
        """Let a thread run on ``cpus`` from now on."""
        with suppress(OSError):  # the thread has ended, or may not
            os.sched_setaffinity(thread.native_id, cpus)

    # -- what threads wait for ---------------------------------------------------------------

    @property
    def sees_waits(self) -> bool:
        """Whether the threads' counters can be read at all."""
        return self._reader is not None

    @property
    def wait_site(self) -> gil.WaitSite | None:
        """Where threads wait for the GIL, once that has been learnt."""
        return gil.known.site

    def probe(self, thread: ThreadIdentity) -> ThreadProbe | None:
        """One thread's counters, for as long as it lives."""
        return None if self._reader is None else ThreadProbe(self._reader, thread)

    def learn_wait_site(self) -> None:
        """Learn it from a helper thread, once in the life of a process."""
        if self._reader is not None and not gil.known.tried:
            gil.known.learn(self._reader)

    def learn_wait_site_from(self, thread: ThreadIdentity) -> None:
        """Learn it from a thread that keeps waking up; brief, and called by who has work."""
        if self._reader is not None:
            gil.known.learn_from(self._reader, thread, self.now())
