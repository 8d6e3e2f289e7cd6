"""One task as every strategy runs it: timed, waited for, checked."""

import threading
from collections.abc import Awaitable, Callable, Hashable
from pathlib import Path
from time import perf_counter
from typing import Any

from harness.trial.recorder import Recorder, WorkerLog, finish
from harness.trial.spec import TrialOrder
from harness.trial.waiting import make_waiter
from harness.workload import (
    Task,
    WrongResultError,
    declared_errors,
    load_workload,
    reference_results,
)

Offload = Callable[[Callable[[Task], tuple[bool, Any]], Task], Awaitable[tuple[bool, Any]]]

NEVER_WAITED = float("nan")


def _step(task: Task) -> tuple[bool, Any]:
    """Run a task up to its next wait: ``(True, seconds)``, or ``(False, result)`` at its end."""
    try:
        return True, next(task)
    except StopIteration as stop:
        return False, stop.value


class TimedTask:
    """Callable that runs task number ``index`` of a workload and records its times.

    ``close_at`` (seconds of ``perf_counter``) ends the measurement: a worker that would
    start a task after it parks for good instead, so that the load dies down by itself and
    the main thread gets to run; the process is killed soon after.
    """

    def __init__(self, order: TrialOrder, recorder: Recorder) -> None:
        self._workload = load_workload(Path(order.workload_file), order.setup)
        #: what its tasks may raise as part of their work
        self.errors = declared_errors(self._workload)
        self._references = reference_results(self._workload)
        self._waiter = make_waiter(order.spec.io, order.remote_port)
        self._recorder = recorder
        self._local = threading.local()
        self._parked = threading.Event()
        self.close_at = float("inf")

    def _log(self) -> WorkerLog:
        log: WorkerLog | None = getattr(self._local, "log", None)
        if log is None:
            log = self._local.log = self._recorder.new_log()
        return log

    def _check(self, result: Hashable, index: int) -> None:
        expected = self._references[index % len(self._references)]
        if result != expected:
            raise WrongResultError(f"task {index} returned {result!r} instead of {expected!r}")

    def claim_log(self) -> None:
        """Prepare the calling worker's log, so that its first task does not pay for it."""
        self._log()

    def __call__(self, submitted: float, index: int) -> None:
        """Run one task in the calling thread.

        Raises ``WrongResultError`` when the result differs from the reference, and
        whatever the task raises; a declared error is recorded first.
        """
        started = perf_counter()
        if started >= self.close_at:
            self._parked.wait()
        handle = self._log().begin(submitted, started)
        task = self._workload.task(index)
        wait = self._waiter.wait
        waits, late = 0, 0.0
        try:
            while True:
                seconds = next(task)
                asked = perf_counter()
                wait(seconds)
                late += perf_counter() - asked - seconds
                waits += 1
        except StopIteration as stop:
            result = stop.value
        except self.errors as error:
            self._fail(handle, error)
            raise
        finish(handle, perf_counter(), late / waits if waits else NEVER_WAITED)
        self._check(result, index)

    def _fail(self, handle: "tuple[memoryview[float], int]", error: Exception) -> None:
        kinds = [isinstance(error, kind) for kind in self.errors]
        finish(handle, perf_counter(), NEVER_WAITED, 1 + kinds.index(True))

    async def run_async(self, submitted: float, index: int, offload: Offload | None) -> None:
        """Run one task as a coroutine; ``offload`` awaits its CPU parts elsewhere."""
        handle = self._log().begin(submitted, perf_counter())
        task = self._workload.task(index)
        waits, late = 0, 0.0
        while True:
            try:
                waiting, value = _step(task) if offload is None else await offload(_step, task)
            except self.errors as error:
                self._fail(handle, error)
                raise
            if not waiting:
                break
            asked = perf_counter()
            await self._waiter.wait_async(value)
            late += perf_counter() - asked - value
            waits += 1
        finish(handle, perf_counter(), late / waits if waits else NEVER_WAITED)
        self._check(value, index)
