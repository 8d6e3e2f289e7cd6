"""The referees' figures: drawn from what there is, with the data they were drawn from."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from harness.analysis.data.trials import normalised
from harness.analysis.figures.cliff_causes import draw_cliff_causes
from harness.analysis.figures.discrimination import draw_discrimination
from harness.analysis.figures.invariance import draw_invariance
from harness.analysis.tables.inputs import Inputs
from tests.analysis.simulated_regimes import simulate_regimes
from tests.analysis.tables.test_referees import cliff_trials, invariance_trials

FIGURES = {
    "discrimination": (draw_discrimination, lambda: simulate_regimes(blocks=1)),
    "cliff_causes": (draw_cliff_causes, cliff_trials),
    "invariance": (draw_invariance, invariance_trials),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_comes_as_pdf_png_and_csv(name, tmp_path):
    draw, trials = FIGURES[name]
    assert draw(Inputs(trials()), tmp_path) == [name]
    assert {path.suffix for path in tmp_path.iterdir()} == {".pdf", ".png", ".csv"}
    assert len(pd.read_csv(tmp_path / f"{name}.csv"))
    assert plt.get_fignums() == []  # a figure of pyplot's may open a window


@pytest.mark.parametrize("name", FIGURES)
def test_without_its_trials_a_figure_is_not_drawn(name, tmp_path):
    draw, trials = FIGURES[name]
    frame = normalised(trials())
    assert draw(Inputs(frame[frame["experiment"] == "else"]), tmp_path) == []
    failed = frame.assign(status="crash", throughput_tps=float("nan"))
    assert draw(Inputs(failed), tmp_path) == []
    assert list(tmp_path.iterdir()) == []
