"""The runner follows the plan: its order, what is left of it, and no other."""

from pathlib import Path

import pytest
from fake_bench import TWO_CPUS, SilentProgress, a_setting
from samples import a_config, a_record, a_trial

from harness.config import Config
from harness.measure import run_block
from harness.plan import (
    CellBlock,
    make_plan,
)


def measure(config: Config, raw: Path, block: int = 1) -> list[CellBlock]:
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", block]
    run_block.measure_block(a_setting(config, raw), cells, SilentProgress())  # type: ignore[arg-type]
    return cells


def test_trials_run_in_the_planned_order(asked: list[tuple[str, int]], tmp_path: Path) -> None:
    cells = measure(a_config(), tmp_path)
    assert asked == [(t.workload, t.concurrency) for cell in cells for t in cell.trials]


def test_measured_block_is_not_measured_again(asked: list[tuple[str, int]], tmp_path: Path) -> None:
    measure(a_config(), tmp_path)
    asked.clear()
    measure(a_config(), tmp_path)
    assert asked == []


def test_a_cell_that_was_cut_short_goes_on_where_it_stopped(
    asked: list[tuple[str, int]], tmp_path: Path
) -> None:
    config = a_config()
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", 1]
    file = run_block.cell_file(tmp_path, cells[0])
    for trial in cells[0].trials[:2]:
        file.append(a_record(trial))
    measure(config, tmp_path)
    planned = [(t.workload, t.concurrency) for cell in cells for t in cell.trials]
    assert asked == planned[2:]
    assert file.finished


def test_records_of_another_plan_stop_the_block(
    asked: list[tuple[str, int]], tmp_path: Path
) -> None:
    config = a_config()
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", 1]
    run_block.cell_file(tmp_path, cells[0]).append(a_record(stranger := a_trial(concurrency=99)))
    message = f"another plan \\({stranger.spec_hash}\\)"
    with pytest.raises(run_block.records.RecordError, match=message):
        measure(config, tmp_path)
    assert asked == []
