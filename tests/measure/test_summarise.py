"""From times and counters to a trial's numbers."""

import signal
from typing import Any

import numpy as np
import pytest

from harness.machine.counters import MemoryUse, TreeCounters
from harness.machine.noise import Noise
from harness.measure.batch import adopt
from harness.measure.observation import Edge, Observation, TaskLog
from harness.measure.summarise import (
    environment_metrics,
    jain_fairness,
    judge,
    occupied_seconds,
    summarise,
    timeline,
    window_metrics,
)

NAN = float("nan")
#: worker, submitted, started, ended, and what came of it if it was no success
Task = tuple[int, float, float, float] | tuple[int, float, float, float, int]


def task_log(*tasks: Task, process: int = 1) -> TaskLog:
    table = np.array([(*task, 0)[:5] for task in tasks], dtype=float).reshape(-1, 5)
    return TaskLog(
        worker=table[:, 0].astype(np.int64),
        process=np.full(len(table), process, dtype=np.int64),
        submitted=table[:, 1],
        started=table[:, 2],
        ended=table[:, 3],
        lateness=np.full(len(table), NAN),
        outcome=table[:, 4].astype(np.int64),
    )


def noise(at: float, **changes: Any) -> Noise:
    """A machine that counts everything and has done nothing yet; the clocks agree."""
    values: dict[str, Any] = {
        "busy_s": 0.0,
        "busy_source": "schedstat",
        "steal_s": 0.0,
        "pressure_s": {"cpu": 0.0, "memory": 0.0, "io": 0.0},
        "pages_swapped_in": 0,
        "pages_swapped_out": 0,
        "oom_kills": 0,
        "thermal_throttles": 0,
        "quota_throttled_s": 0.0,
        "frequency_mhz": 2400.0,
    }
    return Noise(at, 1000.0 + at, **(values | changes))


def observed(*tasks: Task, **changes: Any) -> Observation:
    """A trial that ended well, with a window from 10 s to 20 s."""
    values: dict[str, Any] = {
        "started_at": 1000.0,
        "ended_at": 1020.0,
        "hello": {"gil_enabled": True, "version": "3.12"},
        "started": {"speed_before": 90.0},
        "ready": {"open_at": 10.0, "close_at": 20.0, "setup_s": 0.5},
        "report": {"status": "ok", "reason": "", "gil_after": True, "strategy": {"x": 1}},
        "ended": {"exit_code": -9, "cpu_s": 4.0, "speed_after": 91.0, "voluntary_switches": 40},
        "tree_at_open": TreeCounters(at=10.0, cpu_s=1.0, run_queue_s=0.5, threads=3),
        "tree_at_close": TreeCounters(at=20.0, cpu_s=5.0, run_queue_s=1.5, threads=3),
        "memory": MemoryUse(pss_mb=10.0, uss_mb=8.0, rss_mb=20.0),
        "cpus": [2, 3],
        "noise_before": noise(0.0),
        "noise_after": noise(20.0),
        "at_open": Edge(noise(10.0), harness_cpu_s=3.0),
        "at_close": Edge(
            noise(20.0, busy_s=7.0, steal_s=0.25, pressure_s={"cpu": 0.5}), harness_cpu_s=4.0
        ),
        "tasks": task_log(*tasks),
    }
    return Observation(**(values | changes))


# --- the window ---


def test_throughput_counts_tasks_that_end_inside_the_window() -> None:
    metrics = window_metrics(
        observed(
            (0, 0, 8.0, 9.99),  # ends before
            (0, 0, 9.0, 10.0),  # ends at the opening: inside
            (0, 0, 10.0, 19.99),
            (1, 0, 19.0, 20.0),  # ends at the close: outside
            (1, 0, 5.0, 25.0),
            (2, 0, 12.0, NAN),
        )
    )
    assert metrics["completed"] == 2
    assert metrics["throughput_tps"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("task", "seconds"),
    [
        ((0, 0, 12.0, 15.0), 3.0),
        ((0, 0, 5.0, 12.0), 2.0),
        ((0, 0, 18.0, 30.0), 2.0),
        ((0, 0, 1.0, 90.0), 10.0),
        ((0, 0, 16.0, NAN), 4.0),
        ((0, 0, 1.0, 9.0), 0.0),
        ((0, 0, 21.0, NAN), 0.0),
    ],
)
def test_occupied_time_is_clipped_to_the_window_with_tasks_in_flight(
    task: Task, seconds: float
) -> None:
    assert occupied_seconds(task_log(task), 10.0, 20.0) == pytest.approx(seconds)


def test_service_time_starts_with_the_task_and_sojourn_with_its_submission() -> None:
    metrics = window_metrics(observed((0, 11.0, 12.0, 12.5), (0, 11.0, 13.0, 13.5)))
    assert metrics["latency_p50_ms"] == pytest.approx(500)
    assert metrics["latency_p99_ms"] == pytest.approx(500)
    assert metrics["sojourn_p50_ms"] == pytest.approx(2000)


def test_costs_per_task_are_scaled_to_the_window() -> None:
    late = TreeCounters(at=22.0, cpu_s=5.8, run_queue_s=1.7, threads=3)  # read 2 s late
    metrics = window_metrics(observed(*[(0, 0, 10.0, 15.0)] * 4, tree_at_close=late))
    assert metrics["cpu_ms_per_task"] == pytest.approx(1000)  # 4.8 s x 10/12 over 4 tasks
    assert metrics["run_queue_ms_per_task"] == pytest.approx(250)


def test_naive_beta_is_the_share_of_occupied_time_without_cpu() -> None:
    metrics = window_metrics(observed((0, 0, 10.0, 20.5), (1, 0, 10.0, 20.5)))
    assert metrics["beta_naive"] == pytest.approx(1 - 4 / 20)


def test_run_queue_wait_is_empty_where_the_kernel_does_not_count_it() -> None:
    without = TreeCounters(at=20.0, cpu_s=5.0, run_queue_s=None, threads=3)
    metrics = window_metrics(observed((0, 0, 10.0, 15.0), tree_at_close=without))
    assert metrics["run_queue_ms_per_task"] is None


def test_littles_law_holds_in_a_steady_state() -> None:
    steady = [(0, 0.0, float(t), float(t + 1)) for t in range(5, 25)]
    metrics = window_metrics(observed(*steady))
    assert metrics["occupied_workers"] == pytest.approx(1.0)
    assert metrics["littles_law_ratio"] == pytest.approx(1.0)


def test_littles_law_shows_work_that_never_completes() -> None:
    metrics = window_metrics(observed((0, 0, 10.0, 15.0), (1, 0, 10.0, NAN)))
    assert metrics["littles_law_ratio"] == pytest.approx(0.1 * 5 / 1.5)


@pytest.mark.parametrize(
    ("ends", "ratio"),
    [([11, 12, 16, 17], 1.0), ([11, 12, 13, 16], 1 / 3), ([16], None), ([11], 0.0)],
)
def test_drift_compares_the_halves_of_the_window(ends: list[float], ratio: float | None) -> None:
    metrics = window_metrics(observed(*[(0, 0.0, end - 1.0, end) for end in ends]))
    assert metrics["drift_ratio"] == (None if ratio is None else pytest.approx(ratio))


def test_window_without_completions_has_no_latencies() -> None:
    metrics = window_metrics(observed((0, 0, 10.0, NAN)))
    assert (metrics["completed"], metrics["throughput_tps"]) == (0, 0.0)
    for name in ("latency_p50_ms", "sojourn_p99_ms", "cpu_ms_per_task", "littles_law_ratio"):
        assert metrics[name] is None
    assert metrics["jain_fairness"] is None


@pytest.mark.parametrize(
    ("counts", "index"),
    [([5, 5, 5, 5], 1.0), ([8, 0, 0, 0], 0.25), ([1, 3], 0.8), ([5], None), ([0, 0], None)],
)
def test_jain_index(counts: list[int], index: float | None) -> None:
    found = jain_fairness(np.array(counts))
    assert found == (None if index is None else pytest.approx(index))


def test_fairness_counts_a_worker_that_completed_nothing() -> None:
    metrics = window_metrics(observed((0, 0, 10.0, 11.0), (1, 0, 10.0, NAN)))
    assert metrics["jain_fairness"] == pytest.approx(0.5)


def test_workers_of_two_processes_with_the_same_number_are_two() -> None:
    first, second = task_log((0, 0, 10, 11)), task_log((0, 0, 10, 12), process=2)
    both = TaskLog(
        **{
            name: np.concatenate([getattr(first, name), getattr(second, name)])
            for name in (
                "worker",
                "process",
                "submitted",
                "started",
                "ended",
                "lateness",
                "outcome",
            )
        }
    )
    assert window_metrics(observed(tasks=both))["jain_fairness"] == pytest.approx(1.0)


# --- tasks that fail ---

REFUSED = (0, 10.0, 10.0, 11.0, 1)
IMPATIENT = (1, 10.0, 11.0, 12.0, 2)
ERRORS = {"status": "ok", "reason": "", "gil_after": True, "errors": ["Refused", "Impatient"]}


def test_throughput_is_of_successes_and_failures_are_counted_beside_it() -> None:
    metrics = window_metrics(observed((0, 10.0, 10.0, 14.0), REFUSED, IMPATIENT, IMPATIENT))
    assert (metrics["completed"], metrics["failed"]) == (1, 3)
    assert (metrics["throughput_tps"], metrics["failures_tps"]) == (0.1, pytest.approx(0.3))


def test_latency_is_of_successes() -> None:
    metrics = window_metrics(observed((0, 10.0, 10.0, 14.0), REFUSED, IMPATIENT))
    assert metrics["latency_p50_ms"] == 4000
    assert metrics["cpu_ms_per_task"] == 4000


def test_a_worker_is_occupied_by_a_task_that_fails() -> None:
    assert window_metrics(observed(REFUSED))["occupied_workers"] == pytest.approx(0.1)


def test_failures_are_counted_by_type_and_only_inside_the_window() -> None:
    early = (0, 1.0, 1.0, 2.0, 1)
    seen = observed((0, 10.0, 10.0, 14.0), REFUSED, early, IMPATIENT, IMPATIENT, report=ERRORS)
    assert summarise(seen, expect_gil=True)["failures"] == {"Refused": 1, "Impatient": 2}


def test_a_workload_without_errors_counts_none() -> None:
    assert summarise(observed((0, 10.0, 10.0, 14.0)), expect_gil=True)["failures"] == {}


def test_a_trial_in_whose_window_every_task_failed_has_no_throughput() -> None:
    verdict = judge(observed(REFUSED, IMPATIENT, report=ERRORS), expect_gil=True)
    assert (verdict.status, verdict.reason) == (
        "error",
        "all 2 tasks that ended within the window failed",
    )


def test_the_timeline_is_of_successes() -> None:
    assert sum(timeline(task_log((0, 10.0, 10.0, 10.5), REFUSED), 10.0, 12.0)) == 1


# --- a batch ---

TREE = {"at": 1.0, "cpu_s": 2.0, "run_queue_s": None, "threads": 3}
EDGES = {
    "open_at": 10.0,
    "drained_at": 14.0,
    "resumed_at": 14.5,
    "close_at": 15.0,
    "cpu_s": 2.5,
    "tree_at_open": {**TREE, "cpu_s": 1.0},
    "tree_at_close": {**TREE, "cpu_s": 3.0},
    "memory": {"pss_mb": 5.0, "uss_mb": 4.0, "rss_mb": 6.0},
}


def a_batch(edges: Any = EDGES) -> Observation:
    """Two workers, three tasks, which end at 14 s; a look at the memory until 14.5 s."""
    seen = observed((0, 10.0, 10.25, 11.0), (1, 10.0, 11.5, 13.0), (0, 10.0, 11.0, 13.75))
    seen.ready = {"open_at": 10.0, "close_at": 70.0, "setup_s": 0.5}
    seen.tree_at_open = seen.tree_at_close = seen.memory = None
    seen.report = {**seen.report, "batch": edges}
    adopt(seen)
    return seen


def test_a_batch_is_timed_from_before_its_pool_until_after_without_the_look_at_memory() -> None:
    seen = a_batch()
    metrics = window_metrics(seen)
    assert judge(seen, expect_gil=True).status == "ok"
    assert metrics["elapsed_s"] == pytest.approx(4.5)
    assert metrics["completed"] == 3
    assert metrics["throughput_tps"] == pytest.approx(3 / 4.5)
    assert metrics["startup_s"] == pytest.approx(1.5)  # the second worker's first task
    assert metrics["shutdown_s"] == pytest.approx(0.25 + 0.5)
    assert metrics["cpu_ms_per_task"] == pytest.approx(2000 / 3)  # not scaled
    assert metrics["latency_p50_ms"] == pytest.approx(1500)
    assert environment_metrics(seen)["pss_peak_mb"] == 5.0


def test_what_needs_a_steady_state_is_empty_for_a_batch() -> None:
    metrics = window_metrics(a_batch())
    assert metrics["littles_law_ratio"] is None
    assert metrics["drift_ratio"] is None


def test_only_a_batch_has_the_times_of_one() -> None:
    metrics = window_metrics(observed((0, 11.0, 12.0, 12.5)))
    assert [metrics[name] for name in ("elapsed_s", "startup_s", "shutdown_s")] == [None] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"open_at": "soon"},
        {"close_at": True},
        {"drained_at": None},
        {"resumed_at": 13.0},
        {"tree_at_open": {"at": 1.0}},
        {"tree_at_close": 7},
        {"memory": []},
    ],
)
def test_impossible_edges_of_a_batch_are_an_error(change: dict[str, Any]) -> None:
    verdict = judge(a_batch({**EDGES, **change}), expect_gil=True)
    assert verdict.status == "error"
    assert "no report of a batch" in verdict.reason


def test_memory_that_cannot_be_read_is_no_error() -> None:
    seen = a_batch({**EDGES, "memory": None})
    assert judge(seen, expect_gil=True).status == "ok"
    assert environment_metrics(seen)["pss_peak_mb"] is None


# --- lateness ---


def test_lateness_is_the_mean_over_tasks_that_waited_and_ended_inside() -> None:
    seen = observed(*[(0, 10.0, 11.0, 12.0)] * 3, (0, 1.0, 1.0, 2.0))
    assert seen.tasks is not None
    seen.tasks.lateness[:] = [0.001, 0.003, NAN, 9.0]
    assert window_metrics(seen)["wakeup_lateness_ms"] == pytest.approx(2.0)


def test_lateness_is_empty_where_tasks_do_not_wait() -> None:
    assert window_metrics(observed((0, 11.0, 12.0, 12.5)))["wakeup_lateness_ms"] is None


# --- the machine meanwhile ---


def test_foreign_cpu_is_what_neither_trial_nor_harness_used_in_the_window() -> None:
    metrics = environment_metrics(observed())
    assert metrics["foreign_cpu_ms"] == pytest.approx(2000)  # 7 s busy, 4 + 1 s own
    assert metrics["noise_span_s"] == pytest.approx(10)
    assert (metrics["steal_ms"], metrics["psi_cpu_some_ms"]) == (250, 500)
    assert (metrics["speed_before"], metrics["speed_after"]) == (90.0, 91.0)
    assert metrics["voluntary_switches_per_s"] == pytest.approx(2.0)
    assert (metrics["pss_peak_mb"], metrics["setup_s"]) == (10.0, 0.5)


# --- the verdict ---


def silent(exit_code: int | None, **changes: Any) -> Observation:
    ended = {} if exit_code is None else {"exit_code": exit_code}
    return observed(report={}, ended=ended, **changes)


def test_trial_that_ended_well_is_ok() -> None:
    assert judge(observed((0, 11.0, 11.0, 12.0)), expect_gil=True).status == "ok"


def test_trial_in_whose_window_no_task_ended_is_a_timeout_and_not_a_throughput_of_zero() -> None:
    verdict = judge(observed((0, 9.0, 9.0, 9.5), (0, 11.0, 11.0, NAN)), expect_gil=True)
    assert verdict.status == "timeout"
    assert verdict.reason == "no task ended within the window of 10 s"


def test_what_is_no_message_is_an_error_of_the_trial() -> None:
    verdict = judge(observed(report={}, garbage="beep"), expect_gil=True)
    assert (verdict.status, verdict.reason) == (
        "error",
        "told the runner what is no message: beep",
    )


def test_timeout_comes_before_everything_else() -> None:
    seen = silent(-signal.SIGKILL, timed_out="not ready after 60 s")
    assert (judge(seen, True).status, judge(seen, True).reason) == ("timeout", seen.timed_out)


@pytest.mark.parametrize("status", ["error", "refused"])
def test_reported_failure_keeps_its_reason(status: str) -> None:
    seen = observed(report={"status": status, "reason": "why", "gil_after": True})
    assert (judge(seen, True).status, judge(seen, True).reason) == (status, "why")


@pytest.mark.parametrize(
    ("gil_after", "reason"), [(True, "is enabled"), (False, "is off")], ids=["on", "off"]
)
def test_wrong_gil_state_is_invalid(gil_after: bool, reason: str) -> None:
    seen = observed(report={"status": "ok", "reason": "", "gil_after": gil_after})
    verdict = judge(seen, expect_gil=not gil_after)
    assert verdict.status == "invalid_gil"
    assert reason in verdict.reason


@pytest.mark.parametrize("edge", ["tree_at_open", "tree_at_close"])
def test_report_before_the_window_closed_is_an_error(edge: str) -> None:
    assert judge(observed(**{edge: None}), True).status == "error"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGKILL", "SIGTERM"])
def test_death_by_signal_is_a_crash_that_names_it(name: str) -> None:
    verdict = judge(silent(-signal.Signals[name], output_tail="Fatal Python error"), True)
    assert verdict.status == "crash"
    assert f"killed by {name}" in verdict.reason
    assert verdict.reason.endswith("last output: Fatal Python error")


def test_sigkill_without_a_cgroup_of_its_own_has_an_unknown_cause() -> None:
    verdict = judge(silent(-signal.SIGKILL), True)
    assert verdict.status == "crash"
    assert "killed by SIGKILL, cause unknown" in verdict.reason


def test_oom_kill_somewhere_on_the_machine_is_a_hint_and_no_verdict() -> None:
    verdict = judge(silent(-signal.SIGKILL, noise_after=noise(20.0, oom_kills=1)), True)
    assert verdict.status == "crash"
    assert "cause unknown (the machine's OOM killer struck 1 times meanwhile)" in verdict.reason


@pytest.mark.parametrize(("code", "reason"), [(0, "code 0"), (3, "code 3"), (None, "not seen")])
def test_silent_exit_is_a_crash(code: int | None, reason: str) -> None:
    verdict = judge(silent(code), True)
    assert verdict.status == "crash"
    assert reason in verdict.reason


def test_failed_trial_has_no_window_metrics_but_tells_about_the_machine() -> None:
    result = summarise(silent(-signal.SIGSEGV), True)
    assert result["status"] == "crash"
    assert "throughput_tps" not in result["metrics"]
    assert result["metrics"]["steal_ms"] == 250
    assert result["gil_enabled"] is True


def test_good_trial_carries_metrics_and_the_strategys_report() -> None:
    result = summarise(observed((0, 0, 10.0, 11.0)), True)
    assert result["metrics"]["completed"] == 1
    assert result["strategy"] == {"x": 1}
    assert result["interpreter"]["version"] == "3.12"


# --- the timeline ---


@pytest.mark.parametrize(("end", "bins"), [(10.2, 4), (10.22, 4), (10.23, 5)])
def test_timeline_has_a_bin_for_each_twentieth_of_a_second_to_the_nearest(
    end: float, bins: int
) -> None:
    assert len(timeline(task_log(), 10.0, end)) == bins


def test_timeline_counts_ends_in_its_bins_and_no_others() -> None:
    ends = (9.99, 10.01, 10.06, 10.07, 10.19, 10.21, NAN)
    tasks = task_log(*[(0, 9.0, 9.0, end) for end in ends])
    assert timeline(tasks, 10.0, 10.2) == [1, 2, 0, 1]


def test_timeline_starts_when_the_trial_was_ready_and_a_failed_trial_has_none() -> None:
    ready = {"ready_at": 9.9, "open_at": 10.0, "close_at": 20.0}
    task = (0, 9.9, 9.9, 10.01)
    good = summarise(observed(task, ready=ready), True)
    assert good["timeline"][:4] == [0, 0, 1, 0]
    assert len(good["timeline"]) == 202
    failed = summarise(observed(task, ready=ready), False)
    assert (failed["status"], failed["timeline"]) == ("invalid_gil", [])
