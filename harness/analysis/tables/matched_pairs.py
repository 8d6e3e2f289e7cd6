"""Pairs of trials with the same naive beta and opposite right actions.

What is right is not taken from any metric: it is read off the throughputs of fixed pools of
other sizes in the same cell (or, where no fixed pools were measured, of the held ones).
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple

import numpy as np
import pandas as pd

from harness.analysis.data import regimes
from harness.analysis.data.trials import CELL, cells
from harness.analysis.estimate.classification import share_interval
from harness.analysis.estimate.statistics import Interval, mean_t_interval
from harness.analysis.tables.discrimination import EXPERIMENT, HELD, Fitted

GROW = "grow"
SHRINK = "shrink"
#: naive betas this close are the same
SAME_BETA = 0.02
#: d log X / d log N from which growing pays, and up to which it does not
PAYS = 0.3
DOES_NOT_PAY = 0.1
#: above it the paper's rule grows the pool
PAPER_THRESHOLD = 0.3
PAPER_RULE = "paper_rule"
SIDE = ["workload", "concurrency", "regime", "beta_naive"]
PAIR_COLUMNS = [
    *["interpreter", "cores", "block"],
    *[f"{name}_{side}" for side in (GROW, SHRINK) for name in SIDE],
]


def right_actions(trials: pd.DataFrame, experiment: str = EXPERIMENT) -> pd.DataFrame:
    """Per cell and size: what the sweep says should be done there, ``grow`` or ``shrink``.

    Grow where the next larger pool does clearly more; shrink where the next smaller one does
    about as much and the next larger no more. Sizes of which neither can be said are not
    listed, nor is growing beyond the largest or shrinking below the smallest.
    """
    found = list(cells(trials[trials["experiment"] == experiment]))
    kinds = [k for k in ("fixed", HELD) if any((c.usable["strategy"] == k).any() for c in found)]
    rows = []
    for cell in found if kinds else []:
        ran = cell.usable.loc[cell.usable["strategy"] == kinds[0], "concurrency"]
        each = {
            int(size): mean_t_interval(cell.log_throughput(kinds[0], int(size))).estimate
            for size in sorted(set(ran))
        }
        means = {size: mean for size, mean in each.items() if mean is not None}
        key, sizes = astuple(cell.name), list(means)
        slopes = np.diff(list(means.values())) / np.diff(np.log(sizes))
        for place, size in enumerate(sizes):
            smaller = slopes[place - 1] if place else None
            larger = slopes[place] if place < len(slopes) else None
            action = _action(smaller, larger)
            if action is not None:
                rows.append((*key, size, action))
    return pd.DataFrame(rows, columns=[*CELL, "concurrency", "action"])


def _action(smaller: float | None, larger: float | None) -> str | None:
    if larger is not None and larger > PAYS:
        return GROW
    useless = larger is None or larger < DOES_NOT_PAY
    if smaller is not None and smaller < DOES_NOT_PAY and useless:
        return SHRINK
    return None


def matched_pairs(held_out: pd.DataFrame, actions: pd.DataFrame) -> pd.DataFrame:
    """Held-out trials in pairs, each trial in one pair at most, closest betas first.

    Both of a pair are of the same interpreter, pinning and block. The columns ``trial_grow``
    and ``trial_shrink`` are positions in ``held_out``.
    """
    known = held_out.reset_index(names="trial").merge(actions, on=[*CELL, "concurrency"])
    rows: list[dict[str, object]] = []
    for key, group in known.groupby(["interpreter", "cores", "block"], sort=True):
        sides = [group[group["action"] == action].to_dict("records") for action in (GROW, SHRINK)]
        candidates = sorted(
            (abs(a["beta_naive"] - b["beta_naive"]), a["trial"], b["trial"], a, b)[:3]
            for a in sides[0]
            for b in sides[1]
        )
        taken: set[int] = set()
        by_trial = {row["trial"]: row for side in sides for row in side}
        for distance, one, other in candidates:
            if distance > SAME_BETA or taken & {one, other}:
                continue
            taken |= {one, other}
            row: dict[str, object] = dict(zip(["interpreter", "cores", "block"], key, strict=True))
            for action, trial in ((GROW, one), (SHRINK, other)):
                row |= {f"{name}_{action}": by_trial[trial][name] for name in SIDE}
                row[f"trial_{action}"] = trial
            rows.append(row)
    columns = [*PAIR_COLUMNS, f"trial_{GROW}", f"trial_{SHRINK}"]
    return pd.DataFrame(rows, columns=columns)


def with_verdicts(pairs: pd.DataFrame, fitted: Sequence[Fitted]) -> pd.DataFrame:
    """The pairs and, per metric, whether it says the right thing of both trials.

    A metric says grow when its rules tell I/O wait, the one regime in which more workers do
    more; the paper's rule says so when naive beta exceeds its threshold. Empty where a
    metric was not measured.
    """
    betas = [pairs[f"beta_naive_{action}"] for action in (GROW, SHRINK)]
    right = (betas[0] > PAPER_THRESHOLD) & ~(betas[1] > PAPER_THRESHOLD)
    columns: dict[str, pd.Series] = {PAPER_RULE: right.astype(object)}
    for one in fitted:
        columns[one.family.name] = pd.Series(list(_verdicts(pairs, one)), pairs.index, dtype=object)
    return pairs.assign(**columns)


def _verdicts(pairs: pd.DataFrame, one: Fitted) -> Iterator[bool | None]:
    judged = one.judged()
    says = {}
    if judged is not None:
        grows = judged.predicted == regimes.REGIMES.index(regimes.IO_WAIT)
        says = dict(zip(one.held_out.index, map(bool, grows), strict=True))
    for grow, shrink in zip(pairs[f"trial_{GROW}"], pairs[f"trial_{SHRINK}"], strict=True):
        known = grow in says and shrink in says
        yield (says[grow] and not says[shrink]) if known else None


def pair_shares(pairs: pd.DataFrame) -> dict[str, Interval]:
    """Per metric the share of pairs of which it says the right thing, with Wilson's interval."""
    shares = {}
    for name in pairs.columns[len(PAIR_COLUMNS) + 2 :]:
        verdicts = pairs[name].dropna()
        shares[str(name)] = share_interval(int(verdicts.astype(bool).sum()), len(verdicts))
    return shares
