"""Taking a profile: watches every thread pool of the process between two moments."""

import functools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from .. import gil
from ..executor import AdaptiveThreadPoolExecutor
from ..probes import ProcReader, ThreadIdentity, cpus_granted, open_reader
from .naming import name_of
from .recording import (
    Clocks,
    FunctionRecord,
    PoolRecord,
    Tally,
    ThreadRecord,
    make_shim,
    merged,
)
from .report import Count, Facts, PoolFacts, Report, build_report
from .sampling import Sampler

#: run-queue time is read in so many threads at once at most: each keeps a file open
_MOST_FILES = 128


class _Process:
    """The profile that is being taken; ``lock`` guards its coming and going."""

    active: "Profile | None" = None
    lock = threading.Lock()


class _Here(threading.local):
    """The calling thread's record; ``farewell`` goes with the thread."""

    record: ThreadRecord | None = None
    farewell: "_Farewell | None" = None


class _Farewell:
    """Notices the end of a thread by being deleted with its thread-local data."""

    def __init__(self, record: ThreadRecord) -> None:
        self._record = record

    def __del__(self) -> None:
        self._record.ended = True
        self._record.close()


class Profile:
    """``with Profile() as profile: ...`` and then ``print(profile.report())``.

    Watches the calls submitted meanwhile to executors that are ``ThreadPoolExecutor`` or
    ``AdaptiveThreadPoolExecutor``, whatever their subclass and whoever submits
    (``asyncio.to_thread`` does). Executors whose threads run another interpreter's code
    (``InterpreterPoolExecutor``) are left alone. ``use_proc=False`` behaves as on systems
    without /proc. Only one profile can be taken at a time.
    """

    # What there is once it watches (see ``_prepare``).
    _sampler: Sampler
    _reader: ProcReader | None
    _began: float
    _shim: Callable[..., Any]

    def __init__(self, *, use_proc: bool = True) -> None:
        self._use_proc = use_proc
        self._lock = threading.Lock()
        self._pools: list[PoolRecord] = []
        # By id, which is quicker than a WeakKeyDictionary; the reference tells a new
        # executor at an old one's address.
        self._of_executor: dict[int, tuple[weakref.ref[ThreadPoolExecutor], PoolRecord]] = {}
        self._threads: list[ThreadRecord] = []
        self._here = _Here()
        self._running = False
        self._reporting = threading.Lock()
        self._report: Report | None = None
        self._patches: list[tuple[type, Any, Any]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Watch from now on. Raises ``RuntimeError`` if a profile is being taken, or was."""
        with _Process.lock:
            if _Process.active is not None:
                raise RuntimeError("another profile is being taken")
            if self._patches:
                raise RuntimeError("a profile cannot be taken twice")
            self._prepare()
            _Process.active = self
        self._running = True
        for executor in (ThreadPoolExecutor, AdaptiveThreadPoolExecutor):
            original = executor.submit
            replacement = self._watched(original)
            self._patches.append((executor, original, replacement))
            executor.submit = replacement  # type: ignore[method-assign]

    def _prepare(self) -> None:
        self._sampler = Sampler(self._threads, use_proc=self._use_proc)
        # Apart from the sampler's: a reader serves one thread at a time.
        self._reader = open_reader() if self._use_proc else None
        self._began = time.perf_counter()
        own = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
        probe = ThreadRecord(_UNSEEN, own, self._reader)
        self._shim = make_shim(
            self._record_of_caller,
            Clocks(probe.run_queue_seconds),
            self._sampler,
            self._sampler.call_ended,
        )
        probe.close()

    def stop(self) -> None:
        """Watch no more; calls that run on are reported as they are now. Idempotent."""
        with _Process.lock:
            if _Process.active is not self:
                return
            _Process.active = None
        with self._reporting:
            self._report = self._take_report()
        self._unpatch()
        self._sampler.stop()
        for record in self._threads:
            record.close()

    def report(self) -> Report:
        """What the profile shows up to now, or up to its end."""
        with self._reporting:
            return self._report or self._take_report()

    def _unpatch(self) -> None:
        self._running = False
        for executor, original, replacement in self._patches:
            # Somebody may have wrapped the wrapper; it does nothing from here on.
            if executor.__dict__.get("submit") is replacement:
                executor.submit = original  # type: ignore[attr-defined]

    def _abandon(self) -> None:
        """In the child of a fork: the profile is the parent's."""
        self._unpatch()
        self._sampler.due = float("inf")

    # -- submitting ------------------------------------------------------------------------

    def _watched(self, original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        shim, clock = self._shim, time.perf_counter

        @functools.wraps(original)
        def submit(
            executor: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
        ) -> Future[Any]:
            if not self._running:
                return original(executor, fn, *args, **kwargs)
            known = self._of_executor.get(id(executor))
            if known is not None and known[0]() is executor:
                pool = known[1]
            else:
                pool = self._new_pool(executor)
            if pool is _UNSEEN:
                return original(executor, fn, *args, **kwargs)
            function = pool.function(name_of(fn, args))
            return original(executor, shim, function, fn, clock(), *args, **kwargs)

        return submit

    def _new_pool(self, executor: ThreadPoolExecutor) -> PoolRecord:
        with self._lock:
            known = self._of_executor.get(id(executor))
            if known is not None and known[0]() is executor:
                return known[1]
            if _runs_elsewhere(executor):
                pool = _UNSEEN
            else:
                kind = type(executor)
                pool = PoolRecord(
                    len(self._pools) + 1,
                    kind.__qualname__,
                    _limit_of(executor),
                    adaptive=issubclass(kind, AdaptiveThreadPoolExecutor),
                )
                self._pools.append(pool)
            self._of_executor[id(executor)] = (weakref.ref(executor), pool)
        return pool

    # -- in the pools' threads -------------------------------------------------------------

    def _record_of_caller(self, function: FunctionRecord) -> ThreadRecord | None:
        here = self._here
        return here.record or self._new_thread(function.pool)

    def _new_thread(self, pool: PoolRecord) -> ThreadRecord | None:
        if not self._running:
            return None
        with self._lock:
            files = sum(not record.ended for record in self._threads)
        identity = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
        reader = open_reader() if self._use_proc and files < _MOST_FILES else None
        record = ThreadRecord(pool, identity, reader)
        pool.label = pool.label or threading.current_thread().name.rpartition("_")[0]
        self._here.record = record
        self._here.farewell = _Farewell(record)
        with self._lock:
            self._threads.append(record)
        return record

    # -- reporting -------------------------------------------------------------------------

    def _take_report(self) -> Report:
        now = time.perf_counter()
        self._sampler.look(None, now)
        threads = list(self._threads)
        return build_report(
            Facts(
                python=sys.version.split()[0],
                gil=self._sampler.had_gil,
                run_queue_known=self._reader is not None,
                gil_wait_known=not self._sampler.had_gil or gil.known.site is not None,
                cores_granted=cpus_granted(),
                wall_seconds=now - self._began,
                busy_seconds=_covered(threads, now),
                pools=tuple(
                    self._facts_of(pool, [t for t in threads if t.pool is pool], now)
                    for pool in list(self._pools)
                ),
            )
        )

    def _facts_of(self, pool: PoolRecord, threads: list[ThreadRecord], now: float) -> PoolFacts:
        return PoolFacts(
            number=pool.number,
            kind=pool.kind,
            label=pool.label or "(unnamed)",
            adaptive=pool.adaptive,
            max_workers=pool.max_workers,
            threads=len(threads),
            busy_seconds=_covered(threads, now),
            functions=tuple(
                self._count(function, threads, now) for function in list(pool.functions.values())
            ),
        )

    def _count(self, function: FunctionRecord, threads: list[ThreadRecord], now: float) -> Count:
        count = Count(
            name=function.name,
            blocked=function.blocked,
            gil_waits=function.gil_waits,
            samples=function.samples,
            seen=function.seen,
            free=function.free,
            unwaited=function.unwaited,
        )
        for thread in threads:
            tally = thread.tallies.get(function)
            if tally is not None:
                count += _finished(function.name, tally)
            count += _in_flight(function, thread, now, self._reader)
        return count


#: the record of executors that are left alone
_UNSEEN = PoolRecord(0, "", None)


def _runs_elsewhere(executor: ThreadPoolExecutor) -> bool:
    """Whether calls are sent to another interpreter: a shim could not go with them."""
    module = sys.modules.get("concurrent.futures.interpreter")
    return module is not None and isinstance(executor, module.InterpreterPoolExecutor)


def _limit_of(executor: ThreadPoolExecutor) -> int | None:
    """``max_workers``, which no public name gives away; None if the private one is gone."""
    limit = getattr(executor, "_max_workers", None)
    return limit if isinstance(limit, int) else None


def _covered(threads: list[ThreadRecord], now: float) -> float:
    """Seconds in which at least one of the threads had work."""
    spans = merged([span for thread in threads for span in thread.work(now)])
    return sum(end - begin for begin, end in spans)


def _finished(name: str, tally: Tally) -> Count:
    """A thread's finished calls; what was clocked now and then scaled up to all of them."""
    calls = tally.calls
    return Count(
        name=name,
        calls=calls,
        wall_seconds=tally.wall_seconds,
        queued_seconds=tally.queued_seconds,
        cpu_seconds=tally.cpu_seconds * calls / (tally.cpu_calls or 1),
        run_queue_seconds=tally.run_queue_seconds * calls / (tally.run_queue_calls or 1),
        run_queue_wall_seconds=tally.wall_seconds if tally.run_queue_calls else 0.0,
    )


def _in_flight(function: FunctionRecord, thread: ThreadRecord, now: float, reader: Any) -> Count:
    """The call that a thread is running, if it is one of ``function``.

    One that was begun without clocks is known to be short: it is counted, its time is not.
    """
    running = thread.current
    if running is None or running[0] is not function:
        return Count(name=function.name)
    _, started, cpu, queue = running
    cpu_now = thread.identity.cpu_seconds()
    if cpu is None or cpu_now is None:
        return Count(name=function.name, in_flight=1)
    queue_now = thread.run_queue_seconds(reader)
    known = queue is not None and queue_now is not None
    wall = max(0.0, now - started)
    return Count(
        name=function.name,
        in_flight=1,
        wall_seconds=wall,
        cpu_seconds=cpu_now - cpu,
        run_queue_seconds=queue_now - queue if known else 0.0,  # type: ignore[operator]
        run_queue_wall_seconds=wall if known else 0.0,
    )


def _abandon_in_child() -> None:
    _Process.lock = threading.Lock()
    if _Process.active is not None:
        _Process.active._abandon()
        _Process.active = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_in_child)
