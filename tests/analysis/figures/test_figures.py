"""Figures: each is drawn with its data, repeatably, for complete and for broken runs."""

import warnings

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from harness.analysis.figures.all import draw_figures
from harness.analysis.figures.style import blocks_text, ordered, remarks_text
from harness.analysis.tables.headline import profiles_experiment
from harness.analysis.tables.inputs import Inputs
from tests.analysis.simulated_trials import simulate_trials

pytestmark = pytest.mark.slow

NAMES = ["cliff", "throughput_vs_n", "efficiency", "memory_vs_throughput_1core"]
NAMES += [
    "memory_vs_throughput_2core",
    "cliff_causes",
    "paper_cliff_throughput",
    "paper_cliff_tail",
]
NAMES += ["paper_profiles"]


def drawn(trials, folder, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that does not fit is a warning
        return draw_figures(Inputs(trials, {"rag": "RAG & $more$"}, **options), folder)


def test_every_figure_with_its_data(tmp_path):
    assert drawn(simulate_trials(), tmp_path) == NAMES
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in NAMES for kind in ("pdf", "png", "csv")
    }
    for name in NAMES:
        assert matplotlib.image.imread(tmp_path / f"{name}.png").shape[1] >= 3.5 * 200
        pdf = (tmp_path / f"{name}.pdf").read_bytes()
        assert b"CreationDate" not in pdf
        assert b"/Type3" not in pdf


def test_the_same_data_give_the_same_bytes(tmp_path):
    trials = simulate_trials(blocks=2)
    for folder in ("a", "b"):
        drawn(trials[trials["experiment"] == "cliff"], tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("blocks", [1, 2])
def test_few_blocks_and_failures_are_drawn(tmp_path, blocks):
    trials = simulate_trials(blocks=blocks)
    trials = trials[trials["workload"].isin(["rag", "slm", "micro"])]
    broken = (trials["strategy"] == "asyncio") | (trials["concurrency"] == 2048)
    trials.loc[broken, ["status", "throughput_tps"]] = ["crash", np.nan]
    # With one block there is no other one to choose the best pool on: no efficiency to draw.
    expected = NAMES if blocks > 1 else NAMES[:-1]
    assert drawn(trials, tmp_path, missing_interpreters=["cpython-3.14t"]) == expected


def test_nothing_measured_draws_nothing(tmp_path):
    trials = simulate_trials(blocks=1)
    assert drawn(trials[trials["status"] == "not_run"], tmp_path) == []


def test_what_is_absent_is_said():
    trials = simulate_trials(blocks=1)
    text = remarks_text(Inputs(trials, {"cpython-3.14t": "CPython 3.14t"}, ["cpython-3.14t"]))
    assert text == "4 cores not run: 2 cores; missing interpreters: CPython 3.14t"
    one = trials[(trials["status"] != "not_run") | (trials["interpreter"] == "cpython-3.12")]
    assert remarks_text(Inputs(one)) == "4 cores of cpython-3.12 not run: 2 cores"


def test_small_helpers():
    assert blocks_text([5, 5]) == "n = 5 blocks"
    assert blocks_text([5, 0, 3]) == "n = 3 to 5 blocks"
    assert ordered(["b", "a", "z"], {"z": "", "b": ""}) == ["z", "b", "a"]
    trials = simulate_trials(blocks=1)
    assert profiles_experiment(trials) == "profiles"
    many = [trials[trials["workload"] == "micro"].assign(workload=f"w{n}") for n in range(9)]
    other = pd.concat(many).assign(experiment="other")
    assert profiles_experiment(pd.concat([trials, other])) == "profiles"
    assert profiles_experiment(other) == "other"
