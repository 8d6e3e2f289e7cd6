"""Trials that end well, in every strategy, on every interpreter at hand."""

import os
from typing import Any

import pytest

from harness.measure.summarise import summarise
from tests.trial.conftest import Trial, remote

pytestmark = pytest.mark.measures

CONTROLLER = {"minimum": 2, "tick_ms": 5}
STRATEGIES: dict[str, tuple[str, dict[str, Any]]] = {
    "fixed": ("fixed", {}),
    "spawned processes": ("processes", {"start_method": "spawn"}),
    "forked processes": ("processes", {"start_method": "fork"}),
    "forkserver processes": ("processes", {"start_method": "forkserver"}),
    "asyncio": ("event_loop", {"offload": False}),
    "asyncio with threads": ("event_loop", {"offload": True}),
    "queue scaler": ("queue_scaler", {**CONTROLLER, "step": 4, "backlog_threshold": 10}),
    "algorithm 1": (
        "paper_algorithm1",
        {
            **CONTROLLER,
            "threshold": 0.3,
            "patience": 3,
            "smoothing": 0.2,
            "initial_beta": 0.5,
            "recent_tasks": 100,
        },
    ),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_gives_a_complete_record(run_trial: Trial, name: str) -> None:
    kind, parameters = STRATEGIES[name]
    seen = run_trial(kind=kind, parameters=parameters)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    metrics = result["metrics"]
    assert metrics["completed"] > 10
    assert 1.0 <= metrics["latency_p50_ms"] <= metrics["latency_p99_ms"]
    assert metrics["cpu_ms_per_task"] > 0
    assert metrics["pss_peak_mb"] >= metrics["uss_peak_mb"] > 0
    assert seen.started_at < seen.ended_at


def test_no_more_than_the_pool_size_is_in_flight(run_trial: Trial) -> None:
    seen = run_trial(concurrency=3)
    tasks = seen.tasks
    assert tasks is not None
    inside = tasks.started < seen.ready["close_at"]
    edges = sorted(
        [(start, 1) for start in tasks.started[inside]]
        + [(end, -1) for end in tasks.ended[inside] if end == end]  # noqa: PLR0124 - not NaN
    )
    running = peak = 0
    for _, step in edges:
        running += step
        peak = max(peak, running)
    assert peak == 3


def test_waits_can_go_over_a_real_socket(run_trial: Trial, remote_port: int) -> None:
    for kind, parameters in (("fixed", {}), ("event_loop", {"offload": False})):
        seen = run_trial(kind=kind, parameters=parameters, io="socket", remote_port=remote_port)
        result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
        assert (result["status"], result["reason"]) == ("ok", "")
        assert result["metrics"]["latency_p50_ms"] >= 1.0


def test_a_remote_with_one_server_lets_the_others_queue(run_trial: Trial) -> None:
    with remote("--servers=1") as port:
        seen = run_trial(io="socket", remote_port=port, warmup_s=0.1)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "ok"
    # Four workers, each of whose waits of 1 ms is behind three others.
    assert result["metrics"]["latency_p50_ms"] >= 3.0


PINNED = """
import os
def setup(wait_ms):
    class Pinned:
        variants = 1
        def task(self, index):
            yield wait_ms / 1e3
            assert os.sched_getaffinity(0) == {wanted}, os.sched_getaffinity(0)
    return Pinned()
"""


def test_the_trial_is_pinned(run_trial: Trial) -> None:
    cpu = max(os.sched_getaffinity(0))
    for kind, parameters in (("fixed", {}), ("processes", {"start_method": "spawn"})):
        seen = run_trial(PINNED.format(wanted={cpu}), cpus=[cpu], kind=kind, parameters=parameters)
        result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
        assert (result["status"], result["reason"]) == ("ok", "")
        assert result["metrics"]["completed"] > 0


def test_a_trial_on_other_cpus_than_its_tasks_demand_is_an_error(run_trial: Trial) -> None:
    """The workload of the test above can fail: it sees the CPUs of its trial."""
    cpu = max(os.sched_getaffinity(0))
    seen = run_trial(PINNED.format(wanted={cpu + 1}), cpus=[cpu])
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "error"
    assert f"AssertionError: {{{cpu}}}" in result["reason"]


def test_the_gil_state_is_checked_after_the_workload_ran(run_trial: Trial) -> None:
    seen = run_trial()
    actual = seen.hello["gil_enabled"]
    assert summarise(seen, expect_gil=actual)["status"] == "ok"
    assert summarise(seen, expect_gil=not actual)["status"] == "invalid_gil"


SHARED: dict[str, dict[str, Any]] = {
    "two adaptive pools": {"adaptive": True, "pools": 2},
    "adaptive beside a loop": {"adaptive": True, "pools": 1, "beside": "event_loop"},
    "adaptive beside a producer": {"adaptive": True, "pools": 1, "beside": "producer"},
    "fixed beside a producer": {"adaptive": False, "pools": 1, "beside": "producer"},
}


@pytest.mark.parametrize("name", SHARED)
def test_pools_that_share_a_process_all_get_something_done(run_trial: Trial, name: str) -> None:
    seen = run_trial(kind="shared", parameters=SHARED[name], population=40, window_s=1.0)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    assert result["metrics"]["completed"] > 0
    report = result["strategy"]
    if SHARED[name]["adaptive"]:
        assert len(report["sizes"]) == SHARED[name]["pools"]
        assert report["final_workers"] == sum(report["sizes"])
    if "beside" in SHARED[name]:
        assert report["neighbour_turns"] > 10


def test_the_lag_of_an_event_loop_is_noted(run_trial: Trial) -> None:
    seen = run_trial(kind="event_loop", parameters={"offload": False}, window_s=1.5)
    lag = summarise(seen, expect_gil=seen.hello["gil_enabled"])["strategy"]["loop_lag_p99_ms"]
    assert 0 < lag < 1000


REFUSING = """
class Refused(ValueError): pass
def setup(wait_ms, errors=(Refused,)):
    class Refusing:
        variants = 1
        def __init__(self):
            self.runs = 0
            self.errors = errors
        def task(self, index):
            self.runs += 1
            if self.runs > 1 and index % 4 == 0:
                raise Refused("no")
            yield wait_ms / 1e3
            return 1
    return Refusing()
"""


@pytest.mark.parametrize("name", ["fixed", "spawned processes", "asyncio", "asyncio with threads"])
def test_a_declared_error_is_counted_and_the_work_goes_on(run_trial: Trial, name: str) -> None:
    kind, parameters = STRATEGIES[name]
    seen = run_trial(REFUSING, kind=kind, parameters=parameters)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    metrics = result["metrics"]
    assert metrics["completed"] > 10
    assert result["failures"] == {"Refused": metrics["failed"]}
    # One customer in four is refused every time, and at once: it fails more than its share.
    assert metrics["failed"] > metrics["completed"] / 8


def test_an_error_nobody_declared_ends_the_trial(run_trial: Trial) -> None:
    seen = run_trial(REFUSING.replace("(Refused,)", "(KeyError,)"))
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("error", "Refused: no")


@pytest.mark.parametrize(
    "declared", ["(BaseException,)", "('ValueError',)", "(KeyboardInterrupt,)"]
)
def test_what_cannot_be_part_of_the_work_cannot_be_declared(
    run_trial: Trial, declared: str
) -> None:
    seen = run_trial(REFUSING.replace("(Refused,)", declared))
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "error"
    assert "errors of a workload are classes of exceptions" in result["reason"]
