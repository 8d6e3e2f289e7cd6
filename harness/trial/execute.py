"""Runs one trial inside the measured process."""

import gc
import json
import os
import sys
import threading
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from harness.strategies import KINDS, Load
from harness.trial.recorder import Recorder
from harness.trial.task import TimedTask


def gil_enabled() -> bool:
    """Whether this interpreter runs with a GIL right now; an import can switch it on."""
    probe = getattr(sys, "_is_gil_enabled", None)
    return True if probe is None else bool(probe())


def make_worker_task(worker_spec: Mapping[str, Any]) -> TimedTask:
    """The task runner of a worker process, on the recorder of the trial that started it."""
    path = f"/proc/{worker_spec['pid']}/fd/{worker_spec['recorder_fd']}"
    return TimedTask(dict(worker_spec["trial"]), Recorder(os.open(path, os.O_RDWR)))


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


def run_trial(spec: dict[str, Any], control_fd: int, recorder_fd: int) -> None:
    """Run the trial ``spec`` and tell the runner about it on ``control_fd``.

    Two JSON lines are written: ``ready`` when warm-up starts, with the times that bound
    the window, and ``report`` after it has closed. Each goes out in one write, since every
    release of the GIL may cost many switch intervals while workers are still busy.
    """

    def tell(message: dict[str, Any]) -> None:
        # The line end before it keeps it apart from whatever the workload wrote there.
        os.write(control_fd, b"\n" + json.dumps(message).encode() + b"\n")

    setup_started = perf_counter()
    status, reason = "ok", ""
    strategy = None
    gil_before = gil_enabled()
    try:
        runner = TimedTask(spec, Recorder(recorder_fd))

        def begin() -> float:
            ready_at = perf_counter()
            open_at = ready_at + spec["warmup_s"]
            runner.close_at = open_at + spec["window_s"]
            tell(
                {
                    "event": "ready",
                    "setup_s": ready_at - setup_started,
                    "ready_at": ready_at,
                    "open_at": open_at,
                    "close_at": runner.close_at,
                }
            )
            return runner.close_at

        strategy = KINDS[spec["strategy"]["kind"]](
            spec["concurrency"], spec["strategy"]["parameters"]
        )
        load = Load(
            runner,
            spec["population"],
            begin,
            make_worker_task,
            {"trial": spec, "recorder_fd": recorder_fd},
        )
        gc.collect()
        gc.freeze()
        strategy.run(load)
        if load.failure is not None:
            raise load.failure
    except BaseException as error:
        status, reason = _describe_failure(error)
    tell(
        {
            "event": "report",
            "status": status,
            "reason": reason,
            "gil_before": gil_before,
            "gil_after": gil_enabled(),
            "threads_at_end": threading.active_count(),
            "strategy": strategy.report() if strategy is not None else {},
        }
    )
