"""Trials that a rule leaves out are measured again: which, how often, and what counts then."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.design.config import Config, Repeat
from harness.design.cost import estimate
from harness.design.plan import Plan, make_plan
from harness.measure import repeat
from harness.store import records
from harness.store.places import attempt_file, cell_file
from harness.store.table import SUPERSEDED, counting_records, rows
from harness.trial.spec import TrialSpec
from tests.measure.fake_bench import TWO_CPUS, FakeBench, a_setting
from tests.samples import a_config, a_record, a_rule, an_experiment

RULES = a_rule(max_foreign_cpu_share=0.1)
NOISY = {"foreign_cpu_ms": 900.0, "noise_span_s": 1.0}
QUIET = {"foreign_cpu_ms": 0.0, "noise_span_s": 1.0}
Noisy = Callable[[TrialSpec], bool]


def small() -> tuple[Config, Plan]:
    """Two cells of four trials in one block."""
    experiment = an_experiment(workloads=("rag",), aa_twin=True, pinnings=(1,))
    config = replace(a_config(experiment=experiment, blocks=1), exclusion=RULES)
    return config, make_plan(config, TWO_CPUS)


def store(raw: Path, plan: Plan, noisy: Noisy, status: str = "ok") -> None:
    for cell in plan.cell_blocks:
        file = cell_file(raw, cell)
        for trial in cell.trials:
            metrics = NOISY if noisy(trial) else QUIET
            file.append(a_record(trial, metrics=metrics, status=status))
        file.finish()


def again(
    config: Config,
    plan: Plan,
    raw: Path,
    *,
    metrics: dict[str, float] = QUIET,
    share: float = 10.0,
    attempts: int = 1,
) -> list[tuple[str, int]]:
    """Measure the repetitions; returns what was measured, in order."""
    bench = FakeBench(metrics)
    limits = Repeat(max_attempts=attempts, max_extra_share=share)
    repeat.measure_repeats(a_setting(config, raw), plan, RULES, limits, bench.hold)
    return bench.asked


def of_size(size: int) -> Noisy:
    return lambda trial: trial.concurrency == size and not trial.label


def table(plan: Plan, raw: Path) -> list[dict[str, Any]]:
    return list(rows(plan, raw, RULES))


def test_excluded_trials_and_no_others_are_measured_again(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    asked = again(config, plan, tmp_path)
    assert asked == [("rag", 2)] * 2  # one per interpreter
    found = table(plan, tmp_path)
    assert [(r["attempt"], r["excluded"]) for r in found if of_size_row(r, 2)] == [
        (1, True), (1, True), (2, False), (2, False),
    ]  # fmt: skip
    assert len(found) == len(list(plan.trials())) + 2


def of_size_row(row: dict[str, Any], size: int) -> bool:
    return bool(row["concurrency"] == size and not row["label"])


def test_repetition_that_is_disturbed_too_is_tried_as_often_as_configured(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    asked = again(config, plan, tmp_path, metrics=NOISY, attempts=3)
    assert len(asked) == 2 * 3
    attempts = [r["attempt"] for r in table(plan, tmp_path) if of_size_row(r, 2)]
    assert sorted(attempts) == [1, 1, 2, 2, 3, 3, 4, 4]


def test_zero_attempts_measure_nothing_again(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    asked = again(config, plan, tmp_path, attempts=0)
    assert asked == []


def test_trial_that_failed_by_itself_is_not_measured_again(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2), status="crash")
    asked = again(config, plan, tmp_path)
    assert asked == []


def test_repetitions_keep_within_their_share_of_the_plan_and_say_what_is_left(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config, plan = small()
    store(tmp_path, plan, lambda _: True)
    trials = list(plan.trials())
    asked = again(config, plan, tmp_path, share=0.5)
    assert 0 < len(asked) <= len(trials) // 2
    assert repeat.cost_s(trials) * 0.5 >= len(asked) * estimate(trials[:1], 0).seconds * 0.99
    assert f"{len(trials) - len(asked)} more are beyond" in capsys.readouterr().err


def test_a_killed_repetition_goes_on_where_it_stopped_and_a_finished_one_is_left_alone(
    tmp_path: Path,
) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    (first, second) = [t for t in plan.trials() if of_size(2)(t)]
    attempt_file(tmp_path, 2).append(a_record(first, metrics=QUIET, attempt=2))
    asked = again(config, plan, tmp_path)
    assert asked == [("rag", second.concurrency)]
    assert again(config, plan, tmp_path) == []
    lines = attempt_file(tmp_path, 2).final.read_text().splitlines()
    assert [json.loads(line)["attempt"] for line in lines] == [2, 2]


def test_at_most_one_attempt_stands_even_after_the_rules_were_relaxed(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    again(config, plan, tmp_path)
    relaxed = [r for r in rows(plan, tmp_path, a_rule()) if of_size_row(r, 2)]
    standing = [(r["attempt"], r["exclusion_reason"]) for r in relaxed]
    assert sorted(standing) == [(1, ""), (1, ""), (2, SUPERSEDED), (2, SUPERSEDED)]


def test_every_trial_counts_once_the_undisturbed_attempt_where_there_is_one(tmp_path: Path) -> None:
    config, plan = small()
    store(tmp_path, plan, of_size(2))
    again(config, plan, tmp_path)
    counting = list(counting_records(plan, tmp_path, RULES))
    assert len(counting) == len(list(plan.trials()))
    assert sorted(r["attempt"] for r in counting)[-2:] == [2, 2]


def test_repetition_foreign_to_the_plan_or_there_twice_is_refused(tmp_path: Path) -> None:
    _, plan = small()
    store(tmp_path, plan, of_size(2))
    trial = next(plan.trials())
    file = attempt_file(tmp_path, 2)
    file.append(a_record(trial, attempt=2))
    file.append(a_record(trial, attempt=2))
    file.finish()
    with pytest.raises(records.RecordError, match="is there twice"):
        table(plan, tmp_path)
    file.final.unlink()
    file.append(a_record(replace(trial, concurrency=99), attempt=2))
    file.finish()
    with pytest.raises(records.RecordError, match="is not in the plan"):
        table(plan, tmp_path)
