"""Columns of the published tables, on a few values each, worked out by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis.claims.judge import counts_text
from harness.analysis.data import regimes
from harness.analysis.data.trials import normalised
from harness.analysis.estimate.classification import share_interval
from harness.analysis.estimate.statistics import Interval
from harness.analysis.tables import invariance, matched_pairs
from harness.analysis.tables.ablation import ablation_table
from harness.analysis.tables.cliff import cliff_table
from harness.analysis.tables.cliff_causes import ratio_of_means, switch_cost
from harness.analysis.tables.controllers import phases_table
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.quality import aa_twin_share, aa_twin_table, wall_time_table
from tests.analysis.simulated_claims import trials_of

CELL = {"experiment": "e", "workload": "w", "interpreter": "i", "cores": 1}


# --- what each part of the runtime is worth ---


def test_a_variant_differs_where_its_interval_excludes_1_and_says_to_which_side():
    rates = {("adaptive", 16): 1000, ("adaptive_blind", 16): 900, ("adaptive_wild", 16): 1100}
    rates |= {("queue_scaler", 16): 1000, ("fixed", 4): 500, ("fixed", 64): 800}
    table = ablation_table(normalised(trials_of(rates, experiment="ablation")))
    cell = table[table["workload"] == "micro"].set_index("variant")
    assert cell["differs"].to_dict() == {
        "adaptive_blind": "worse",
        "adaptive_wild": "better",
        "queue_scaler": "",
        "fixed_largest": "worse",
    }
    assert cell.loc["adaptive_wild", "ratio"] == pytest.approx(1.1, rel=0.02)
    assert cell.loc["fixed_largest", "ratio"] == pytest.approx(0.8, rel=0.02)


# --- the cliff and its causes ---


def test_a_loss_is_what_the_efficiency_lacks_and_its_ends_change_places():
    pools = {("fixed", 8): 900, ("fixed", 32): 1000, ("fixed", 256): 700}
    trials = trials_of(pools, experiment="cliff", latency_p99_ms=lambda _, size: 2.0 + size)
    other = efficiency_table(trials_of({("fixed", 16): 500}, experiment="profiles"))
    known = efficiency_table(trials)
    table = cliff_table(trials, pd.concat([known, other])).set_index("concurrency")
    assert table.index.tolist() == [8, 32, 256], "of the cliff's experiment only"
    known = known.set_index("concurrency")
    for size in (8, 32, 256):
        row, of = table.loc[size], known.loc[size]
        assert row["loss"] == 1 - of["efficiency"]
        assert (row["loss_ci_low"], row["loss_ci_high"]) == (1 - of["ci_high"], 1 - of["ci_low"])
        tails = trials.loc[trials["concurrency"] == size, "latency_p99_ms"]
        assert row["p99_ms"] == pytest.approx(math.exp(np.log(tails).mean()))
        half = stats.t.ppf(0.975, 4) * np.log(tails).std() / math.sqrt(5)
        assert row["p99_ci_high"] == pytest.approx(row["p99_ms"] * math.exp(half))
    assert table.loc[256, "loss"] == pytest.approx(0.3, abs=0.02)


def per_block(switches, cpu):
    return {"switches_per_task": np.array(switches), "cpu_us_per_task": np.array(cpu)}


def test_the_cost_of_a_switch_is_the_slope_past_the_peak_with_the_lines_own_interval():
    y = [10.1, 10.22, 10.29, 10.4, 10.52, 10.58, 10.71, 10.8]
    seen = {
        8: per_block([1.0] * 4, [99.0] * 4),  # before the peak: no part of it
        32: per_block([1.0, 2.0, 3.0, 4.0], y[:4]),
        64: per_block([5.0, 6.0, 7.0, np.nan], [*y[4:7], 1.0]),
        128: per_block([8.0, np.nan, np.nan, np.nan], [y[7], 1.0, 1.0, 1.0]),
    }
    x = np.arange(1.0, 9.0)
    away = x - x.mean()
    slope = float(away @ np.array(y) / (away @ away))
    left = np.array(y) - np.mean(y) - slope * away
    error = math.sqrt(float(left @ left) / 6 / float(away @ away))
    found = switch_cost(seen, 32)
    reach = float(stats.t.ppf(0.975, 6)) * error
    assert found.slope.n == 8
    assert found.slope.estimate == pytest.approx(slope)
    assert (found.slope.low, found.slope.high) == pytest.approx((slope - reach, slope + reach))
    spread = np.array(y) - np.mean(y)
    assert found.r2 == pytest.approx(1 - float(left @ left) / float(spread @ spread))


def test_a_switch_never_costs_less_than_nothing():
    falling = {1: per_block([1.0, 2.0, 3.0, 4.0], [4.0, 3.1, 2.0, 0.9])}
    slope = switch_cost(falling, 1).slope
    assert (slope.estimate, slope.low, slope.high) == (0.0, 0.0, 0.0)


def test_the_interval_of_a_ratio_of_means_is_that_of_the_linearised_ratio():
    part, whole = np.array([5.0, 6.2, 5.5, 4.9]), np.array([10.0, 12.0, 11.0, 10.5])
    ratio = part.sum() / whole.sum()
    half = stats.t.ppf(0.975, 3) * np.std((part - ratio * whole) / whole.mean(), ddof=1) / 2
    found = ratio_of_means(part, whole)
    assert found.estimate == pytest.approx(ratio)
    assert (found.low, found.high) == pytest.approx((ratio - half, ratio + half))


# --- what changing tasks cost ---


def test_the_oracle_of_a_single_block_takes_the_best_of_that_block():
    rows = [
        {
            **CELL,
            **{"experiment": "phases", "strategy": strategy, "concurrency": size},
            **{"block": 1, "phase": phase, "completed": done},
        }
        for strategy, size, works in (
            ("fixed", 2, (10, 80)),
            ("fixed", 32, (40, 20)),
            ("adaptive", 64, (30, 60)),
        )
        for phase, done in enumerate(works)
    ]
    table = phases_table(pd.DataFrame(rows)).set_index("strategy")
    assert table.loc["adaptive", "work_share"] == pytest.approx(90 / 120)
    assert table.loc["adaptive", "oracle_sizes"] == "32 2"


# --- verdicts on what must not change ---


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.45, 0.55, invariance.PASS),
        (0.449, 0.5, invariance.UNCLEAR),
        (0.5, 0.551, invariance.UNCLEAR),
        (0.4, 0.45, invariance.UNCLEAR),
        (0.55, 0.6, invariance.UNCLEAR),
        (0.4, 0.449, invariance.FAIL),
        (0.551, 0.6, invariance.FAIL),
    ],
)
def test_beta_passes_within_a_twentieth(low, high, verdict):
    assert invariance.beta_verdict(Interval(0.5, low, high, 5), 0.5) == verdict


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.95, 0.9, 1.0), invariance.PASS),
        ((0.95, 0.899, 1.0), invariance.UNCLEAR),
        ((0.85, 0.8, 0.9), invariance.UNCLEAR),
        ((0.85, 0.8, 0.899), invariance.FAIL),
        ((0.95, None, None), invariance.UNCLEAR),
        ((None, None, None), invariance.NOT_MEASURED),
    ],
)
def test_a_decision_passes_with_nine_tenths_of_the_best(interval, verdict):
    assert invariance.decision_verdict(Interval(*interval, 5)) == verdict


# --- pairs of trials with the same naive beta ---


def test_what_is_right_follows_from_the_slopes_on_both_sides():
    # log X over log N: 0.5, 0.2, 0.05 and 0.05 between the sizes
    exponents = dict(zip((1, 2, 4, 8, 16), np.cumsum([0, 0.5, 0.2, 0.05, 0.05]), strict=True))
    frame = pd.DataFrame(
        {
            **CELL,
            **{"strategy": "fixed", "concurrency": size, "block": block},
            **{"label": "", "status": "ok", "excluded": False, "throughput_tps": 100 * 2**exponent},
        }
        for size, exponent in exponents.items()
        for block in (1, 2, 3)
    )
    found = matched_pairs.right_actions(frame, "e")
    actions = dict(zip(found["concurrency"], found["action"], strict=True))
    assert actions == {1: "grow", 8: "shrink", 16: "shrink"}


def test_the_closest_betas_are_paired_and_each_trial_once():
    betas = {1: [0.50, 0.53, 0.70], 8: [0.515, 0.505, 0.721]}
    held_out = pd.DataFrame(
        {**CELL, "concurrency": size, "block": 1, "beta_naive": beta, "regime": "r"}
        for size, values in betas.items()
        for beta in values
    )
    actions = pd.DataFrame(
        {**CELL, "concurrency": size, "action": action}
        for size, action in ((1, "grow"), (8, "shrink"))
    )
    pairs = matched_pairs.matched_pairs(held_out, actions)
    found = set(zip(pairs["beta_naive_grow"], pairs["beta_naive_shrink"], strict=True))
    assert found == {(0.50, 0.505), (0.53, 0.515)}  # 0.70 and 0.721 are too far apart
    found = set(zip(pairs["trial_grow"], pairs["trial_shrink"], strict=True))
    assert found == {(0, 4), (1, 3)}


def test_a_metric_is_right_about_a_pair_when_it_is_right_about_both():
    pairs = pd.DataFrame(columns=[*matched_pairs.PAIR_COLUMNS, "trial_grow", "trial_shrink"])
    pairs["beta_naive_grow"] = [0.31, 0.31, 0.2, 0.3, 0.9]
    pairs["beta_naive_shrink"] = [0.3, 0.31, 0.1, 0.1, 0.1]
    pairs["trial_grow"], pairs["trial_shrink"] = [0, 2, 4, 6, 98], [1, 3, 5, 7, 99]
    io, gil = (regimes.REGIMES.index(name) for name in (regimes.IO_WAIT, regimes.GIL_WAIT))
    told = SimpleNamespace(predicted=np.array([io, gil, io, io, gil, gil, gil, io]))
    metric = SimpleNamespace(
        family=SimpleNamespace(name="metric"),
        held_out=pd.DataFrame(index=range(8)),
        judged=lambda: told,
    )
    judged = matched_pairs.with_verdicts(pairs, [metric])
    assert judged["metric"].tolist() == [True, False, False, False, None]
    assert judged[matched_pairs.PAPER_RULE].tolist() == [True, False, False, False, True]
    shares = matched_pairs.pair_shares(judged)
    assert (shares["metric"].estimate, shares["metric"].n) == (0.25, 4)
    assert (shares["paper_rule"].estimate, shares["paper_rule"].n) == (0.4, 5)


def test_a_share_has_wilsons_interval():
    found = share_interval(8, 10)
    z2 = stats.norm.ppf(0.975) ** 2
    middle = (8 + z2 / 2) / (10 + z2)
    half = math.sqrt(z2) / (10 + z2) * math.sqrt(8 * 2 / 10 + z2 / 4)
    assert (found.estimate, found.n) == (0.8, 10)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))


# --- how far the measurements can be trusted ---


def test_the_noise_floor_is_the_larger_reach_of_the_twins_interval_from_1():
    ends = [(0.9, 1.05), (1.0, 1.2), (0.8, 1.0), (1.01, 1.02), (None, None)]
    frame = pd.DataFrame(
        {
            **CELL,
            **{"workload": str(place), "strategy": "aa_twin", "concurrency": 32},
            **{"efficiency": 1.0, "ci_low": low, "ci_high": high, "n_blocks": 5, "status": "ok"},
        }
        for place, (low, high) in enumerate(ends)
    )
    twins = aa_twin_table(frame)
    assert twins["contains_1"].tolist() == ["yes", "yes", "yes", "no", "unknown"]
    assert twins["floor"].tolist()[:4] == pytest.approx([1 / 0.9 - 1, 0.2, 0.25, 0.02])
    assert math.isnan(twins["floor"].iloc[4])
    assert aa_twin_share(twins) == "The interval holds 1 in 3 of 4 cells (75 %)."


def test_wall_time_is_split_into_measured_busy_and_span():
    frame = pd.DataFrame(
        [
            ("a", 0.5, 2.0, 100.0, 103.0),
            ("a", 0.5, 2.0, 110.0, 113.5),
            ("b", 1.0, 4.0, 104.0, 109.5),
            ("b", 1.0, 4.0, None, None),  # did not run
        ],
        columns=["experiment", "warmup_s", "window_s", "started_at", "ended_at"],
    )
    table = wall_time_table(frame).set_index("experiment")
    names = ["trials", "warmup_s", "window_s", "trial_s", "span_s", "share_of_trials"]
    assert table.loc["a", names].tolist() == pytest.approx([2, 1.0, 4.0, 6.5, 13.5, 5 / 6.5])
    assert table.loc["b", names].tolist() == pytest.approx([1, 1.0, 4.0, 5.5, 5.5, 5 / 5.5])
    assert table.loc["all", names].tolist() == pytest.approx([3, 2.0, 8.0, 12.0, 13.5, 10 / 12])
    assert table["share_of_span"].tolist()[:2] == pytest.approx([math.nan] * 2, nan_ok=True)
    assert table.loc["all", "share_of_span"] == pytest.approx(10 / 13.5)


def test_verdicts_are_counted_and_one_interval_in_twenty_is_expected_to_miss():
    table = pd.DataFrame(
        {
            "role": ["verdict"] * 3 + ["part"] * 4,
            "verdict": ["reproduced", "reproduced", "inconclusive", *["not reproduced"] * 4],
            "ci_low": [0.1, 0.2, None, 0.1, 0.1, 0.1, 0.1],
        }
    )
    text = counts_text(table)
    assert text.startswith("3 verdicts")
    assert "2 reproduced, 0 not testable here, 1 inconclusive, 0 not reproduced" in text
    assert "of 2 intervals about 0.1 are expected to miss" in text
