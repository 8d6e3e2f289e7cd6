"""A shallow classification tree: thresholds on features, found by trying every one.

CART (L. Breiman et al., Classification and Regression Trees, 1984) with Gini impurity and
classes weighted alike, however many samples each has. Deterministic: of equally good splits
the first feature and the smallest threshold win.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.estimate.statistics import Array

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: a split has to take this much off the impurity (of at most 1), and leave on each side
#: this share of a class
LEAST_GAIN = 0.02
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Leaf:
    """The end of a path: weight of each class, shape (classes,), and the number of samples."""

    weights: Array
    samples: int

    @property
    def winner(self) -> int:
        """The class with most weight."""
        return int(np.argmax(self.weights))


@dataclass(frozen=True)
class Split:
    """Samples whose feature is at most the threshold go ``below``."""

    feature: int
    threshold: float
    below: "Node"
    above: "Node"


Node = Leaf | Split


@dataclass(frozen=True)
class Rule:
    """One leaf in words: every condition (feature, "<=" or ">", threshold) on its path."""

    conditions: tuple[tuple[int, str, float], ...]
    leaf: Leaf


def grow(features: Array, classes: Codes, n_classes: int, depth: int) -> Node:
    """Fit to features (samples, features) and class codes (samples,); raises on no samples."""
    if len(classes) == 0:
        raise ValueError("a tree needs samples")
    counts = np.bincount(classes, minlength=n_classes)
    present = int(np.count_nonzero(counts))
    weights = (1.0 / np.maximum(counts, 1))[classes] / present
    return _grow(features, classes, weights, n_classes, depth, present)


def _grow(
    features: Array, classes: Codes, weights: Array, n_classes: int, depth: int, present: int
) -> Node:
    totals = np.asarray(np.bincount(classes, weights, n_classes), dtype=np.float64)
    leaf = Leaf(totals, len(classes))
    if depth == 0 or np.count_nonzero(totals) < 2:
        return leaf
    best: tuple[float, int, float] | None = None
    for feature in range(features.shape[1]):
        found = _best_threshold(features[:, feature], classes, weights, n_classes, present)
        if found is not None and (best is None or found[0] > best[0] + 1e-12):
            best = (found[0], feature, found[1])
    if best is None or best[0] < LEAST_GAIN:
        return leaf
    below = features[:, best[1]] <= best[2]
    sides = [
        _grow(features[side], classes[side], weights[side], n_classes, depth - 1, present)
        for side in (below, ~below)
    ]
    return Split(best[1], best[2], sides[0], sides[1])


def _best_threshold(
    values: Array, classes: Codes, weights: Array, n_classes: int, present: int
) -> tuple[float, float] | None:
    """Gain and threshold of a feature's best split, midway between neighbours; None for none."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    each = np.zeros((len(values), n_classes))
    each[np.arange(len(values)), classes[order]] = weights[order]
    below = np.cumsum(each, axis=0)[:-1]
    total = each.sum(axis=0)
    above = total - below
    least = LEAST_SHARE / present
    possible = (ordered[1:] > ordered[:-1]) & (below.sum(1) >= least) & (above.sum(1) >= least)
    if not possible.any():
        return None
    gains = np.where(possible, _impurity(total) - _impurity(below) - _impurity(above), -np.inf)
    at = int(np.argmax(gains))
    return float(gains[at]), float((ordered[at] + ordered[at + 1]) / 2)


def _impurity(weights: Array) -> Array:
    """Gini impurity times weight, over the last axis."""
    total = weights.sum(axis=-1)
    squares = (weights**2).sum(axis=-1)
    return np.asarray(total - np.divide(squares, total, where=total > 0, out=np.zeros_like(total)))


def probabilities(tree: Node, features: Array) -> Array:
    """Share of each class in the leaf of each sample, shape (samples, classes)."""
    if not len(features):
        return features
    weights = np.stack([_leaf(tree, row).weights for row in features])
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _leaf(node: Node, row: Array) -> Leaf:
    while isinstance(node, Split):
        node = node.below if row[node.feature] <= node.threshold else node.above
    return node


def rules(node: Node, path: tuple[tuple[int, str, float], ...] = ()) -> Iterator[Rule]:
    """Every leaf with the conditions that lead to it."""
    if isinstance(node, Leaf):
        yield Rule(path, node)
        return
    yield from rules(node.below, (*path, (node.feature, "<=", node.threshold)))
    yield from rules(node.above, (*path, (node.feature, ">", node.threshold)))


def rule_text(rule: Rule, names: Sequence[str]) -> str:
    """``gil_wait_share > 0.31 and beta_star <= 0.5``; ``always`` for a tree without a split.

    Of several bounds on one side of a feature only the tightest is shown.
    """
    bounds: dict[tuple[int, str], float] = {}
    for feature, side, threshold in rule.conditions:
        known = bounds.get((feature, side), threshold)
        bounds[feature, side] = min(known, threshold) if side == "<=" else max(known, threshold)
    parts = [f"{names[feature]} {side} {value:.3g}" for (feature, side), value in bounds.items()]
    return " and ".join(parts) or "always"
