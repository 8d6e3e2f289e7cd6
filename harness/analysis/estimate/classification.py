"""How well predicted classes agree with true ones; pure functions of numpy arrays.

Classes are codes from 0 on. A class without a true sample is left out of every mean: nothing
can be said of it. Measures take weights, one row per draw of the bootstrap, and answer with a
value per draw.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.analysis.estimate.decision_tree import Codes, Flags
from harness.analysis.estimate.statistics import CONFIDENCE, MINIMUM, Array, Interval

RESAMPLES = 1000


@dataclass(frozen=True)
class Judged:
    """True classes (samples,), scores (samples, classes), and the unit that is resampled:
    samples of one ``group`` are repetitions of the same configuration."""

    truth: Codes
    scores: Array
    groups: Codes

    @property
    def predicted(self) -> Codes:
        """The class with the highest score, the first among equals."""
        return np.asarray(np.argmax(self.scores, axis=1), dtype=np.int64)

    @property
    def once(self) -> Array:
        """Weights that count every sample once, shape (1, samples)."""
        return np.ones((1, len(self.truth)))


#: from judged samples and weights (draws, samples) to a value per draw, NaN for none
Measure = Callable[[Judged, Array], Array]


def confusion(judged: Judged, weights: Array | None = None) -> Array:
    """Weights by true (rows) and predicted class, shape (draws, classes, classes)."""
    classes = judged.scores.shape[1]
    cells = np.zeros((len(judged.truth), classes * classes))
    cells[np.arange(len(judged.truth)), judged.truth * classes + judged.predicted] = 1
    weighted = (judged.once if weights is None else weights) @ cells
    return np.asarray(weighted.reshape(-1, classes, classes))


def _mean_of_true(values: Array, present: Flags) -> Array:
    """Mean of values (draws, classes) over the classes that are present; NaN for none."""
    counts = present.sum(axis=1)
    sums = np.where(present, values, 0.0).sum(axis=1)
    means: Array = np.divide(sums, counts, where=counts > 0, out=np.full(len(values), np.nan))
    return means


def balanced_accuracy(judged: Judged, weights: Array) -> Array:
    """Mean over true classes of the share recognised."""
    table = confusion(judged, weights)
    actual = table.sum(axis=2)
    hits = np.diagonal(table, axis1=1, axis2=2)
    return _mean_of_true(hits / np.maximum(actual, 1e-300), actual > 0)


def macro_f1(judged: Judged, weights: Array) -> Array:
    """Mean over true classes of F1 = 2 hits / (true + predicted)."""
    table = confusion(judged, weights)
    actual, claimed = table.sum(axis=2), table.sum(axis=1)
    hits = np.diagonal(table, axis1=1, axis2=2)
    return _mean_of_true(2 * hits / np.maximum(actual + claimed, 1e-300), actual > 0)


def macro_auc(judged: Judged, weights: Array) -> Array:
    """Mean over classes of the area under the ROC curve, one class against the rest.

    The probability that a sample of the class scores higher than another, ties counting half
    (Mann and Whitney 1947). NaN when fewer than two classes are there.
    """
    areas, present = [], []
    for code in range(judged.scores.shape[1]):
        own = judged.truth == code
        values, place = np.unique(judged.scores[:, code], return_inverse=True)
        at = np.zeros((len(own), len(values)))
        at[np.arange(len(own)), place.ravel()] = 1
        mine = (weights * own) @ at
        others = (weights * ~own) @ at
        lower = np.cumsum(others, axis=1) - others
        pairs = mine.sum(axis=1) * others.sum(axis=1)
        wins = (mine * (lower + others / 2)).sum(axis=1)
        areas.append(wins / np.maximum(pairs, 1e-300))
        present.append(pairs > 0)
    return _mean_of_true(np.stack(areas, axis=1), np.stack(present, axis=1))


def bootstrapped(judged: Judged, measure: Measure, resamples: int = RESAMPLES) -> Interval:
    """A measure with a percentile bootstrap interval (Efron 1979), seeded.

    Whole groups are drawn, within each true class, so that every class keeps its share and
    repetitions of a configuration do not count as independent. ``n`` is the number of
    samples; with fewer than ``MINIMUM`` groups in any class there is no interval.
    """
    n = len(judged.truth)
    estimate = float(measure(judged, judged.once)[0])
    if not np.isfinite(estimate):
        return Interval(None, None, None, n)
    generator = np.random.default_rng(0)
    weights = np.zeros((resamples, n))
    for code in np.unique(judged.truth):
        own = np.flatnonzero(judged.truth == code)
        groups, place = np.unique(judged.groups[own], return_inverse=True)
        if len(groups) < MINIMUM:
            return Interval(estimate, None, None, n)
        shares = np.full(len(groups), 1 / len(groups))
        weights[:, own] = generator.multinomial(len(groups), shares, resamples)[:, place.ravel()]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(measure(judged, weights), [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), n)


def share_interval(hits: int, n: int) -> Interval:
    """A share with Wilson's interval (E. B. Wilson 1927), which keeps within 0 and 1.

    Its width follows from the count, not from an estimate of a spread: any ``n`` will do.
    """
    if n == 0:
        return Interval(None, None, None, 0)
    found = stats.binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(hits / n, float(found.low), float(found.high), n)
