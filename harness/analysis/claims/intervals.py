"""Intervals turned into other units, widened, and of slopes."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from harness.analysis.statistics import (
    CONFIDENCE,
    NOTHING,
    Array,
    Interval,
    mean_t_interval,
    t_interval_from,
)


def loss(log_ratio: Interval) -> Interval:
    """1 - exp of an interval of log ratios: the share that is missing to the whole."""
    ratio = log_ratio.exp()
    return Interval(_less(ratio.estimate), _less(ratio.high), _less(ratio.low), ratio.n)


def gain(log_ratio: Interval) -> Interval:
    """exp - 1 of an interval of log ratios: the share by which it is more."""
    lost = loss(log_ratio)
    low = None if lost.high is None else -lost.high
    high = None if lost.low is None else -lost.low
    return Interval(None if lost.estimate is None else -lost.estimate, low, high, lost.n)


def negative(interval: Interval) -> Interval:
    """The interval of the value with its sign changed."""
    low = None if interval.high is None else -interval.high
    high = None if interval.low is None else -interval.low
    estimate = None if interval.estimate is None else -interval.estimate
    return Interval(estimate, low, high, interval.n)


def _less(ratio: float | None) -> float | None:
    return None if ratio is None else 1 - ratio


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


def mean_slope(x: Sequence[float], rows: Array) -> Interval:
    """Least-squares slope over ``x`` of each row with two values or more, mean over rows with a
    t interval; ``rows`` has shape (blocks, len(x)), NaN where nothing is known."""
    positions = np.asarray(x, dtype=float)
    slopes = []
    for row in rows:
        known = np.isfinite(row)
        if known.sum() >= 2:
            slopes.append(float(np.polyfit(positions[known], row[known], 1)[0]))
    return mean_t_interval(slopes)


def regression_slope(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Slope of one least-squares line through independent points, with n - 2 degrees of freedom;
    ``n`` counts the points. No interval below three points."""
    if len(x) < 2 or np.ptp(x) == 0:
        return NOTHING
    line = stats.linregress(x, y)
    if len(x) < 3 or not math.isfinite(line.stderr):
        return Interval(float(line.slope), None, None, len(x))
    # t_interval_from takes n - 1 degrees of freedom.
    found = t_interval_from(float(line.slope), float(line.stderr), len(x) - 1)
    return Interval(found.estimate, found.low, found.high, len(x))
