"""What a profiled thread writes down about the calls it runs.

Every call's wall time is taken. CPU and run-queue time cost system calls, so calls that are
known to be short have them taken now and then, after a random number of others, such that
the clocks cost about ``CLOCK_SHARE`` of the CPU time of the pool; what is found stands for the
calls skipped before it. A thread's records are written by that thread only; others read.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from ..probes import ProcReader, ThreadIdentity

CLOCK_SHARE = 0.02
#: about what an executor spends on a call besides the call itself, in CPU seconds
EXECUTOR_S = 20e-6
#: the part of a call's wall time that clocks may cost a share of, even if it is all waiting
_WAITING_COUNTS = 1 / 64
#: what is done with the readings costs about this much of what they cost
_BOOKKEEPING = 0.7
#: calls of a function in a thread before any is skipped
_FIRST_CALLS = 4
#: shorter breaks between two calls do not end an episode
_BREAK_S = 0.05
_MOST_EPISODES = 1000


class PoolRecord:
    """One executor: what kind it is, its limit, and the functions submitted to it."""

    def __init__(
        self, number: int, kind: str, max_workers: int | None, *, adaptive: bool = False
    ) -> None:
        self.number = number
        self.kind = kind
        self.max_workers = max_workers
        self.adaptive = adaptive
        self.label = ""
        self.functions: dict[str, FunctionRecord] = {}

    def function(self, name: str) -> "FunctionRecord":
        """The record of a function, made when it is new; atomic also without a GIL."""
        found = self.functions.get(name)
        return found or self.functions.setdefault(name, FunctionRecord(self, name))


class FunctionRecord:
    """A function of a pool, and what samples of threads that ran it showed.

    ``samples`` of threads that ran it were taken. The rest are thread seconds: each sample
    stands for the busy threads not looked at and the time since the last look. ``seen`` is
    all of them, ``blocked`` and ``gil_waits`` what they were found in. ``free`` are those in
    which no thread used CPU time, ``unwaited`` those whose look found nobody waiting for the
    GIL, with the weight of ``decomposition.Window.unwaited``. All are the sampler's, guarded
    by its lock.
    """

    __slots__ = ("blocked", "free", "gil_waits", "name", "pool", "samples", "seen", "unwaited")

    def __init__(self, pool: PoolRecord, name: str) -> None:
        self.pool = pool
        self.name = name
        self.samples = 0
        self.seen = self.blocked = self.gil_waits = self.free = self.unwaited = 0.0


class Tally:
    """One thread's finished calls of one function.

    ``wall_seconds`` and ``queued_seconds`` are of all ``calls``; ``cpu_seconds`` stands for
    ``cpu_calls`` of them and ``run_queue_seconds`` for ``run_queue_calls``. ``skip`` calls
    go without the costly clocks before the next one with them, which is one in ``gap``.
    """

    __slots__ = (
        "calls",
        "cpu_calls",
        "cpu_seconds",
        "gap",
        "queued_seconds",
        "run_queue_calls",
        "run_queue_seconds",
        "skip",
        "wall_seconds",
    )

    def __init__(self) -> None:
        self.calls = self.cpu_calls = self.run_queue_calls = self.skip = 0
        self.wall_seconds = self.queued_seconds = 0.0
        self.cpu_seconds = self.run_queue_seconds = 0.0
        self.gap = 1


class Clocks:
    """The cost of taking a thread's CPU and run-queue time, measured once per profile.

    ``cpu_bias_s`` is the CPU time a call seems to take that does nothing; ``cost_s`` what
    the readings before and after a call cost it.
    """

    def __init__(self, read_run_queue: Callable[[], float | None]) -> None:
        biases, costs = [], []
        for _ in range(50):
            began = time.perf_counter()
            read_run_queue()
            before = time.thread_time()
            time.perf_counter()
            time.perf_counter()
            biases.append(time.thread_time() - before)
            read_run_queue()
            costs.append(time.perf_counter() - began)
        self.cpu_bias_s = min(biases)
        self.cost_s = (1 + _BOOKKEEPING) * sorted(costs)[len(costs) // 2]

    def gap(self, mean_cpu_s: float, mean_wall_s: float) -> float:
        """One in how many calls may be clocked."""
        worth = mean_cpu_s + EXECUTOR_S + mean_wall_s * _WAITING_COUNTS
        return max(1.0, self.cost_s / (CLOCK_SHARE * worth))


#: function, start, CPU and run-queue seconds of the thread then (None: not taken)
Running = tuple[FunctionRecord, float, float | None, float | None]
#: wall, CPU and run-queue seconds
Seconds = tuple[float, float, float]


class ThreadRecord:
    """A pool thread's record. ``current`` is replaced as a whole, so others see it consistent."""

    def __init__(
        self,
        pool: PoolRecord,
        identity: ThreadIdentity,
        reader: ProcReader | None,
    ) -> None:
        self.pool = pool
        self.identity = identity
        self.tallies: dict[FunctionRecord, Tally] = {}
        self.current: Running | None = None
        #: the function that ran last when somebody asked
        self.ran: FunctionRecord | None = None
        #: what calls run inside the current one took; None: there were none
        self.nested: Seconds | None = None
        self.random = Random()  # its own: the user's seeds are the user's
        self.ended = False
        #: finished episodes of work, and the one that goes on
        self.episodes: list[tuple[float, float]] = []
        self.episode_began = self.last_end = float("-inf")
        self._break_s = _BREAK_S
        self._reader = reader
        #: at most one descriptor; whoever pops it closes it
        self._schedstat: list[int] = []
        if reader is not None:
            self._schedstat.append(reader.open(f"/proc/self/task/{identity.native_id}/schedstat"))

    def run_queue_seconds(self, reader: ProcReader | None = None) -> float | None:
        """Seconds this thread was runnable and not running; None when unknown.

        Other threads bring a reader of their own.
        """
        reader = reader or self._reader
        if reader is None:
            return None
        try:
            fields = reader.read(self._schedstat[0]).split()
        except IndexError:
            return None
        return int(fields[1]) * 1e-9 if len(fields) >= 2 else None

    def close(self) -> None:
        """The thread ends, or the profile does: close the file."""
        with suppress(IndexError):
            descriptor = self._schedstat.pop()
            if self._reader is not None:
                self._reader.close(descriptor)

    def begin_episode(self, now: float) -> None:
        """Work begins after a break."""
        if self.last_end >= self.episode_began > float("-inf"):
            self.episodes.append((self.episode_began, self.last_end))
            if len(self.episodes) > _MOST_EPISODES:
                self._break_s *= 4
                self.episodes = merged(self.episodes, self._break_s)
        self.episode_began = now

    @property
    def break_s(self) -> float:
        """The longest break within an episode."""
        return self._break_s

    def work(self, now: float) -> list[tuple[float, float]]:
        """When the thread had work, up to ``now``."""
        end = now if self.current is not None else self.last_end
        last = [(self.episode_began, end)] if self.episode_began > float("-inf") else []
        return list(self.episodes) + last


def merged(spans: list[tuple[float, float]], break_s: float = 0.0) -> list[tuple[float, float]]:
    """The union of spans of time, in order; those no further than ``break_s`` apart are one."""
    union: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if union and begin - union[-1][1] <= break_s:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((begin, end))
    return union


class Schedule(Protocol):
    """Says when somebody wants to hear of a finished call next, in seconds of perf_counter."""

    due: float


def make_shim(
    thread_record: Callable[[FunctionRecord], ThreadRecord | None],
    clocks: Clocks,
    schedule: Schedule,
    task_ended: Callable[[ThreadRecord, float], None],
) -> Callable[..., Any]:
    """What runs in place of a submitted function: ``shim(function, fn, submitted, ...)``.

    ``thread_record`` gives the calling thread's record, None: the profile is over.
    ``task_ended`` is called by a thread that has finished a call after ``schedule.due``.
    """
    clock, thread_time = time.perf_counter, time.thread_time

    def shim(
        function: FunctionRecord,
        fn: Callable[..., Any],
        submitted: float,
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        record = thread_record(function)
        if record is None:
            return fn(*args, **kwargs)
        tally = record.tallies.get(function)
        if tally is None:
            tally = record.tallies[function] = Tally()
        outer, before = record.current, record.nested
        record.nested = None
        cpu = queue = None
        started = clock()
        tally.queued_seconds += started - submitted
        if started - record.last_end > record.break_s and outer is None:
            record.begin_episode(started)
        if tally.skip and outer is None:
            tally.skip -= 1
        else:
            queue = record.run_queue_seconds()
            cpu = thread_time()
            started = clock()
        record.current = (function, started, cpu, queue)
        try:
            return fn(*args, **kwargs)
        finally:
            record.last_end = ended = clock()
            if cpu is None and record.nested is None:
                # The short way: most calls of short functions.
                tally.calls += 1
                tally.wall_seconds += ended - started
                record.current = None
            else:
                took: Seconds = (ended - started, 0.0, 0.0)
                if cpu is not None:
                    took = _finish_clocks(record, clocks, took[0], cpu, queue)
                _count(tally, record, took, clocks, cpu is not None, queue is not None)
                record.nested = None if outer is None else _add(before, took)
                record.current = outer
            if ended >= schedule.due:
                record.ran = function
                task_ended(record, ended)

    return shim


def _finish_clocks(
    record: ThreadRecord, clocks: Clocks, wall: float, cpu: float, queue: float | None
) -> Seconds:
    took = max(0.0, time.thread_time() - cpu - clocks.cpu_bias_s)
    waited = 0.0
    if queue is not None:
        now = record.run_queue_seconds()
        waited = now - queue if now is not None else 0.0
    return wall, took, waited


def _add(a: Seconds | None, b: Seconds) -> Seconds:
    return b if a is None else (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def _count(
    tally: Tally,
    record: ThreadRecord,
    took: Seconds,
    clocks: Clocks,
    with_cpu: bool,
    with_queue: bool,
) -> None:
    """Add a finished call, less the calls it ran inside itself, which count on their own."""
    wall, cpu, queue = took
    if record.nested is not None:
        wall, cpu, queue = (a - b for a, b in zip(took, record.nested, strict=True))
    tally.calls += 1
    tally.wall_seconds += wall
    if not with_cpu:
        return
    weight = tally.gap - tally.skip  # the call and those skipped before it
    tally.cpu_calls += weight
    tally.cpu_seconds += weight * max(0.0, cpu)
    if with_queue:
        tally.run_queue_calls += weight
        tally.run_queue_seconds += weight * max(0.0, queue)
    if tally.calls >= _FIRST_CALLS:
        gap = clocks.gap(tally.cpu_seconds / tally.cpu_calls, tally.wall_seconds / tally.calls)
        tally.skip = int(2 * (gap - 1) * record.random.random() + 0.5)
        tally.gap = tally.skip + 1
