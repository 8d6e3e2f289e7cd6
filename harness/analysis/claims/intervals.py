"""Intervals turned into other units, widened, and of slopes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from harness.analysis.estimate.statistics import (
    CONFIDENCE,
    NOTHING,
    Array,
    Interval,
    Scale,
    mean_interval,
    mean_t_interval,
    t_interval_from,
)


def loss(log_ratio: Interval) -> Interval:
    """1 - exp of an interval of log ratios: the share that is missing to the whole."""
    return log_ratio.exp().moved(-1, 1)


def gain(log_ratio: Interval) -> Interval:
    """exp - 1 of an interval of log ratios: the share by which it is more."""
    return log_ratio.exp().moved(1, -1)


def negative(interval: Interval) -> Interval:
    """The interval of the value with its sign changed."""
    return interval.moved(-1, 0)


def widened(interval: Interval, count: int) -> Interval:
    """A Student's interval made one of ``count`` that all hold at once with the confidence of
    one (Bonferroni; Dunn 1961, doi 10.1080/01621459.1961.10482090)."""
    if interval.estimate is None or interval.low is None or interval.high is None:
        return interval
    freedom = interval.n - 1
    alone = stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)
    together = stats.t.ppf(1 - (1 - CONFIDENCE) / 2 / count, freedom)
    factor = float(together / alone)
    return Interval(
        interval.estimate,
        interval.estimate - factor * (interval.estimate - interval.low),
        interval.estimate + factor * (interval.high - interval.estimate),
        interval.n,
    )


def smallest(intervals: Sequence[Interval]) -> Interval:
    """The smallest of several quantities: with each interval widened for their number, the
    least lower and the least upper end bound it. No interval where one of them has none."""
    if not intervals or any(interval.estimate is None for interval in intervals):
        return NOTHING
    wide = [widened(interval, len(intervals)) for interval in intervals]
    estimate = min(i.estimate for i in wide if i.estimate is not None)
    n = min(i.n for i in wide)
    lows = [i.low for i in wide if i.low is not None]
    highs = [i.high for i in wide if i.high is not None]
    if len(lows) < len(wide) or len(highs) < len(wide):
        return Interval(estimate, None, None, n)
    return Interval(estimate, min(lows), min(highs), n)


def mean_slope(x: Sequence[float], rows: Array, *, shares: bool = False) -> Interval:
    """Least-squares slope over ``x`` of each row with two values or more, mean over rows with a
    t interval; ``rows`` has shape (blocks, len(x)), NaN where nothing is known.

    Where the values are ``shares``, no slope can be steeper than one that spends their whole
    range, and neither is an end of the interval.
    """
    positions = np.asarray(x, dtype=float)
    slopes, steepest = [], 0.0
    for row in rows:
        known = np.isfinite(row)
        if known.sum() >= 2:
            away = positions[known] - positions[known].mean()
            weights = away / (away**2).sum()
            slopes.append(float(weights @ row[known]))
            steepest = max(steepest, float(np.abs(weights).sum()) / 2)
    if not shares or not slopes:
        return mean_t_interval(slopes)
    return mean_interval(np.array(slopes) / steepest, Scale.DIFFERENCE).moved(steepest, 0)


def regression_slope(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Slope of one least-squares line through independent points, with n - 2 degrees of freedom;
    ``n`` counts the points. No interval below four points: the line takes one more of them than
    a mean does."""
    if len(x) < 2 or np.ptp(x) == 0:
        return NOTHING
    line = stats.linregress(x, y)
    error = float(line.stderr) if math.isfinite(line.stderr) else None
    # t_interval_from takes n - 1 degrees of freedom.
    found = t_interval_from(float(line.slope), error, len(x) - 1)
    return Interval(found.estimate, found.low, found.high, len(x))
