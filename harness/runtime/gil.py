"""Telling a thread that waits for the GIL from one that waits for something else.

A thread that wants the GIL blocks in the ``futex`` system call on a word inside the
interpreter's GIL structure (a condition variable, two mutexes), which never moves. The word
is learnt once per process: while the caller holds the GIL, a helper thread that keeps waking
up can be blocked nowhere else for long.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Any, NamedTuple

from .probes import ProcReader, ThreadIdentity, ThreadProbe

#: number of the futex system call, in which waits for locks of any kind end up
FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "armv7l": 240, "i686": 240}.get(
    os.uname().machine if hasattr(os, "uname") else "", -2
)
HELPER_SLEEP_S = 0.0002
#: a run of equal observations this long cannot be one of the helper's sleeps
_RUN_S = 5 * HELPER_SLEEP_S
_RUN_READS = 8
#: a longer gap between reads means the caller lost the GIL meanwhile
_GAP_S = HELPER_SLEEP_S / 2
#: the GIL structure is about 200 bytes long; glibc alternates between two words of a condition
_SPAN_BYTES = 256
#: how long a worker that holds the GIL watches a thread of its pool, and how often at most
_BRIEF_PATIENCE_S = 0.003
_BRIEF_PAUSE_S = 0.05


class WaitSite(NamedTuple):
    """The system call and address at which threads wait for the GIL."""

    number: int
    address: int

    def matches(self, call: "BlockedCall") -> bool:
        """Whether a thread blocked in ``call`` waits for the GIL."""
        return self.number == call.number and abs(call.address - self.address) < _SPAN_BYTES


class BlockedCall(NamedTuple):
    """A system call's number and first argument."""

    number: int
    address: int


def parse_syscall(line: bytes) -> BlockedCall | None:
    """What /proc/<pid>/task/<tid>/syscall says; None for a thread that is not blocked.

    A thread blocked outside of a system call (a page fault) has number -1. Raises
    ``ValueError`` for an empty or unknown line.
    """
    fields = line.split(None, 2)
    if not fields:
        raise ValueError("an empty syscall line: the thread has ended")
    if fields[0] == b"running":
        return None
    if len(fields) < 2:
        raise ValueError(f"an unknown syscall line: {line!r}")
    return BlockedCall(int(fields[0]), int(fields[1], 16))


def learn_wait_site(
    read_helper: Callable[[], bytes],
    clock: Callable[[], float] = time.perf_counter,
    patience_s: float = 0.02,
) -> WaitSite | None:
    """Watch a helper that sleeps ``HELPER_SLEEP_S`` over and over; to be called with the GIL.

    ``read_helper`` reads the helper's syscall file without releasing the GIL. Returns None
    when the helper could not be caught waiting within ``patience_s`` seconds.
    """
    began = last = run_began = clock()
    run: BlockedCall | None = None
    reads = 0
    while last - began < patience_s:
        try:
            call = parse_syscall(read_helper())
        except ValueError:
            return None
        now = clock()
        if call is None or call != run or now - last > _GAP_S:
            run, run_began, reads = call, now, 0
        reads += 1
        last = now
        if run is not None and reads >= _RUN_READS and now - run_began >= _RUN_S:
            return WaitSite(run.number, run.address)
    return None


class Helper(threading.Thread):
    """A thread that keeps waking up until it is ``done``."""

    def __init__(self) -> None:
        options: dict[str, Any] = {} if sys.version_info < (3, 14) else {"context": Context()}
        super().__init__(name="gil-helper", daemon=True, **options)
        self.identity: SimpleQueue[ThreadIdentity] = SimpleQueue()
        self.done = False

    def run(self) -> None:
        """Sleep, want the GIL, sleep."""
        ident, native_id = threading.get_ident(), threading.get_native_id()
        self.identity.put(ThreadIdentity.of_caller(ident, native_id))
        while not self.done:
            time.sleep(HELPER_SLEEP_S)


class Knowledge:
    """At which site the threads of this process wait for the GIL: one for the whole process.

    It is learnt from a helper thread before there is much to disturb it, or later from a
    thread of a pool; a forked child forgets it.
    """

    def __init__(self) -> None:
        self.site: WaitSite | None = None
        #: whether a helper has been watched; a forked child, which begins in the middle of
        #: something, leaves it to its pools
        self.tried = False
        self._due = 0.0

    def forget(self) -> None:
        """The threads are gone, and so is what was seen of them."""
        self.site = None
        self._due = 0.0

    def learn(self, reader: ProcReader, tries: int = 1) -> None:
        """Watch a helper of its own for up to ``tries`` times 20 ms."""
        self.tried = True
        helper = Helper()
        try:
            helper.start()
        except RuntimeError:  # no thread to be had
            return
        identity = helper.identity.get()
        while self.site is None and tries > 0:
            self._watch(reader, identity)
            tries -= 1
        helper.done = True
        helper.join()

    def learn_from(self, reader: ProcReader, thread: ThreadIdentity, now: float) -> None:
        """Watch a thread that keeps waking up; briefly and not often, as the caller has work."""
        if now >= self._due:
            self._due = now + _BRIEF_PAUSE_S
            self._watch(reader, thread, _BRIEF_PATIENCE_S)

    def _watch(self, reader: ProcReader, thread: ThreadIdentity, patience_s: float = 0.02) -> None:
        probe = ThreadProbe(reader, thread)
        self.site = learn_wait_site(probe.syscall, patience_s=patience_s)
        probe.close()


known = Knowledge()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=known.forget)
