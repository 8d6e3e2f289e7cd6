"""From what was seen of a trial to the numbers of its record: pure functions."""

import re
import signal
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.machine.counters import difference
from harness.measure.batch import batch_metrics
from harness.measure.disturbance import Metrics, noise_metrics
from harness.measure.observation import Observation, TaskLog
from harness.store.records import TIMELINE_BIN_S
from harness.trial.recorder import SUCCESS

#: CPython's warning (import.c, 3.13) when a module switches the GIL on
GIL_SWITCHED_ON = re.compile(r"\(GIL\) has been enabled to load module '([^']+)'")


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether a trial counts, and if not, why: ``status`` as in the table of trials."""

    status: str
    reason: str


def judge(seen: Observation, expect_gil: bool) -> Ending:
    """The status of a trial: ok timeout oom crash error invalid_gil refused.

    What the trial's cgroup counted comes first: it is the cause of whatever else was seen.
    """
    verdict = _judge_end(seen, expect_gil)
    usage = seen.usage
    if usage is not None and usage.oom_kills:
        peak = "" if usage.memory_peak_mb is None else f" at {usage.memory_peak_mb:.0f} MB"
        return Ending(
            "oom", f"its memory ran out{peak}: the kernel killed {usage.oom_kills} of its processes"
        )
    if usage is not None and usage.pids_refused and verdict.status not in ("ok", "invalid_gil"):
        return Ending(
            "refused", f"processes or threads refused {usage.pids_refused} times ({verdict.reason})"
        )
    return verdict


def _judge_end(seen: Observation, expect_gil: bool) -> Ending:
    if seen.timed_out:
        return Ending("timeout", seen.timed_out)
    if seen.garbage:
        return Ending("error", f"told the runner what is no message: {seen.garbage}")
    if not seen.report:
        return _judge_silent_end(seen)
    if seen.report["status"] != "ok":
        return Ending(seen.report["status"], seen.report["reason"])
    return _judge_report(seen, expect_gil)


def _judge_report(seen: Observation, expect_gil: bool) -> Ending:
    """What to think of a trial that says of itself that all went well."""
    if seen.report["gil_after"] != expect_gil:
        now, wanted = ("enabled", "disabled") if seen.report["gil_after"] else ("off", "on")
        culprit = GIL_SWITCHED_ON.search(seen.output_tail)
        fix = (
            f": {culprit[1]} switched it on; pin a version that declares itself safe without it"
            if culprit
            else ""
        )
        return Ending("invalid_gil", f"the GIL is {now} after the workload ran, not {wanted}{fix}")
    if seen.tree_at_open is None or seen.tree_at_close is None:
        return Ending("error", "the trial reported before its window had closed")
    if seen.tasks is not None and not _ended_inside(seen).any():
        return Ending("timeout", f"no task ended within the window of {_window_s(seen):.3g} s")
    if seen.tasks is not None and not _succeeded_inside(seen).any():
        failed = int(_ended_inside(seen).sum())
        return Ending("error", f"all {failed} tasks that ended within the window failed")
    return Ending("ok", "")


def _window_s(seen: Observation) -> float:
    if seen.batch is not None:
        return seen.batch.elapsed_s
    return float(seen.ready["close_at"] - seen.ready["open_at"])


def _ended_inside(seen: Observation) -> npt.NDArray[np.bool_]:
    """Which tasks ended inside the window, shape (tasks,)."""
    assert seen.tasks is not None
    open_at, close_at = float(seen.ready["open_at"]), float(seen.ready["close_at"])
    return (seen.tasks.ended >= open_at) & (seen.tasks.ended < close_at)


def _succeeded_inside(seen: Observation) -> npt.NDArray[np.bool_]:
    """Which of these were successes, shape (tasks,)."""
    assert seen.tasks is not None
    succeeded: npt.NDArray[np.bool_] = seen.tasks.outcome == SUCCESS
    return _ended_inside(seen) & succeeded


def _judge_silent_end(seen: Observation) -> Ending:
    code = seen.ended.get("exit_code")
    tail = f"; last output: {seen.output_tail[-300:]}" if seen.output_tail else ""
    if code is None:
        return Ending("crash", f"the trial's end was not seen{tail}")
    if code >= 0:
        return Ending("crash", f"exited with code {code} before its report{tail}")
    name = signal_name(-code)
    if name == "SIGKILL" and (seen.usage is None or seen.usage.oom_kills is None):
        return Ending("crash", f"killed by {name}, cause unknown{_oom_hint(seen)}{tail}")
    return Ending("crash", f"killed by {name}{tail}")


def _oom_hint(seen: Observation) -> str:
    """What the machine's own count of OOM kills says: something, but not whom it hit."""
    if seen.noise_before is None or seen.noise_after is None:
        return ""
    kills = difference(seen.noise_after.oom_kills, seen.noise_before.oom_kills)
    return f" (the machine's OOM killer struck {kills:g} times meanwhile)" if kills else ""


def signal_name(number: int) -> str:
    """``SIGSEGV`` and the like; real-time signals have numbers only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def jain_fairness(counts: npt.NDArray[np.int64]) -> float | None:
    """Jain's index (sum x)^2 / (n sum x^2) of completions per worker: 1 even, 1/n one served.

    R. Jain, D. Chiu, W. Hawe, DEC-TR-301 (1984). None with fewer than two workers or
    without any completion.
    """
    if len(counts) < 2 or counts.sum() == 0:
        return None
    return float(counts.sum() ** 2 / (len(counts) * (counts.astype(float) ** 2).sum()))


def occupied_seconds(tasks: TaskLog, open_at: float, close_at: float) -> float:
    """Worker seconds between start and end of tasks, clipped to the window, in flight included."""
    ended = np.where(np.isnan(tasks.ended), close_at, tasks.ended)
    overlap = np.minimum(ended, close_at) - np.maximum(tasks.started, open_at)
    return float(np.clip(overlap, 0, None).sum())


def _mean_ms(values: npt.NDArray[np.float64]) -> float | None:
    """The mean of those that are numbers."""
    known = values[~np.isnan(values)]
    return float(known.mean() * 1e3) if len(known) else None


def _milliseconds(values: npt.NDArray[np.float64], quantile: float) -> float | None:
    return float(np.quantile(values, quantile) * 1e3) if len(values) else None


def window_metrics(seen: Observation) -> Metrics:
    """Throughput, latencies and costs inside the window of a trial that ended well.

    Throughput is goodput: tasks that succeeded. So are the tasks whose latencies and costs are
    given; time that failed ones took is time in which a worker was occupied.
    """
    tasks, at_open, at_close = seen.tasks, seen.tree_at_open, seen.tree_at_close
    assert tasks is not None and at_open is not None and at_close is not None
    open_at, close_at = seen.ready["open_at"], seen.ready["close_at"]
    window = _window_s(seen)
    ended_inside = _ended_inside(seen)
    inside = _succeeded_inside(seen)
    completed = int(inside.sum())
    failed = int(ended_inside.sum()) - completed
    ended = tasks.ended[inside]
    service = ended - tasks.started[inside]
    sojourn = ended - tasks.submitted[inside]
    occupied = occupied_seconds(tasks, open_at, close_at)
    first_half = int((ended < open_at + window / 2).sum())

    # Counters are read a moment after the edges: scale to the window's length. Those of a
    # batch are read by the trial itself, at the start and when no task is left.
    batch = seen.batch is not None
    scale = 1.0 if batch else window / (at_close.at - at_open.at)
    cpu = (at_close.cpu_s - at_open.cpu_s) * scale
    run_queue = difference(at_close.run_queue_s, at_open.run_queue_s)
    owners, index = np.unique(
        np.stack([tasks.process, tasks.worker], axis=1), axis=0, return_inverse=True
    )
    per_worker = np.bincount(index.ravel()[inside], minlength=len(owners))
    mean_workers = occupied / window
    throughput = completed / window
    return {
        "completed": completed,
        "failed": failed,
        "throughput_tps": throughput,
        "failures_tps": failed / window,
        "latency_p50_ms": _milliseconds(service, 0.5),
        "latency_p95_ms": _milliseconds(service, 0.95),
        "latency_p99_ms": _milliseconds(service, 0.99),
        "sojourn_p50_ms": _milliseconds(sojourn, 0.5),
        "sojourn_p99_ms": _milliseconds(sojourn, 0.99),
        "cpu_ms_per_task": cpu / completed * 1e3 if completed else None,
        "beta_naive": 1 - cpu / occupied if occupied > 0 else None,
        "run_queue_ms_per_task": (
            max(0.0, run_queue) * scale / completed * 1e3
            if completed and run_queue is not None
            else None
        ),
        "occupied_workers": mean_workers,
        "littles_law_ratio": (
            throughput * float(service.mean()) / mean_workers if completed and not batch else None
        ),
        "jain_fairness": jain_fairness(per_worker),
        "drift_ratio": (completed - first_half) / first_half if first_half and not batch else None,
        "wakeup_lateness_ms": _mean_ms(tasks.lateness[inside]),
        **batch_metrics(seen),
    }


def failures(seen: Observation) -> dict[str, int]:
    """How many tasks failed inside the window, by the name of the error; empty for none."""
    names = seen.report.get("errors", ())
    if seen.tasks is None or not names:
        return {}
    counts = np.bincount(seen.tasks.outcome[_ended_inside(seen)], minlength=len(names) + 1)
    return {name: int(n) for name, n in zip(names, counts[1:], strict=False) if n}


def timeline(tasks: TaskLog, start: float, end: float) -> list[int]:
    """Successes in each ``TIMELINE_BIN_S`` from ``start`` to ``end``, shape (bins,)."""
    edges = np.arange(start, end + TIMELINE_BIN_S / 2, TIMELINE_BIN_S)
    succeeded = ~np.isnan(tasks.ended) & (tasks.outcome == SUCCESS)
    return [int(n) for n in np.histogram(tasks.ended[succeeded], edges)[0]]


def environment_metrics(seen: Observation) -> Metrics:
    """What the machine did meanwhile; None where the kernel does not count it."""
    lifetime = seen.ended_at - seen.started_at
    memory = seen.memory

    def rate(key: str) -> float | None:
        return seen.ended[key] / lifetime if key in seen.ended and lifetime > 0 else None

    return {
        "started_at": seen.started_at,
        "ended_at": seen.ended_at,
        "setup_s": seen.ready.get("setup_s"),
        "speed_before": seen.started.get("speed_before"),
        "speed_window": seen.speed_in_window,
        "speed_after": seen.ended.get("speed_after"),
        **noise_metrics(seen),
        "memory_peak_mb": None if seen.usage is None else seen.usage.memory_peak_mb,
        "voluntary_switches_per_s": rate("voluntary_switches"),
        "involuntary_switches_per_s": rate("involuntary_switches"),
        "pss_peak_mb": memory.pss_mb if memory else None,
        "uss_peak_mb": memory.uss_mb if memory else None,
        "rss_peak_mb": memory.rss_mb if memory else None,
    }


def summarise(seen: Observation, expect_gil: bool) -> dict[str, Any]:
    """The result part of a trial's record."""
    verdict = judge(seen, expect_gil)
    report = seen.report
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        "gil_enabled": report.get("gil_after", seen.hello.get("gil_enabled")),
        "metrics": {
            **(window_metrics(seen) if verdict.status == "ok" else {}),
            **environment_metrics(seen),
        },
        "failures": failures(seen) if verdict.status == "ok" else {},
        "strategy": report.get("strategy", {}),
        "switch_interval_s": report.get("switch_interval_s"),
        "ready_at": seen.ready.get("ready_at"),
        "timeline": (
            timeline(
                seen.tasks,
                seen.ready.get("ready_at", seen.ready["open_at"]),
                seen.ready["close_at"],
            )
            if verdict.status == "ok" and seen.tasks is not None
            else []
        ),
        "threads_at_end": report.get("threads_at_end"),
        "strays_killed": seen.ended.get("strays_killed"),
        "exit_code": seen.ended.get("exit_code"),
        "output_tail": seen.output_tail,
        "interpreter": seen.hello,
    }
