"""The estimator against simulated experiments whose truth is known."""

import numpy as np
import pytest

from harness.analysis.estimate.optimum import (
    best_column,
    log_efficiency,
    log_optimum_throughput,
    optimum,
    references,
    size_effects,
)

pytestmark = pytest.mark.slow

EXPERIMENTS = 1000
BLOCKS = 5
NOISE = 0.03
STRATEGY = np.log(0.93)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
# Expected throughput of each size, relative to the best one.
DESIGNS = {
    "one clear optimum": (0.1, 0.2, 0.4, 0.7, 1.0, 0.85, 0.7, 0.6),
    "a rounded top": (0.1, 0.2, 0.4, 0.8, 0.97, 1.0, 0.98, 0.9),
    "three equals": (0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 0.8, 0.6),
    "nearly flat": (0.2, 0.6, 0.97, 0.99, 1.0, 0.995, 0.99, 0.98),
    "a plateau": (1.0,) * 8,
}


def simulated(relative, blocks, seed, noise=NOISE):
    """Log throughput of the pools and of a strategy: machine speed per block, noise per trial."""
    rng = np.random.default_rng(seed)
    for _ in range(EXPERIMENTS):
        speed = rng.normal(5, 0.15, (blocks, 1))
        pools = speed + np.log(relative) + rng.normal(0, noise, (blocks, len(relative)))
        yield pools, speed[:, 0] + STRATEGY + rng.normal(0, noise, blocks)


def share_covered(intervals, truth):
    return np.mean([interval.contains(truth) for interval in intervals])


@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_the_true_efficiency(design):
    """Truth: the strategy's expected throughput over that of the truly best size."""
    experiments = simulated(DESIGNS[design], BLOCKS, seed=20260110)
    intervals = [log_efficiency(pools, series) for pools, series in experiments]
    assert 0.93 <= share_covered(intervals, STRATEGY) <= 0.97


@pytest.mark.parametrize("blocks", [3, 10])
def test_intervals_cover_with_fewer_and_more_blocks(blocks):
    experiments = simulated(DESIGNS["a rounded top"], blocks, seed=7)
    intervals = [log_efficiency(pools, series) for pools, series in experiments]
    assert 0.93 <= share_covered(intervals, STRATEGY) <= 0.97


def test_intervals_cover_the_efficiency_of_a_fixed_size():
    experiments = simulated(DESIGNS["one clear optimum"], BLOCKS, seed=11)
    intervals = [log_efficiency(pools, pools[:, 5]) for pools, _ in experiments]
    assert 0.93 <= share_covered(intervals, np.log(0.85)) <= 0.97


def test_ordinary_standard_errors_would_not_cover():
    """Why the jackknife has a say: on a flat top the log ratios of the blocks correlate."""
    from harness.analysis.estimate.optimum import log_ratios
    from harness.analysis.estimate.statistics import mean_t_interval

    experiments = simulated(DESIGNS["a plateau"], 10, seed=3)
    intervals = [mean_t_interval(log_ratios(pools, series)) for pools, series in experiments]
    assert share_covered(intervals, STRATEGY) < 0.92


@pytest.mark.parametrize("design", ["three equals", "a plateau"])
def test_no_winners_curse_where_the_naive_estimator_has_it(design):
    """Naive: the size with the best mean over all blocks, scored on the same blocks."""
    naive, ours, naive_peak, our_peak = [], [], [], []
    for pools, series in simulated(DESIGNS[design], BLOCKS, seed=42):
        winner = pools.mean(axis=0).argmax()
        naive.append(np.mean(series - pools[:, winner]))
        ours.append(log_efficiency(pools, series).estimate)
        # The block's own speed is taken out, so that 0 is the true peak.
        quiet = pools - (series[:, None] - STRATEGY)
        naive_peak.append(quiet.mean(axis=0).max())
        our_peak.append(log_optimum_throughput(quiet).estimate)
    margin = 3 * np.std(ours) / np.sqrt(EXPERIMENTS)
    assert np.mean(ours) == pytest.approx(STRATEGY, abs=margin)
    assert np.mean(naive) < STRATEGY - 2 * margin
    assert np.mean(our_peak) == pytest.approx(0, abs=margin)
    assert np.mean(naive_peak) > 2 * margin


def test_bias_of_a_rounded_top_stays_below_a_third_of_the_noise():
    experiments = simulated((0.98,) * 4 + (1.0,) + (0.98,) * 3, BLOCKS, seed=5)
    estimates = [log_efficiency(pools, series).estimate for pools, series in experiments]
    assert 0 < np.mean(estimates) - STRATEGY < 0.4 * NOISE


def test_reference_is_chosen_on_the_other_blocks():
    # Size 8 wins everywhere but in the last block, where size 16 is so lucky that it has the
    # best mean: that luck must not count in the block itself.
    pools = np.log([[10.0, 9.0], [10.0, 9.0], [10.0, 40.0]])
    assert list(references(pools)) == [1, 1, 0]
    assert optimum(pools, [8, 16]) == 16


def test_missing_trials_do_not_favour_a_size_that_missed_the_slow_block():
    pools = np.log([[10.0, 9.0], [10.0, 9.0], [5.0, np.nan]])
    assert size_effects(pools).argmax() == 0
    assert optimum(pools, [8, 16]) == 8


def test_a_block_counts_only_if_both_trials_are_usable():
    pools = np.log([[10.0, 5.0], [11.0, 5.5], [np.nan, 6.0], [9.0, 4.0]])
    series = np.log([8.0, np.nan, 9.0, 7.2])
    interval = log_efficiency(pools, series)
    assert interval.n == 2
    assert interval.exp().estimate == pytest.approx(0.8)


def test_one_block_leaves_nothing_to_choose_on():
    pools = np.log([[10.0, 5.0]])
    assert log_efficiency(pools, pools[:, 1]).estimate is None
    assert optimum(pools, [8, 16]) == 8


def test_three_blocks_with_one_winner_have_students_interval():
    pools = np.log([[10.0, 5.0], [12.0, 6.0], [11.0, 5.5]])
    interval = log_efficiency(pools, np.log([8.0, 9.0, 8.8]))
    half = 4.30265273 * np.std(np.log([0.8, 0.75, 0.8]), ddof=1) / np.sqrt(3)
    assert interval.high - interval.estimate == pytest.approx(half)


def test_two_blocks_have_no_interval():
    interval = log_efficiency(np.log([[10.0, 5.0], [12.0, 6.0]]), np.log([8.0, 9.0]))
    assert interval.estimate == pytest.approx(np.log([0.8, 0.75]).mean())
    assert (interval.low, interval.high, interval.n) == (None, None, 2)


def test_without_any_trial_there_is_no_optimum():
    assert optimum(np.full((3, 2), np.nan), [1, 2]) is None
    assert optimum(np.empty((3, 0)), []) is None


def test_of_sizes_that_tie_exactly_the_smaller_is_the_reference() -> None:
    """44 · 39 · 85 tasks either way; the logarithms' sums differ by rounding."""
    fixed = np.log(np.array([[5, 5], [44, 85], [39, 39], [85, 44]], dtype=float))
    assert references(fixed)[0] == 0
    gap = np.vstack([fixed[1:], [np.nan, 1.0]])  # fitted by least squares
    assert best_column(gap) == best_column(gap[:3]) == 0
