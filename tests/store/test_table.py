"""The table of trials: a row for every planned trial, or an error that names the file."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.base.whole_files import write_json
from harness.design.plan import NotRun, Plan
from harness.store.places import cell_file
from harness.store.records import RecordError
from harness.store.table import COLUMNS, IncompleteError, row, rows, write_table
from harness.trial.spec import TrialSpec
from tests.samples import a_cell, a_record, a_rule, a_trial

RULES = a_rule(max_foreign_cpu_share=0.1, max_steal_share=0.05)
TRIALS = (a_trial(concurrency=1), a_trial(concurrency=8))


def a_plan(*trials: TrialSpec, not_run: tuple[NotRun, ...] = ()) -> Plan:
    return Plan("tiny", 7, (a_cell(*trials),), not_run)


def store(raw: Path, plan: Plan, *records: dict[str, Any], finish: bool = True) -> Path:
    file = cell_file(raw, plan.cell_blocks[0])
    for record in records:
        file.append(record)
    if finish:
        file.finish()
    return file.final


def table(plan: Plan, raw: Path) -> list[dict[str, Any]]:
    return list(rows(plan, raw, RULES))


def test_every_trial_is_a_row_the_failed_one_too(tmp_path: Path) -> None:
    skipped = NotRun("profiles", "rag", "cpython-3.12", 4, "not run: 2 cores")
    plan = a_plan(*TRIALS, not_run=(skipped,))
    store(
        tmp_path,
        plan,
        a_record(TRIALS[0], metrics={"throughput_tps": 12.5, "completed": 6}),
        a_record(TRIALS[1], status="crash", reason="killed by SIGSEGV"),
    )

    good, bad, not_run = table(plan, tmp_path)

    assert (good["status"], good["throughput_tps"], good["completed"]) == ("ok", 12.5, 6)
    assert (good["strategy"], good["concurrency"], good["block"]) == ("fixed", 1, 1)
    assert (good["spec_hash"], good["excluded"]) == (TRIALS[0].spec_hash, False)
    assert (bad["status"], bad["reason"]) == ("crash", "killed by SIGSEGV")
    assert bad["throughput_tps"] is None
    assert (not_run["status"], not_run["reason"]) == ("not_run", "not run: 2 cores")
    assert (not_run["cores"], not_run["block"], not_run["workload"]) == (4, 0, "rag")
    assert "strategy" not in not_run


def test_columns_of_the_contract_are_all_there() -> None:
    required = (
        "experiment workload interpreter cores strategy concurrency block status "
        "throughput_tps completed latency_p50_ms latency_p95_ms latency_p99_ms "
        "cpu_ms_per_task beta_naive pss_peak_mb uss_peak_mb gil_enabled littles_law_ratio "
        "jain_fairness speed_before speed_after steal_ms started_at ended_at spec_hash"
    )
    assert set(required.split()) <= set(COLUMNS)
    assert len(COLUMNS) == len(set(COLUMNS))
    assert row(a_record(TRIALS[0]), "").keys() == set(COLUMNS)


def test_record_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    plan = a_plan(*TRIALS)
    path = store(tmp_path, plan, a_record(TRIALS[0]), a_record(TRIALS[0]))
    with pytest.raises(RecordError, match=f"{path} line 2: record {TRIALS[0].spec_hash} is there"):
        table(plan, tmp_path)


def test_record_foreign_to_the_plan_is_refused(tmp_path: Path) -> None:
    plan, stranger = a_plan(*TRIALS), a_trial(concurrency=99)
    path = store(tmp_path, plan, a_record(stranger))
    with pytest.raises(RecordError, match=f"{path}: record {stranger.spec_hash} is not in"):
        table(plan, tmp_path)


def test_missing_record_is_refused(tmp_path: Path) -> None:
    plan = a_plan(*TRIALS)
    path = store(tmp_path, plan, a_record(TRIALS[0]))
    with pytest.raises(IncompleteError, match=f"{path}: lacks 1 planned"):
        table(plan, tmp_path)


def test_missing_and_unfinished_files_are_refused(tmp_path: Path) -> None:
    plan = a_plan(*TRIALS)
    with pytest.raises(IncompleteError, match=r"c\.jsonl is missing"):
        table(plan, tmp_path)
    store(tmp_path, plan, *map(a_record, TRIALS), finish=False)
    with pytest.raises(IncompleteError, match=r"c\.jsonl is missing"):
        table(plan, tmp_path)


def test_altered_record_is_refused(tmp_path: Path) -> None:
    plan = a_plan(*TRIALS)
    path = store(tmp_path, plan, *map(a_record, TRIALS))
    path.write_bytes(path.read_bytes().replace(b'"ok"', b'"OK"', 1))
    with pytest.raises(RecordError, match=f"{path} line 1: .* altered"):
        table(plan, tmp_path)


def test_cpu_time_counted_by_a_clock_stands_in_its_row(tmp_path: Path) -> None:
    trials = [
        a_trial(concurrency=size, workload="timed", parameters={"cpu_ms": 4.0, "wait_ms": 1.0})
        for size in (1, 8)
    ]
    plan = a_plan(*trials)
    store(tmp_path, plan, *map(a_record, trials))
    found = list(rows(plan, tmp_path, RULES, ["timed"]))
    assert [entry["clocked_cpu_ms"] for entry in found] == [4.0, 4.0]
    assert [entry["clocked_cpu_ms"] for entry in table(plan, tmp_path)] == [0.0, 0.0]


# --- exclusion ---


def test_excluded_row_says_so(tmp_path: Path) -> None:
    plan = a_plan(TRIALS[0])
    store(tmp_path, plan, a_record(TRIALS[0], metrics={"steal_ms": 500.0, "noise_span_s": 1.0}))
    (found,) = table(plan, tmp_path)
    assert found["excluded"] is True
    assert "steal_ms" in found["exclusion_reason"]


# --- notes and what a controller did ---


@pytest.mark.parametrize(
    ("parameters", "notes"),
    [
        ({}, ""),
        ({"tick_ms": 10}, ""),
        ({"tick_ms": 500, "published_tick_ms": 500}, ""),
        ({"tick_ms": 5, "published_tick_ms": 500}, "tick 5 ms, published 500 ms"),
        ({"tick_ms": 2.5, "published_tick_ms": 500}, "tick 2.5 ms, published 500 ms"),
    ],
)
def test_compressed_tick_is_noted(parameters: dict[str, float], notes: str) -> None:
    assert row(a_record(a_trial(strategy_parameters=parameters)), "")["notes"] == notes


@pytest.mark.parametrize(
    ("report", "workers"),
    [({}, None), ({"decisions": []}, None), ({"decisions": [{"workers": 4}, {"workers": 9}]}, 9)],
)
def test_final_size_of_a_controlled_pool(report: dict[str, Any], workers: int | None) -> None:
    assert row(a_record(TRIALS[0], strategy=report), "")["final_workers"] == workers


# --- writing ---


def test_table_is_written_with_empty_cells_for_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    assert write_table(path, iter([{"workload": "rag", "throughput_tps": None}])) == 1
    with path.open(newline="") as stream:
        (entry,) = csv.DictReader(stream)
    assert tuple(entry) == COLUMNS
    assert {key: value for key, value in entry.items() if value} == {"workload": "rag"}


def test_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text("the earlier table")

    def breaking() -> Iterator[dict[str, Any]]:
        yield {"workload": "rag"}
        raise RecordError("altered")

    with pytest.raises(RecordError):
        write_table(path, breaking())
    assert path.read_text() == "the earlier table"


def test_json_is_written_in_the_given_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "titles.json"
    write_json(path, {"b": 1, "a": 2})
    assert path.read_text() == '{\n "b": 1,\n "a": 2\n}\n'
    assert list(path.parent.iterdir()) == [path]
