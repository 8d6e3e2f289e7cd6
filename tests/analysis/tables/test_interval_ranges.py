"""Intervals stay where their quantity can be, cover it, and do not exist below three blocks."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.analysis.claims import intervals
from harness.analysis.claims.rules import INCONCLUSIVE
from harness.analysis.data.paired import pooled, ratio_interval
from harness.analysis.estimate import classification
from harness.analysis.estimate.optimum import log_efficiency, log_optimum_throughput
from harness.analysis.estimate.statistics import (
    MINIMUM,
    Scale,
    bca_interval,
    geometric_mean_t_interval,
    mean_interval,
    mean_t_interval,
    scale_of,
)
from harness.analysis.publish.compare import compare_files, welch_ratio
from harness.analysis.tables.cliff_causes import ratio_of_means, switch_cost
from harness.analysis.tables.estimates import estimates_table
from harness.analysis.tables.headline import mean_over_cells
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.registry import write_tables
from harness.analysis.tables.writing import percent_with_interval, with_interval
from tests.analysis.simulated_claims import cliff, judged
from tests.analysis.simulated_paper import simulate_paper
from tests.analysis.simulated_regimes import simulate_regimes

pytestmark = pytest.mark.slow

#: ranges by scale
RANGES = {
    Scale.SHARE: (0, 1),
    Scale.DIFFERENCE: (-1, 1),
    Scale.POSITIVE: (0, math.inf),
    Scale.RATIO: (0, math.inf),
    Scale.REAL: (-math.inf, math.inf),
}


def samples(low, high):
    return arrays(float, st.integers(1, 8), elements=st.floats(low, high))


def check(found, low, high, mean):
    assert found.estimate == pytest.approx(mean)
    if found.n < MINIMUM:
        assert (found.low, found.high) == (None, None)
    else:
        assert low <= found.low <= found.estimate <= found.high <= high
        assert math.isfinite(found.low) and math.isfinite(found.high)


@given(samples(0, 1))
def test_a_shares_interval_lies_between_0_and_1(sample):
    check(mean_interval(sample, Scale.SHARE), 0, 1, np.mean(sample))


@given(samples(-1, 1))
def test_an_interval_of_a_difference_of_shares_lies_between_minus_1_and_1(sample):
    check(mean_interval(sample, Scale.DIFFERENCE), -1, 1, np.mean(sample))


@given(samples(0, 1e9))
def test_no_interval_of_a_positive_quantity_reaches_below_0(sample):
    check(mean_interval(sample, Scale.POSITIVE), 0, math.inf, np.mean(sample))


@given(samples(1e-9, 1e9))
def test_no_interval_of_a_ratio_reaches_below_0(sample):
    found = mean_interval(sample, Scale.RATIO)
    assert found.estimate == pytest.approx(np.exp(np.mean(np.log(sample))))
    if found.low is not None:
        assert 0 <= found.low <= found.estimate * (1 + 1e-9)
        assert found.estimate * (1 - 1e-9) <= found.high < math.inf


@pytest.mark.parametrize(("end", "n"), [(0.0, 3), (1.0, 3), (0.0, 6), (1.0, 6)])
def test_shares_that_are_all_at_an_end_claim_no_certainty(end, n):
    found = mean_interval([end] * n, Scale.SHARE)
    assert found.contains(end)
    # What is off the end in a part p of all blocks shows in none of n with probability (1-p)^n.
    reach = found.high if end == 0 else 1 - found.low
    assert (1 - reach) ** n == pytest.approx(0.025)


def test_shares_at_both_ends_have_a_wide_interval():
    found = mean_interval([0.0, 1.0, 1.0], Scale.SHARE)
    assert 0 < found.low < 0.1
    assert 0.9 < found.high < 1


def test_what_clocks_put_outside_of_the_range_counts_as_its_end():
    found = mean_interval([-0.001, 0.02, 0.01], Scale.SHARE)
    assert (found.estimate, found.low > 0) == (pytest.approx(0.01), True)


def test_a_ratio_without_bounds_in_a_float_has_no_interval():
    found = mean_interval([1e-300, 1.0, 1e300], Scale.RATIO)
    assert (found.estimate, found.low, found.high) == (pytest.approx(1), None, None)


@pytest.mark.parametrize("n", [3, 4, 6])
@pytest.mark.parametrize(("a", "b"), [(5, 5), (20, 5), (300, 3), (0.5, 0.5)])
def test_a_shares_interval_covers_its_mean(n, a, b):
    rng = np.random.default_rng(n)
    draws = rng.beta(a, b, (2000, n))
    held = [mean_interval(draw, Scale.SHARE).contains(a / (a + b)) for draw in draws]
    assert np.mean(held) >= 0.925


@pytest.mark.parametrize("n", [3, 4, 6])
@pytest.mark.parametrize("scale", [Scale.POSITIVE, Scale.RATIO])
@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_a_positive_quantitys_interval_covers_its_mean(n, scale, sigma):
    rng = np.random.default_rng(n)
    draws = np.exp(rng.normal(0, sigma, (2000, n)))
    truth = 1.0 if scale is Scale.RATIO else math.exp(sigma**2 / 2)
    held = [mean_interval(draw, scale).contains(truth) for draw in draws]
    assert 0.93 <= np.mean(held) <= 0.97


def _cost(values):
    one = {"switches_per_task": np.array(values), "cpu_us_per_task": np.array(values)}
    more = {name: 2 * array for name, array in one.items()}
    return switch_cost({8: one, 32: more}, 8).slope


def _judged(values):
    truth = np.repeat([0, 1], len(values))
    scores = np.stack([1 - truth, truth], axis=1).astype(float)
    groups = np.tile(np.arange(len(values)), 2)
    judged_ = classification.Judged(truth, scores, groups)
    return classification.bootstrapped(judged_, classification.macro_f1, 20)


def _headline(values):
    known = len(values) >= MINIMUM
    row = {"efficiency": 0.9, "ci_low": 0.8 if known else np.nan, "n_blocks": len(values)}
    return mean_over_cells(pd.DataFrame([row | {"ci_high": 1.0125 if known else np.nan}]))


#: whatever makes an interval, from a value for each block
MAKERS = {
    "mean": mean_t_interval,
    "geometric mean": geometric_mean_t_interval,
    **{scale.value: lambda v, scale=scale: mean_interval(v, scale) for scale in Scale},
    "efficiency": lambda v: log_efficiency(np.tile(v, (2, 1)).T, np.array(v) + 0.1),
    "optimum": lambda v: log_optimum_throughput(np.tile(v, (2, 1)).T),
    "paired ratio": lambda v: ratio_interval(dict(enumerate(v))),
    "pooled ratio": lambda v: pooled([dict(enumerate(v))] * 2),
    "smallest": lambda v: intervals.smallest([mean_t_interval(v)] * 2),
    "loss": lambda v: intervals.loss(mean_t_interval(v)),
    "gain": lambda v: intervals.gain(mean_t_interval(v)),
    "slope": lambda v: intervals.mean_slope([1, 2], np.stack([v, 2 * np.array(v)], axis=1)),
    "slope of shares": lambda v: intervals.mean_slope(
        [1, 2], np.stack([v, 2 * np.array(v)], axis=1), shares=True
    ),
    # A line takes one value more than a mean.
    "line": lambda v: intervals.regression_slope([0, *range(len(v))], [0.3, *v]),
    "share of a growth": lambda v: ratio_of_means(np.array(v) / 2, np.array(v) + 10),
    "cost of a switch": _cost,
    "comparison": lambda v: welch_ratio(np.array(v), np.array([0.4, 0.5, 0.4, 0.5])),
    "the other side": lambda v: welch_ratio(np.array([0.4, 0.5, 0.4, 0.5]), np.array(v)),
    "bootstrap": _judged,
    "headline": _headline,
}


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_makes_an_interval_of_two_blocks(name):
    for values in ([0.4], [0.4, 0.5]):
        found = MAKERS[name](values)
        assert (found.low, found.high) == (None, None)
    found = MAKERS[name]([0.4, 0.45, 0.47])
    assert found.low is not None and found.low <= found.high


def test_a_bootstrap_over_blocks_needs_more_still():
    assert bca_interval([0.4, 0.5]).low is None


def test_texts_say_how_few_blocks_there_were():
    assert with_interval(0.97, None, None, n=2) == "0.970 (2 blocks)"
    assert with_interval(0.97, np.nan, np.nan, n=1, decimals=2) == "0.97 (1 block)"
    assert with_interval(0.97, 0.9, 1.1, n=5, decimals=2) == "0.97 [0.90, 1.10]"
    assert with_interval(3.5, None, None, n=2, unit="process") == "3.50 (2 processes)"
    assert with_interval(None, None, None, n=0) == "—"
    assert percent_with_interval(0.5, None, None, n=2) == "50.0 (2 blocks)"


def range_of(column):
    """The least and the largest value of an interval's end in a column of some table."""
    name = column
    for ending in ("_ci_low", "_ci_high", "_low", "_high"):
        name = name.removesuffix(ending)
    if name in {"balanced_accuracy", "macro_f1", "auc", "pairs_right", "confirmed"}:
        return 0, 1
    if name in ("loss", "lost_s", "lost"):
        return -math.inf, 1
    if name == "growth":
        return -1, math.inf
    known = RANGES[scale_of(name)]
    if known == RANGES[Scale.REAL] and name in (
        *("ci", "raw", "bca", "worst", "best", "throughput", "optimum", "peak", "p99"),
        *("switch_cost", "value", "reached"),
    ):
        return 0, math.inf
    return known


def written(trials, folder):
    write_tables(Inputs(trials), folder)
    return {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}


def noisy(trials, columns, seed=3):
    """Shares all over their range and positive values over two decades, a worst case."""
    rng = np.random.default_rng(seed)
    changed = trials.copy()
    for name in columns:
        if name in changed and scale_of(name) is Scale.SHARE:
            changed[name] = rng.choice([0.0, 0.001, 0.5, 0.97, 1.0], len(changed))
        elif name in changed:
            changed[name] = changed[name] * np.exp(rng.normal(0, 1.5, len(changed)))
    return changed


NOISY = ["beta_naive", "beta_star", "gil_wait_share", "gil_wait_share_true", "latency_p99_ms"]
NOISY += ["throughput_tps", "pss_peak_mb", "uss_peak_mb", "final_workers", "cpu_ms_per_task"]
NOISY += ["voluntary_switches_per_s", "run_queue_ms_per_task", "startup_s"]
SIMULATED = ["cliff_batch", "pure_io", "gil_nogil", "memory", "threshold"]


def all_tables(blocks, folder):
    paper = simulate_paper(blocks=blocks, experiments=SIMULATED)
    paper = paper[(paper["interpreter"] != "cpython-3.13t-gil") & (paper["cores"] != 2)]
    held = paper["experiment"].eq("threshold") & paper["strategy"].eq("adaptive_spare_00")
    estimates = paper[held].assign(experiment="estimates", strategy="adaptive_held")
    for name in ("beta_star", "gil_wait_share", "gil_wait_share_true"):
        estimates[name] = 0.5
    invariance = estimates.assign(experiment="invariance")
    paper = pd.concat([paper, estimates, invariance], ignore_index=True)
    paper["voluntary_switches_per_s"] = paper["involuntary_switches_per_s"] = 100.0
    paper["run_queue_ms_per_task"] = 0.1
    return written(noisy(paper, NOISY), folder)


def ends(table):
    return [c for c in table if c.endswith(("_low", "_high")) and not c.startswith("printed_")]


@pytest.fixture(scope="module")
def three_blocks(tmp_path_factory):
    return all_tables(3, tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def two_blocks(tmp_path_factory):
    return all_tables(2, tmp_path_factory.mktemp("two"))


def test_no_end_of_an_interval_is_where_its_quantity_cannot_be(three_blocks):
    seen = 0
    for name, table in three_blocks.items():
        for column in ends(table):
            low, high = range_of(column)
            values = table[column].dropna().astype(float)
            seen += len(values)
            assert values.between(low, high).all(), (name, column)
            assert np.isfinite(values).all(), (name, column)
    assert seen > 500
    assert {"estimates", "invariance", "cliff_causes", "paper_memory"} <= set(three_blocks)


def test_two_blocks_have_no_interval_in_any_table(two_blocks):
    for name, table in two_blocks.items():
        for column in ends(table):
            assert table[column].isna().all(), (name, column)


def test_trials_count_where_the_unit_is_no_block(tmp_path):
    """Bootstrap over configurations and Wilson's interval of a count: the number of blocks does
    not matter, their range does."""
    trials = simulate_regimes(blocks=2)
    trials = trials.assign(started_at=np.arange(len(trials)), ended_at=np.arange(len(trials)) + 0.9)
    tables = written(trials.assign(warmup_s=0.1, window_s=0.5), tmp_path)
    scores = tables["discrimination"]
    assert scores["macro_f1_low"].notna().any()
    for name in ("discrimination", "discrimination_truth"):
        for column in ends(tables[name]):
            assert tables[name][column].dropna().between(0, 1).all()


def test_a_claim_of_two_blocks_is_inconclusive_and_says_why():
    table = judged(cliff(0.5, 0.6, blocks=2), only="C1")
    row = table.loc[("C1", "system")]
    assert pd.isna(row["ci_low"]) and pd.isna(row["ci_high"])
    assert row["verdict"] == INCONCLUSIVE
    assert row["reason"].startswith("too few blocks for an interval: 2")


def test_ranges_of_claims():
    table = judged(cliff(0.5, 0.6, blocks=3, noise=1.0))
    known = table[table["ci_low"].notna()]
    assert len(known)
    assert np.isfinite(known[["ci_low", "ci_high"]].to_numpy(float)).all()


def test_a_difference_of_two_shares_in_a_table():
    columns = {"excluded": False, "status": "ok", "strategy": "adaptive", "concurrency": 4}
    cell = {"experiment": "estimates", "workload": "w", "interpreter": "i", "cores": 1}
    rows = [
        {**columns, **cell, "gil_wait_share": a, "gil_wait_share_true": b, "beta_star": a}
        | {"beta_naive": b}
        for a, b in ((0.9, 0.1), (0.2, 0.8), (0.0, 0.9))
    ]
    three = estimates_table(pd.DataFrame(rows)).iloc[0]
    assert -1 <= three["gil_error_low"] < three["gil_error_high"] <= 1
    two = estimates_table(pd.DataFrame(rows[:2])).iloc[0]
    assert pd.isna(two["gil_error_low"]) and pd.isna(two["gil_share_high"])


@pytest.mark.parametrize(("gil", "reach"), [(True, 1 - 0.025 ** (1 / 3)), (False, 0)])
def test_the_share_of_a_gil_that_is_not_there_is_certain(gil, reach):
    row = {"excluded": False, "status": "ok", "strategy": "adaptive", "concurrency": 4}
    row |= {"experiment": "estimates", "workload": "w", "interpreter": "i", "cores": 1}
    row |= {"gil_wait_share": 0.0, "gil_wait_share_true": 0.0, "gil_enabled": gil}
    row |= {"beta_star": 0.5, "beta_naive": 0.5}
    found = estimates_table(pd.DataFrame([row] * 3)).iloc[0]
    for name in ("gil_share", "gil_share_known"):
        assert (found[f"{name}_low"], found[f"{name}_high"]) == (0, pytest.approx(reach))


@pytest.mark.parametrize("blocks", [1, 2])
def test_compare_tells_nothing_from_two_trials(tmp_path, blocks):
    for name, shift in (("a", 1.0), ("b", 2.0)):
        trials = cliff(0.5, 0.6, blocks=blocks if name == "a" else 5)
        trials["throughput_tps"] *= shift
        trials.to_csv(tmp_path / f"{name}.csv", index=False)
    text = compare_files(tmp_path / "a.csv", tmp_path / "b.csv")
    assert "differs" not in text and "inf" not in text and "[" not in text
    assert text.count("too few trials: within noise") == 6


def test_equal_values_are_not_told_apart_by_their_rounding():
    found = welch_ratio(np.full(3, 0.1), np.full(5, 0.1))
    assert (found.estimate, found.low, found.high) == (1.0, 1.0, 1.0)
