"""Batches: a number of tasks through a new pool, its start and shutdown inside the time."""

from typing import Any

import pytest

from harness.measure.summarise import summarise
from tests.trial.conftest import Trial
from tests.trial.test_faults import FAULTS, TEMPLATE
from tests.trial.test_trials import STRATEGIES

pytestmark = pytest.mark.measures

TASKS = 120
BATCH: dict[str, Any] = {
    "protocol": "batch",
    "tasks": TASKS,
    "population": TASKS,
    "warmup_s": 0.0,
    "window_s": 0.0,
}


@pytest.mark.parametrize("name", [*STRATEGIES, "adaptive", "instrumented"])
def test_every_strategy_runs_a_batch(run_trial: Trial, name: str) -> None:
    more = {"adaptive": ("adaptive", {"cold": False}), "instrumented": ("fixed", {name: True})}
    kind, parameters = {**STRATEGIES, **more}[name]
    seen = run_trial(kind=kind, parameters=parameters, **BATCH)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    metrics = result["metrics"]
    assert metrics["completed"] == TASKS
    assert metrics["throughput_tps"] == pytest.approx(TASKS / metrics["elapsed_s"])
    assert 0 < metrics["startup_s"] < metrics["elapsed_s"]
    assert 0 < metrics["shutdown_s"] < metrics["elapsed_s"]
    assert metrics["cpu_ms_per_task"] > 0
    assert metrics["pss_peak_mb"] >= metrics["uss_peak_mb"] > 0
    assert metrics["wakeup_lateness_ms"] > 0


def test_memory_of_a_batch_holds_its_worker_processes(run_trial: Trial) -> None:
    spawned = {"kind": "processes", "parameters": {"start_method": "spawn"}}
    seen = run_trial(concurrency=2, **spawned, **BATCH)
    assert seen.tasks is not None and seen.tree_at_close is not None and seen.memory is not None
    workers = len(set(seen.tasks.process))
    assert seen.tree_at_close.threads > workers >= 1
    alone = run_trial(concurrency=2, **BATCH)
    assert alone.memory is not None
    assert seen.memory.uss_mb > alone.memory.uss_mb


@pytest.mark.parametrize("fault", ["raises", "returns something else", "segfaults"])
def test_a_faulty_task_in_a_batch_becomes_a_typed_record(run_trial: Trial, fault: str) -> None:
    code, status, reason = FAULTS[fault]
    seen = run_trial(TEMPLATE.format(fault=code), **BATCH)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == status
    assert reason in result["reason"]
    assert seen.ended, "the zygote has seen the trial's end"


def test_a_batch_that_does_not_end_is_a_timeout(run_trial: Trial) -> None:
    seen = run_trial(TEMPLATE.format(fault="time.sleep(3600)"), **{**BATCH, "time_limit_s": 1.5})
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "timeout"
    assert result["reason"] == "the batch had not ended after 1.5 s"


def test_a_killed_worker_process_ends_its_batch(run_trial: Trial) -> None:
    seen = run_trial(
        TEMPLATE.format(fault="os.kill(os.getpid(), signal.SIGKILL)"),
        kind="processes",
        parameters={"start_method": "spawn"},
        concurrency=2,
        **BATCH,
    )
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "crash"
    assert "pool worker died" in result["reason"]
