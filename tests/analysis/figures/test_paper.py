"""Counterparts of the paper's figures: drawn from their tables, missing ones named."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.analysis.data.trials import normalised
from harness.analysis.figures import beside, style
from harness.analysis.figures.all import draw_figures
from harness.analysis.figures.catalogue import entry, not_drawn
from harness.analysis.figures.paper.all import FIGURES, TIMELINE, draw_paper_figures
from harness.analysis.figures.paper.threshold import _category
from harness.analysis.figures.paper.timeline import progress
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.registry import write_tables
from tests.analysis.simulated_paper import simulate_paper, simulate_progress

pytestmark = pytest.mark.slow


def drawn(trials, folder, timelines=None, decisions=None):
    missing = ["cpython-3.14t"]
    inputs = Inputs(trials, {"micro": "a & $b$"}, missing, timelines, decisions)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that does not fit is a warning
        return draw_paper_figures(inputs, folder)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    trials = simulate_paper(blocks=2)
    trials.loc[trials["strategy"] == "asyncio", "status"] = "crash"
    profiles = trials[trials["experiment"] == "mix_sweep"].assign(experiment="profiles")
    frame = pd.concat([trials, profiles], ignore_index=True)
    return drawn(frame, folder, *simulate_progress(trials)), folder


def test_every_figure_comes_with_its_data(everything):
    names, folder = everything
    assert names == [*FIGURES, TIMELINE]
    files = {f"{name}.{kind}" for name in names for kind in ("pdf", "png", "csv")}
    assert {path.name for path in folder.iterdir()} == files
    assert all(entry(name) is not None for name in names)


def test_the_data_hold_printed_and_measured_numbers(everything):
    _, folder = everything
    cliff = pd.read_csv(folder / "paper_cliff_throughput.csv")
    one = cliff[(cliff["cores"] == 1) & (cliff["interpreter"] == "cpython-3.12")]
    last = one[one["concurrency"] == 2048].iloc[0]
    assert last["printed_throughput_tps"] == pytest.approx(23771 / 39738)
    assert one["throughput_tps"].max() == 1  # over its own peak
    assert (one["throughput_tps_low"].dropna() < 1).all()


def test_missing_experiments_are_not_drawn_and_named(tmp_path):
    trials = simulate_paper(blocks=2, experiments=["pure_io"])
    assert drawn(trials, tmp_path) == ["paper_pure_io"]
    assert "paper_memory" in {item.name for item in not_drawn(["paper_pure_io"])}
    assert "paper_pure_io" not in {item.name for item in not_drawn(["paper_pure_io"])}


def test_experiments_without_a_usable_trial_draw_nothing(tmp_path):
    trials = simulate_paper(blocks=1, experiments=["memory", "threshold", "cliff"])
    trials.loc[trials["status"] == "ok", "status"] = "crash"
    assert drawn(trials, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_one_block_is_drawn_without_interval(tmp_path):
    trials = simulate_paper(blocks=1, experiments=["gil_nogil"])
    assert drawn(trials, tmp_path) == ["paper_gil_nogil"]


def test_bars_and_what_lacks_them_are_said():
    frame = pd.DataFrame({"y": [1.0, 2.0], "low": [0.5, None], "high": [1.5, None]})
    columns = style.Columns("y", "low", "high")
    assert "no interval" in style.bars_text(frame, columns)
    assert "no interval" not in style.bars_text(frame.iloc[:1], columns)


def test_bars_far_beyond_all_values_are_cut():
    axes = Figure().subplots()
    axes.errorbar([1, 2], [10.0, 20.0], yerr=[[1.0, 1.0], [1.0, 900.0]])
    style.cut_bars([axes], pd.Series([10.0, 20.0]), "y")
    assert axes.get_ylim() == (0, 32)


def test_curves_are_divided_by_their_own_peak():
    frame = pd.DataFrame({"k": ["a", "a", "b"], "y": [2.0, 4.0, 10.0]})
    assert beside.over_peak(frame, style.Columns("y"), ["k"])["y"].tolist() == [0.5, 1.0, 1.0]


def test_thresholds_come_before_spares_and_both_in_order():
    names = ["adaptive_spare_10permille", "adaptive_spare_1permille", "paper_algorithm1_t70"]
    names += ["paper_algorithm1_t20", "fixed"]
    found = sorted(found for name in names if (found := _category(name, {})) is not None)
    assert [text for _, _, text in found] == [
        *["0.2", "0.7", "adaptive_spare_1permille", "adaptive_spare_10permille"]
    ]


def test_progress_has_size_and_throughput_of_every_trial():
    trials = normalised(simulate_paper(blocks=2, experiments=["timeline"]))
    rows = progress(trials, *simulate_progress(trials))
    last = rows[(rows["at_s"] > 11.9) & (rows["quantity"] == "workers")]
    found = last[last["cores"] == 1].groupby("strategy")["value"].max().to_dict()
    assert found == {"adaptive_cold": 14, "paper_algorithm1_published": 11}
    assert rows.groupby(["strategy", "cores", "quantity"])["block"].nunique().eq(2).all()


def test_experiments_that_were_not_run_have_tables_and_no_figures(tmp_path):
    trials = simulate_paper(blocks=2)
    cells = trials.drop_duplicates(["experiment", "workload", "interpreter", "cores"]).copy()
    cells[["strategy", "concurrency", "label", "throughput_tps"]] = [None, None, None, None]
    cells = cells.assign(status="not_run", reason="not measured yet", block=0)
    assert draw_figures(Inputs(cells), tmp_path) == []
    assert "paper_threshold" in write_tables(Inputs(cells), tmp_path)


def test_a_cut_bar_is_marked_where_it_leaves_the_axes():
    axes = Figure().subplots()
    axes.errorbar([1, 2], [10.0, 20.0], yerr=[[1.0, 1.0], [1.0, 900.0]], xerr=[0.5, 0.5])
    style.cut_bars([axes], pd.Series([10.0, 20.0]), "y")
    marks = [(*line.get_xydata()[0], line.get_marker()) for line in axes.lines[1:]]
    assert [mark for mark in marks if mark[2] in "v^"] == [(2, 32, "^")]


def test_bars_over_decades_do_not_stretch_a_logarithmic_axis():
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.errorbar([1, 2], [10.0, 20.0], yerr=[[9.999, 1.0], [1.0, 9e5]])
    style.cut_bars([axes], pd.Series([10.0, 20.0]), "y")
    assert axes.get_ylim() == (2.5, 80)
    assert [line.get_marker() for line in axes.lines if line.get_marker() in "v^"] == ["v", "^"]


def test_a_value_without_an_interval_has_no_bar():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [1.0, 2.0], "low": [0.5, None]})
    frame["high"] = [1.5, None]
    axes = Figure().subplots()
    look = style.Look("black", "o", "-")
    columns = style.Columns("y", "low", "high")
    style.draw_points(axes, frame, style.Columns("x"), columns, look)
    (bars,) = axes.containers[0].lines[2]
    drawn = [segment for segment in bars.get_segments() if np.isfinite(segment).all()]
    assert len([segment for segment in drawn if len(segment)]) == 1
    style.cut_bars([axes], frame["y"], "y")  # takes bars that are not there
