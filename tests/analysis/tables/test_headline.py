"""The headline table: means over cells and their intervals, worked out by hand."""

import math

import pandas as pd
import pytest
from scipy import stats

from harness.analysis.tables.headline import headline_table, mean_over_cells, profiles_experiment


def a_cell(workload, strategy, efficiency, error=0.01, n=5, concurrency=64, **changes):
    """A row of the efficiency table; ``error`` is the standard error of the log efficiency."""
    reach = float(stats.t.ppf(0.975, n - 1)) * error
    return {
        "experiment": "profiles",
        "workload": workload,
        "interpreter": "cpython-3.12",
        "cores": 2,
        "strategy": strategy,
        "concurrency": concurrency,
        "efficiency": efficiency,
        "ci_low": efficiency * math.exp(-reach),
        "ci_high": efficiency * math.exp(reach),
        "n_blocks": n,
        **changes,
    }


def test_the_mean_over_cells_is_geometric_with_satterthwaites_interval():
    frame = pd.DataFrame([a_cell("rag", "x", 0.8, 0.01, 5), a_cell("slm", "x", 0.45, 0.03, 4)])
    found = mean_over_cells(frame)
    assert found.estimate == pytest.approx(0.6)
    assert found.n == 2
    # Variances of the two: 1e-4 with 4 degrees of freedom, 9e-4 with 3.
    freedom = (1e-4 + 9e-4) ** 2 / (1e-8 / 4 + 81e-8 / 3)
    error = math.sqrt(1e-4 + 9e-4) / 2
    reach = math.exp(float(stats.t.ppf(0.975, freedom)) * error)
    assert found.low == pytest.approx(0.6 / reach)
    assert found.high == pytest.approx(0.6 * reach)


def test_a_cell_without_an_interval_leaves_none_to_the_mean():
    known = a_cell("rag", "x", 0.8)
    for missing in ({"ci_low": None, "ci_high": None}, {"n_blocks": 1}):
        found = mean_over_cells(pd.DataFrame([known, {**a_cell("slm", "x", 0.2), **missing}]))
        assert found.estimate == pytest.approx(0.4)
        assert (found.low, found.high, found.n) == (None, None, 2)


def test_cells_without_spread_give_an_interval_of_no_width():
    frame = pd.DataFrame([a_cell("rag", "x", 0.8, 0.0), a_cell("slm", "x", 0.2, 0.0)])
    found = mean_over_cells(frame)
    assert (found.low, found.high) == (found.estimate, found.estimate)


def test_each_strategy_has_its_mean_its_worst_and_its_best_cell():
    table = headline_table(
        pd.DataFrame(
            [
                a_cell("rag", "adaptive", 0.9, n=5),
                a_cell("slm", "adaptive", 0.4, n=4, cores=1),
                a_cell("voice", "adaptive", 0.6, n=6),
                a_cell("voice", "adaptive", math.nan, interpreter="cpython-3.13t"),
                a_cell("rag", "fixed", 0.5, concurrency=4),
                a_cell("rag", "fixed", 0.7, concurrency=32),
                a_cell("rag", "other", 1.0, experiment="cliff"),
                a_cell("rag", None, math.nan),
            ]
        ),
        "profiles",
    )
    assert list(zip(table["strategy"], table["concurrency"].fillna(0), strict=True)) == [
        ("adaptive", 0),
        ("fixed", 4),
        ("fixed", 32),
    ]
    row = table.iloc[0]
    assert row["efficiency"] == pytest.approx((0.9 * 0.4 * 0.6) ** (1 / 3))
    assert (row["n_cells"], row["n_blocks"]) == (3, 4)
    assert (row["worst"], row["worst_workload"], row["worst_cores"]) == (0.4, "slm", 1)
    assert (row["best"], row["best_workload"], row["best_cores"]) == (0.9, "rag", 2)
    reach = math.exp(float(stats.t.ppf(0.975, 3)) * 0.01)
    assert row[["worst_low", "worst_high"]].tolist() == pytest.approx([0.4 / reach, 0.4 * reach])


def test_the_experiment_with_the_most_workloads_stands_in_for_the_profiles():
    rows = [("cliff", "a"), ("cliff", "b"), ("cliff", "c"), ("mix", "a"), ("one", "a")]
    frame = pd.DataFrame([*rows, ("mix", "b")], columns=["experiment", "workload"])
    assert profiles_experiment(frame) == "mix"
    chosen = pd.concat([frame, pd.DataFrame([{"experiment": "profiles", "workload": "a"}])])
    assert profiles_experiment(chosen) == "profiles"
    assert profiles_experiment(frame[frame["experiment"] == "cliff"]) is None
