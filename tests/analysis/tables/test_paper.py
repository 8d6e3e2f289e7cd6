"""Counterparts of the paper's tables: printed numbers in their places, missing data said."""

import numpy as np
import pandas as pd
import pyperf
import pytest

from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.timeline import size_at
from harness.analysis.tables.registry import write_tables
from tests.analysis.simulated_paper import simulate_paper, simulate_progress

pytestmark = pytest.mark.slow

NAMES = {
    *["paper_gil_nogil", "paper_cliff", "paper_pure_io", "paper_interpreters", "paper_memory"],
    *["memory_512mb", "paper_baselines", "paper_solution", "paper_mix_sweep", "paper_threshold"],
    *["paper_timeline", "paper_instrumentation"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("tables")
    trials = simulate_paper(blocks=3)
    runs = [pyperf.Run([3e-7 + i * 1e-9], metadata={"name": "clock_time"}) for i in range(4)]
    pyperf.BenchmarkSuite([pyperf.Benchmark(runs)]).dump(str(where / "micro-cpython-3.12.json"))
    names = write_tables(Inputs(trials, {}, [], *simulate_progress(trials), where), where)
    assert set(names) >= NAMES
    return where


def table(folder, name, **chosen):
    frame = pd.read_csv(folder / f"{name}.csv")
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame


def test_no_table_shows_nan(folder):
    for path in folder.glob("*.md"):
        assert "nan" not in path.read_text(encoding="utf-8").lower(), path


def test_printed_numbers_stand_beside_the_measured(folder):
    row = table(
        folder, "paper_cliff", experiment="cliff_batch", interpreter="cpython-3.12", cores=1
    ).set_index("concurrency")
    assert row.loc[2048, "printed_throughput_tps"] == 23771
    assert row.loc[2048, "printed_loss"] == 0.402
    assert row.loc[2048, "loss_low"] < row.loc[2048, "loss"] < row.loc[2048, "loss_high"]
    assert row.loc[512, "printed_note"] == "raw results only"
    assert row.loc[2048, "startup_share"] == pytest.approx(0.12, abs=0.1)
    free = table(folder, "paper_cliff", interpreter="cpython-3.13t")
    assert free["printed_throughput_tps"].isna().all()


def test_printed_numbers_without_a_measurement_are_rows_that_say_so(folder):
    four = table(folder, "paper_cliff", interpreter="cpython-3.12", cores=4)
    assert set(four["status"]) == {"not run: 2 cores"}
    assert (four["concurrency"] == 32).sum() == 2  # one per protocol
    unmeasured = table(folder, "paper_cliff", interpreter="cpython-3.12", cores=1, concurrency=64)
    assert set(unmeasured["status"]) == {"not measured here"}


def test_variants_of_an_interpreter_get_no_printed_number(folder):
    rows = table(folder, "paper_gil_nogil", interpreter="cpython-3.13t-gil", cores=1)
    assert len(rows) == 3
    assert rows["printed_throughput_tps"].isna().all()


def test_the_paper_is_preferred_to_raw_results_where_both_have_a_number(folder):
    rows = table(folder, "paper_gil_nogil", interpreter="cpython-3.12", cores=1, concurrency=32)
    assert rows["printed_throughput_tps"].tolist() == [61.1]


def test_one_interpreter_over_another_is_paired(folder):
    rows = table(
        folder, "paper_interpreters", experiment="gil_nogil", against="cpython-3.12", cores=2
    )
    free = rows[rows["interpreter"] == "cpython-3.13t"]
    assert free["ratio"].between(1.55, 2.05).all()
    assert (free["n_ok"] == 3).all()


def test_memory_ratios_are_taken_within_blocks(folder):
    rows = table(
        folder, "paper_memory", interpreter="cpython-3.12", cores=1, strategy="processes_fork"
    ).set_index("concurrency")
    assert rows.loc[8, "pss_ratio"] == pytest.approx((30.08 + 8 * 4) / 30.32)
    assert rows.loc[8, "uss_per_worker"] == pytest.approx(15, abs=0.2)
    assert rows.loc[8, "printed_memory_ratio"] == 7.5
    assert set(table(folder, "memory_512mb", strategy="processes")["status"]) == {"failed: oom x3"}


def test_pools_of_the_solution_have_their_part(folder):
    rows = table(folder, "paper_solution", interpreter="cpython-3.12", cores=1)
    parts = dict(zip(zip(rows["strategy"], rows["concurrency"], strict=True), rows["part"],
                     strict=True))  # fmt: skip
    assert parts[("fixed", 256)] == "naive"
    assert parts[("paper_algorithm1", 64)] == "controller"
    adaptive = rows[rows["strategy"] == "paper_algorithm1"].iloc[0]
    assert (adaptive["printed_vetoes"], adaptive["vetoes"]) == (23, 0)
    assert "no raw data found" in adaptive["printed_note"]


def test_timeline_reads_the_size_in_force():
    at, workers = np.array([0.5, 1.0, 2.0]), np.array([4.0, 5.0, 7.0])
    assert [size_at(at, workers, t) for t in (0.4, 0.5, 1.9, 9.0)] == [None, 4.0, 5.0, 7.0]


def test_timeline_rows(folder):
    rows = table(folder, "paper_timeline", strategy="paper_algorithm1_published", cores=1)
    assert rows["at"].tolist() == [1, 2, 5, 10]
    assert rows["workers"].tolist() == [4, 5, 7, 10]


@pytest.mark.parametrize(("blocks", "said"), [(1, "(1 block)"), (2, "(2 blocks)")])
def test_too_few_blocks_for_an_interval_say_so(tmp_path, blocks, said):
    write_tables(Inputs(simulate_paper(blocks=blocks, experiments=["gil_nogil"])), tmp_path)
    text = (tmp_path / "paper_gil_nogil.md").read_text(encoding="utf-8")
    assert said in text
    assert "nan" not in text.lower()


def test_missing_experiments_and_failed_trials_are_no_error(tmp_path):
    trials = simulate_paper(blocks=2, experiments=["threshold", "memory"])
    trials.loc[trials["strategy"] != "fixed", "status"] = "crash"
    names = write_tables(Inputs(trials[trials["experiment"] != "memory"]), tmp_path)
    assert "paper_memory" not in names
    assert "failed: crash x2" in (tmp_path / "paper_threshold.md").read_text(encoding="utf-8")


def test_changing_one_trial_changes_the_table(tmp_path):
    trials = simulate_paper(blocks=3, experiments=["mix_sweep"])
    write_tables(Inputs(trials), tmp_path / "a")
    place = trials[(trials["status"] == "ok") & (trials["concurrency"] == 64)].index[0]
    trials.loc[place, "throughput_tps"] *= 2
    write_tables(Inputs(trials), tmp_path / "b")
    texts = [(tmp_path / side / "paper_mix_sweep.csv").read_text() for side in ("a", "b")]
    assert texts[0] != texts[1]
