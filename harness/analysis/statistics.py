"""Interval estimates over blocks: pure functions of numpy arrays.

The unit is the trial: one value per block, blocks independent of each other. Every function
answers with ``low = high = None`` when there are too few values for an interval and with
``estimate = None`` when there are none; no answer is ever NaN. Samples without any spread
get an interval of zero width.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]

CONFIDENCE = 0.95
BCA_MINIMUM = 10
BCA_RESAMPLES = 4000
# Spread below this share of the values' size is rounding error, not a spread.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, in the unit of the data, from ``n`` values."""

    estimate: float | None
    low: float | None
    high: float | None
    n: int

    def contains(self, value: float) -> bool | None:
        """Whether the interval holds ``value``; None when there is no interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= value <= self.high

    def exp(self) -> "Interval":
        """The same interval on the scale of ratios, given one on the scale of logs."""
        return Interval(_exp(self.estimate), _exp(self.low), _exp(self.high), self.n)


NOTHING = Interval(None, None, None, 0)


def _exp(value: float | None) -> float | None:
    return None if value is None else math.exp(value)


def _finite(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64).ravel()
    kept: Array = array[np.isfinite(array)]
    return kept


def standard_error(values: npt.ArrayLike) -> float | None:
    """Standard error of the mean; None below two values, 0 when they are all alike."""
    sample = _finite(values)
    if sample.size < 2:
        return None
    spread = float(np.ptp(sample))
    if spread <= ROUNDING * float(np.max(np.abs(sample))):
        return 0.0
    return float(np.std(sample, ddof=1)) / math.sqrt(sample.size)


def t_interval_from(estimate: float, error: float | None, n: int) -> Interval:
    """Student's interval from an estimate, its standard error and n - 1 degrees of freedom."""
    if error is None or n < 2:
        return Interval(estimate, None, None, n)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * error
    return Interval(estimate, estimate - half, estimate + half, n)


def mean_t_interval(values: npt.ArrayLike) -> Interval:
    """Mean with Student's t interval (Student 1908); assumes values near a normal distribution."""
    sample = _finite(values)
    if sample.size == 0:
        return NOTHING
    return t_interval_from(float(np.mean(sample)), standard_error(sample), sample.size)


def geometric_mean_t_interval(values: npt.ArrayLike) -> Interval:
    """Geometric mean with a t interval on the logarithms, for ratios, rates and latencies.

    Right for log-normal values; ratios must be averaged so (Fleming and Wallace 1986,
    doi 10.1145/5666.5673). Raises ``ValueError`` for values that are zero or negative.
    """
    sample = _finite(values)
    if np.any(sample <= 0):
        raise ValueError("a geometric mean needs positive values")
    return mean_t_interval(np.log(sample)).exp()


def bca_interval(values: npt.ArrayLike) -> Interval:
    """Mean with a bias-corrected accelerated bootstrap interval (Efron 1987,
    doi 10.1080/01621459.1987.10478410), as a cross-check that assumes no distribution.

    Too narrow in small samples, so below ``BCA_MINIMUM`` values there is no interval. The
    resampling is seeded: the same values give the same interval.
    """
    sample = _finite(values)
    if sample.size < BCA_MINIMUM:
        return Interval(float(np.mean(sample)) if sample.size else None, None, None, sample.size)
    mean = float(np.mean(sample))
    if standard_error(sample) == 0.0:
        # scipy's BCa divides by the spread and would answer NaN with a warning.
        return Interval(mean, mean, mean, sample.size)
    # Spreads so small that their powers vanish make scipy divide zero by zero; the NaN that
    # comes of it is answered below.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (sample,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=BCA_RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
        )
    low, high = (float(edge) for edge in result.confidence_interval)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Interval(mean, None, None, sample.size)
    return Interval(mean, low, high, sample.size)


def indistinguishable_from_best(logs: Array, sizes: Sequence[int], best: int) -> tuple[int, ...]:
    """Sizes whose paired comparison with ``best`` leaves room for equality, in ascending order.

    ``logs`` has one row per block and one column per size: log throughput, NaN where there is
    no usable trial. A size stays in unless the t interval of its paired log ratio against the
    best excludes 0. Each comparison stands alone at 95 %: no correction for their number, so
    the set is, if anything, a little small. Sizes with fewer than two common blocks cannot be
    told apart from the best and stay in.
    """
    reference = logs[:, list(sizes).index(best)]
    kept = [
        size
        for column, size in enumerate(sizes)
        if size == best or mean_t_interval(logs[:, column] - reference).contains(0.0) is not False
    ]
    return tuple(sorted(kept))
