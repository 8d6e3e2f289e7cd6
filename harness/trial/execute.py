"""Runs one trial inside the measured process."""

import gc
import json
import os
import sys
import threading
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from harness.strategies import KINDS, Batch, Load, Strategy
from harness.trial.batch_clock import BatchClock
from harness.trial.recorder import Recorder
from harness.trial.spec import TrialOrder, TrialSpec
from harness.trial.task import TimedTask


def gil_enabled() -> bool:
    """Whether this interpreter runs with a GIL right now; an import can switch it on."""
    probe = getattr(sys, "_is_gil_enabled", None)
    return True if probe is None else bool(probe())


def make_worker_task(worker_spec: Mapping[str, Any]) -> TimedTask:
    """The task runner of a worker process, on the recorder of the trial that started it."""
    order: TrialOrder = worker_spec["order"]
    _apply_conditions(order.spec)
    path = f"/proc/{worker_spec['pid']}/fd/{worker_spec['recorder_fd']}"
    return TimedTask(order, Recorder(os.open(path, os.O_RDWR)))


def _join_groups(order: TrialOrder) -> None:
    """Become a member of the trial's cgroups; what it starts from now on is one too."""
    for path in order.cgroup_procs:
        with open(path, "w") as members:  # noqa: PTH123 - no pathlib in the measured process
            members.write("0")


def _apply_conditions(spec: TrialSpec) -> None:
    """Those of the experiment's conditions that a measured process sets for itself."""
    switch_interval_ms = spec.conditions.get("switch_interval_ms")
    if switch_interval_ms is not None:
        sys.setswitchinterval(switch_interval_ms / 1e3)


def _describe_failure(error: BaseException) -> tuple[str, str]:
    """The status and the reason of a trial that ended with ``error``."""
    try:
        text = str(error)
    except Exception:  # the workload's own class may be as broken as the workload
        text = "(cannot be shown)"
    text = f"{type(error).__name__}: {text}"[:500]
    reason = text.encode(errors="backslashreplace").decode()  # half a surrogate pair is no text
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "refused", reason
    # BlockingIOError: fork refused (EAGAIN). Names keep concurrent.futures.process unloaded.
    if isinstance(error, BlockingIOError):
        return "refused", reason
    if type(error).__name__ == "BrokenProcessPool":
        return "crash", f"a pool worker died: {reason}"
    return "error", reason


class _Trial:
    """One trial under way: what it runs, and what it tells the runner."""

    def __init__(self, order: TrialOrder, control_fd: int, recorder_fd: int) -> None:
        self._spec = order.spec
        self._control_fd = control_fd
        self._started = perf_counter()
        self._runner = TimedTask(order, Recorder(recorder_fd))
        self._worker_spec = {"order": order, "recorder_fd": recorder_fd}

    @property
    def errors(self) -> list[str]:
        """Names of the errors that the workload declares, in their order."""
        return [error.__name__ for error in self._runner.errors]

    def _ready(self, ready_at: float, open_at: float, close_at: float) -> None:
        ready = {"ready_at": ready_at, "open_at": open_at, "close_at": close_at}
        setup_s = ready_at - self._started
        tell(self._control_fd, {"event": "ready", "setup_s": setup_s, **ready})

    def run_steady(self, strategy: Strategy) -> dict[str, Any]:
        """Keep the population in flight until the window closes."""

        def begin() -> float:
            ready_at = perf_counter()
            open_at = ready_at + self._spec.warmup_s
            self._runner.close_at = open_at + self._spec.window_s
            self._ready(ready_at, open_at, self._runner.close_at)
            return self._runner.close_at

        load = Load(self._runner, self._spec.population, begin, make_worker_task, self._worker_spec)
        strategy.run(load)
        if load.failure is not None:
            raise load.failure
        return {}

    def run_batch(self, strategy: Strategy) -> dict[str, Any]:
        """Send the tasks through a new pool; returns when it was what (see ``BatchClock``)."""
        clock = BatchClock()
        assert self._spec.tasks is not None, "the plan gives every batch its tasks"
        batch = Batch(
            self._runner, self._spec.tasks, clock.drained, make_worker_task, self._worker_spec
        )
        now = perf_counter()
        self._ready(now, now, now + self._spec.time_limit_s)
        clock.start()
        strategy.run_batch(batch)
        clock.stop()
        return {"batch": clock.report()}


def tell(control_fd: int, message: dict[str, Any]) -> None:
    """Send one message in one write: every release of the GIL may cost many switch intervals."""
    # The line end before it keeps it apart from whatever the workload wrote there.
    os.write(control_fd, b"\n" + json.dumps(message).encode() + b"\n")


def run_trial(order: TrialOrder, control_fd: int, recorder_fd: int) -> None:
    """Run a trial and tell the runner about it on ``control_fd``.

    Two JSON lines are written: ``ready`` when warm-up starts or a batch is about to, with the
    times that bound the window (the latest end of a batch), and ``report`` after it has closed.
    """
    status, reason = "ok", ""
    strategy = None
    edges: dict[str, Any] = {}
    errors: list[str] = []
    gil_before = gil_enabled()
    try:
        spec = order.spec
        _join_groups(order)
        _apply_conditions(spec)
        trial = _Trial(order, control_fd, recorder_fd)
        errors = trial.errors
        strategy = KINDS[spec.kind](spec.concurrency, spec.strategy_parameters)
        gc.collect()
        gc.freeze()
        run = trial.run_batch if spec.protocol == "batch" else trial.run_steady
        edges = run(strategy)
    except BaseException as error:
        status, reason = _describe_failure(error)
    tell(
        control_fd,
        {
            "event": "report",
            "status": status,
            "reason": reason,
            "gil_before": gil_before,
            "gil_after": gil_enabled(),
            "switch_interval_s": sys.getswitchinterval(),
            "threads_at_end": threading.active_count(),
            "errors": errors,
            "strategy": strategy.report() if strategy is not None else {},
            **edges,
        },
    )
