"""The runner follows the plan: its order, what is left of it, and no other."""

from pathlib import Path

import pytest

from harness.design.config import Config
from harness.design.plan import CellBlock, make_plan
from harness.measure.block import measure_block
from harness.store.places import cell_file
from harness.store.records import RecordError
from tests.measure.fake_bench import TWO_CPUS, FakeBench, a_setting, no_progress
from tests.samples import a_config, a_record, a_trial


def measure(config: Config, raw: Path, bench: FakeBench) -> list[CellBlock]:
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", 1]
    measure_block(a_setting(config, raw), cells, no_progress(), bench.hold)
    return cells


@pytest.fixture
def bench() -> FakeBench:
    return FakeBench()


def test_trials_run_in_the_planned_order(bench: FakeBench, tmp_path: Path) -> None:
    cells = measure(a_config(), tmp_path, bench)
    assert bench.asked == [(t.workload, t.concurrency) for cell in cells for t in cell.trials]


def test_measured_block_is_not_measured_again(bench: FakeBench, tmp_path: Path) -> None:
    measure(a_config(), tmp_path, bench)
    bench.asked.clear()
    measure(a_config(), tmp_path, bench)
    assert bench.asked == []


def test_a_cell_that_was_cut_short_goes_on_where_it_stopped(
    bench: FakeBench, tmp_path: Path
) -> None:
    config = a_config()
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", 1]
    file = cell_file(tmp_path, cells[0])
    for trial in cells[0].trials[:2]:
        file.append(a_record(trial))
    measure(config, tmp_path, bench)
    planned = [(t.workload, t.concurrency) for cell in cells for t in cell.trials]
    assert bench.asked == planned[2:]
    assert file.finished


def test_records_of_another_plan_stop_the_block(bench: FakeBench, tmp_path: Path) -> None:
    config = a_config()
    cells = make_plan(config, TWO_CPUS).blocks()["profiles", 1]
    cell_file(tmp_path, cells[0]).append(a_record(stranger := a_trial(concurrency=99)))
    message = f"another plan \\({stranger.spec_hash}\\)"
    with pytest.raises(RecordError, match=message):
        measure(config, tmp_path, bench)
    assert bench.asked == []
