"""Interval estimates over blocks: pure functions of numpy arrays.

The unit is the trial: one value per block, blocks independent of each other. Every function
answers with ``low = high = None`` when there are fewer than ``MINIMUM`` values, too few for an
interval, and with ``estimate = None`` when there are none; no answer is ever NaN or infinite.
Samples without any spread get an interval of zero width, but for shares at an end of their
range.

What values a quantity can have is its ``Scale``, the only thing that decides how its interval
is made, so that no interval reaches where the quantity cannot be. ``scale_of`` knows the scale
of every column by its name.
"""

import math
import re
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Array = npt.NDArray[np.float64]

#: of every interval in tables, figures and verdicts
CONFIDENCE = 0.95
#: Values without which there is no interval: with two, Student's factor is 12.7, and the spread
#: it multiplies is known within a factor of 30 at best.
MINIMUM = 3
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
        """The same interval on the scale of ratios, given one on the scale of logs. No interval
        where its upper end is more than a float can hold."""
        estimate = None if self.estimate is None else math.exp(min(self.estimate, LARGEST_LOG))
        if self.low is None or self.high is None or self.high > LARGEST_LOG:
            return Interval(estimate, None, None, self.n)
        return Interval(estimate, math.exp(self.low), math.exp(self.high), self.n)

    def moved(self, factor: float, shift: float) -> "Interval":
        """The interval of ``factor`` times the quantity plus ``shift``."""
        if self.estimate is None:
            return self
        estimate = factor * self.estimate + shift
        if self.low is None or self.high is None:
            return Interval(estimate, None, None, self.n)
        low, high = sorted((factor * self.low + shift, factor * self.high + shift))
        return Interval(estimate, low, high, self.n)


class Scale(Enum):
    """The values that a quantity can have, which say how its mean and interval are made."""

    #: any number; mean, Student's interval
    REAL = "real"
    #: 0 or more, where sums mean something: memory, CPU time, counts; mean, with an interval
    #: that is symmetric in its logarithm
    POSITIVE = "positive"
    #: above 0, where factors mean something: ratios, rates, latencies; geometric mean, with
    #: Student's interval of the logarithms. Zeros have no logarithm and are left out.
    RATIO = "ratio"
    #: 0 to 1; mean, with an interval that is symmetric in its logit
    SHARE = "share"
    #: -1 to 1, a difference of two shares; as a share of that range
    DIFFERENCE = "difference of shares"


NOTHING = Interval(None, None, None, 0)
LARGEST_LOG = math.log(sys.float_info.max)
#: Scales by column, in trials.csv and in tables; the first pattern that fits counts.
COLUMN_SCALES = (
    (r"beta_\w+|jain_fairness|\w+_share(_true|_known)?", Scale.SHARE),
    (r"gil_error", Scale.DIFFERENCE),
    (r"throughput_tps|efficiency|speed_up|(\w+_)?ratio", Scale.RATIO),
    (r"(latency|sojourn|loop_lag)_p\d+_ms", Scale.RATIO),
    # Differences that noise can turn negative.
    (r"loss|idle_us_per_task|uss_per_worker|clock_step_ms|speed_elasticity", Scale.REAL),
    (
        r"(final_|occupied_)?workers|metric_size|vetoes|decision_count|completed|failed|failures_tps|capacity",
        Scale.POSITIVE,
    ),
    (r"speed_\w+|thermal_throttles|cost_us", Scale.POSITIVE),
    (r"\w+_(s|ms|mb|mhz)|\w+_per_(s|task|interval)", Scale.POSITIVE),
)


def scale_of(column: str) -> Scale:
    """The scale of a column of trials.csv or of a table; any number for those not known."""
    for pattern, scale in COLUMN_SCALES:
        if re.fullmatch(pattern, column):
            return scale
    return Scale.REAL


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
    """Student's interval from an estimate, its standard error and n - 1 degrees of freedom.

    Every interval over blocks is made here, on whatever scale. None below ``MINIMUM`` values.
    """
    if error is None or n < MINIMUM:
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


def mean_interval(values: npt.ArrayLike, scale: Scale) -> Interval:
    """Mean with a 95 % interval that keeps within the range of ``scale``; see there.

    For ``POSITIVE`` and ``SHARE`` the standard error of the mean m is carried over to log m or
    logit m (delta method), t taken there, and the ends carried back. What a clock's error puts
    a little outside of the range counts as its end.
    """
    sample = _finite(values)
    if scale is Scale.REAL:
        return mean_t_interval(sample)
    if scale is Scale.RATIO:
        return geometric_mean_t_interval(sample[sample > 0])
    if scale is Scale.DIFFERENCE:
        return mean_interval((sample + 1) / 2, Scale.SHARE).moved(2, -1)
    sample = np.clip(sample, 0, 1 if scale is Scale.SHARE else None)
    if sample.size == 0:
        return NOTHING
    return (_share if scale is Scale.SHARE else _positive)(sample)


def _positive(sample: Array) -> Interval:
    mean, error = float(np.mean(sample)), standard_error(sample)
    if mean == 0 or error is None:
        return t_interval_from(mean, error, sample.size)
    # As a factor to the mean, so that it stays between its ends when they are rounded.
    found = t_interval_from(0.0, error / mean, sample.size).exp().moved(mean, 0)
    if found.high is not None and not math.isfinite(found.high):
        return Interval(mean, None, None, sample.size)
    return Interval(mean, found.low, found.high, sample.size)


def _share(sample: Array) -> Interval:
    mean, error, n = float(np.mean(sample)), standard_error(sample), sample.size
    if n < MINIMUM or error is None:
        return Interval(mean, None, None, n)
    if min(mean, 1 - mean) <= ROUNDING:
        # No spread, and at the end none can show. All that is known: were more than ``reach`` of
        # all blocks off the end, n blocks at it would be too rare (as Clopper and Pearson 1934,
        # doi 10.1093/biomet/26.4.404); so the mean is not farther off either.
        reach = 1 - ((1 - CONFIDENCE) / 2) ** (1 / n)
        return Interval(mean, 0.0, reach, n) if mean < 0.5 else Interval(mean, 1 - reach, 1.0, n)
    found = t_interval_from(float(special.logit(mean)), error / (mean * (1 - mean)), n)
    assert found.low is not None and found.high is not None
    low, high = float(special.expit(found.low)), float(special.expit(found.high))
    return Interval(mean, min(low, mean), max(high, mean), n)


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
    the set is, if anything, a little small. Sizes with too few common blocks for an interval
    cannot be told apart from the best and stay in.
    """
    reference = logs[:, list(sizes).index(best)]
    kept = [
        size
        for column, size in enumerate(sizes)
        if size == best or mean_t_interval(logs[:, column] - reference).contains(0.0) is not False
    ]
    return tuple(sorted(kept))
