"""How well predicted classes agree with true ones; pure functions of numpy arrays.

Classes are codes from 0 on. A class without a true sample is left out of every mean: nothing
can be said of it. Answers are None where there is nothing to average.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from harness.analysis.decision_tree import Codes
from harness.analysis.statistics import CONFIDENCE, Array, Interval

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

    def at(self, index: Codes) -> "Judged":
        """The samples at ``index``, which may repeat."""
        return Judged(self.truth[index], self.scores[index], self.groups[index])


def confusion(judged: Judged) -> Codes:
    """Counts by true (rows) and predicted class, shape (classes, classes)."""
    classes = judged.scores.shape[1]
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (judged.truth, judged.predicted), 1)
    return table


def balanced_accuracy(judged: Judged) -> float | None:
    """Mean over true classes of the share recognised."""
    table = confusion(judged)
    actual = table.sum(axis=1)
    present = actual > 0
    if not present.any():
        return None
    return float(np.mean(np.diag(table)[present] / actual[present]))


def macro_f1(judged: Judged) -> float | None:
    """Mean over true classes of F1 = 2 hits / (true + predicted)."""
    table = confusion(judged)
    actual, claimed = table.sum(axis=1), table.sum(axis=0)
    present = actual > 0
    if not present.any():
        return None
    return float(np.mean(2 * np.diag(table)[present] / (actual + claimed)[present]))


def macro_auc(judged: Judged) -> float | None:
    """Mean over classes of the area under the ROC curve, one class against the rest.

    The probability that a sample of the class scores higher than another, ties counting half
    (Mann and Whitney 1947). None when fewer than two classes are there.
    """
    areas = []
    for code in np.unique(judged.truth):
        own = judged.truth == code
        if own.all():
            continue
        ranks = stats.rankdata(judged.scores[:, code])
        wins = ranks[own].sum() - own.sum() * (own.sum() + 1) / 2
        areas.append(wins / (own.sum() * (~own).sum()))
    return float(np.mean(areas)) if areas else None


def bootstrapped(
    judged: Judged, measure: Callable[[Judged], float | None], resamples: int = RESAMPLES
) -> Interval:
    """A measure with a percentile bootstrap interval (Efron 1979), seeded.

    Whole groups are drawn, within each true class, so that every class keeps its share and
    repetitions of a configuration do not count as independent. ``n`` is the number of
    samples; with fewer than two groups in any class there is no interval.
    """
    estimate = measure(judged)
    strata = _strata(judged)
    if estimate is None or any(len(groups) < 2 for groups in strata):
        return Interval(estimate, None, None, len(judged.truth))
    generator = np.random.default_rng(0)
    values = []
    for _ in range(resamples):
        index = np.concatenate(
            [
                groups[choice]
                for groups in strata
                for choice in generator.integers(len(groups), size=len(groups))
            ]
        )
        value = measure(judged.at(index))
        if value is not None:
            values.append(value)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), len(judged.truth))


def _strata(judged: Judged) -> Sequence[Sequence[Codes]]:
    """Per true class the indices of the samples of each of its groups."""
    return [
        [
            np.flatnonzero((judged.truth == code) & (judged.groups == group))
            for group in np.unique(judged.groups[judged.truth == code])
        ]
        for code in np.unique(judged.truth)
    ]


def share_interval(hits: int, n: int) -> Interval:
    """A share with Wilson's interval (E. B. Wilson 1927), which keeps within 0 and 1."""
    if n == 0:
        return Interval(None, None, None, 0)
    found = stats.binomtest(hits, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(hits / n, float(found.low), float(found.high), n)
