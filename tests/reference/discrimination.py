"""Which metric tells what tasks wait for: thresholds fixed on some workloads, judged on others."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from tests.reference import regimes
from tests.reference.main_tables import Rows
from tests.reference.regimes import REGIMES
from tests.reference.registry import table
from tests.reference.steps import CELL, CI, NOTHING, Run, wilson

RATIOS = ["beta_star", "gil_wait_share", "run_queue_share", "lock_wait_share"]
WITH_CPU = ["beta_naive", "cpu_share"]
#: what each metric knows of a trial, and whether it is one of those compared
FAMILIES = {
    "naive_beta": (["beta_naive"], True),
    "naive_beta_cpu": (WITH_CPU, True),
    "lateness": (["wakeup_lateness_ms"], True),
    "decomposed": ([*RATIOS, "response"], True),
    "response_only": (["response"], False),
    "naive_beta_response": (["beta_naive", "response"], False),
    "naive_beta_cpu_response": ([*WITH_CPU, "response"], False),
    "decomposed_ratio_only": (RATIOS, False),
}
#: bootstraps, by random draws of their own
DRAWN = (".*", r"(balanced_accuracy|macro_f1|auc)_(low|high)", 0.05)

# --- a tree: Gini impurity, classes weighted alike, depth 4 ---


def impurity(weights: np.ndarray) -> float:
    total = weights.sum()
    return total - (weights**2).sum() / total if total > 0 else 0.0


def best_split(data: dict[str, np.ndarray], features: list[str], least: float):
    """Gain, feature and threshold of the best split; the first among equals."""
    best = (0.0, "", math.nan)
    whole = impurity(mass(data))
    for feature in features:
        values = np.unique(data[feature])
        for low, high in pairwise(values):
            below = data[feature] <= low
            sides = [mass(kept(data, below)), mass(kept(data, ~below))]
            gain = whole - impurity(sides[0]) - impurity(sides[1])
            enough = min(side.sum() for side in sides) >= least * (1 - 1e-12)
            if enough and gain > best[0] + 1e-12:
                best = (gain, feature, (low + high) / 2)
    return best


def kept(data: dict[str, np.ndarray], mask: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[mask] for name, values in data.items()}


def mass(data: dict[str, np.ndarray]) -> np.ndarray:
    """Weight of each regime."""
    return np.bincount(data["regime"], data["weight"], len(REGIMES))


def grown(data: dict[str, np.ndarray], features: list[str], least: float, depth: int = 4):
    """A leaf (weights, samples), or feature, threshold and the two sides."""
    weights = mass(data)
    if depth and np.count_nonzero(weights) > 1:
        gain, feature, threshold = best_split(data, features, least)
        if gain >= 0.02:
            below = data[feature] <= threshold
            sides = (grown(kept(data, s), features, least, depth - 1) for s in (below, ~below))
            return feature, threshold, *sides
    return weights, len(data["weight"])


def leaf_of(tree, row: dict[str, float]):
    while len(tree) == 4:
        tree = tree[2] if row[tree[0]] <= tree[1] else tree[3]
    return tree


def leaves(tree, path: tuple = ()):
    if len(tree) == 2:
        yield path, tree
        return
    yield from leaves(tree[2], (*path, (tree[0], "<=", tree[1])))
    yield from leaves(tree[3], (*path, (tree[0], ">", tree[1])))


class Fitted:
    """The rules of one metric and the held-out trials they are judged on."""

    def __init__(self, seen: pd.DataFrame, features: list[str]) -> None:
        clear = seen[seen["regime"].notna()]
        for feature in features:
            if feature not in clear:
                clear = clear.assign(**{feature: math.nan})
        known = clear.dropna(subset=features)
        self.missing = len(clear) - len(known)
        self.training, self.held_out = known[~known["held_out"]], known[known["held_out"]]
        self.tree, self.status = None, "ok"
        counts = self.training["regime"].value_counts()
        if known.empty and self.missing:
            lacking = [feature for feature in features if clear[feature].isna().all()]
            self.status = f"not measured: {', '.join(lacking)}"
        elif len(counts) < 2 or self.held_out.empty:
            self.status = "too few trials to fix and to judge rules on"
        else:
            regime = self.training["regime"]
            data = {name: self.training[name].to_numpy(float) for name in features}
            data["regime"] = regime.map(REGIMES.index).to_numpy()
            data["weight"] = (1 / regime.map(counts) / len(counts)).to_numpy()
            self.tree = grown(data, features, 0.1 / len(counts))
            absent = sorted(set(self.held_out["regime"]) - set(counts.index))
            if absent:
                self.status = f"no training trials of {', '.join(absent)}"
            found = [leaf_of(self.tree, row)[0] for row in self.held_out.to_dict("records")]
            self.scores = np.array([weights / weights.sum() for weights in found])
            self.held_out = self.held_out.assign(
                told=[REGIMES[int(np.argmax(weights))] for weights in found],
                place=range(len(found)),
            )

    def of(self, interpreter: str) -> pd.DataFrame:
        chosen = self.held_out["interpreter"].isin(
            [interpreter] if interpreter != "all" else self.held_out["interpreter"]
        )
        return self.held_out[chosen] if self.tree is not None else self.held_out[:0]

    @property
    def interpreters(self) -> list[str]:
        return ["all", *sorted(self.held_out["interpreter"].unique())]


def observed(run: Run) -> pd.DataFrame:
    return run.once("observations", lambda: regimes.observations(run))


def fitted(run: Run) -> dict[str, Fitted]:
    def fit() -> dict[str, Fitted]:
        seen = observed(run)
        return (
            {name: Fitted(seen, list(how[0])) for name, how in FAMILIES.items()}
            if len(seen)
            else {}
        )

    return run.once("fitted", fit)


# --- scores ---


def macro_f1(truth: np.ndarray, told: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over true regimes of 2 hits / (true + told)."""
    found = []
    for value in np.unique(truth):
        hits = weights[:, (truth == value) & (told == value)].sum(1)
        both = weights[:, truth == value].sum(1) + weights[:, told == value].sum(1)
        found.append(2 * hits / both)
    return np.mean(found, axis=0)


def macro_auc(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over regimes of the area under the ROC curve, one against the rest."""
    areas = [
        regimes.auc(truth == name, scores[:, place], weights)
        for place, name in enumerate(REGIMES)
        if 0 < (truth == name).sum() < len(truth)
    ]
    return np.mean(areas, axis=0) if areas else np.full(len(weights), math.nan)


@table("discrimination", "family", "interpreter", tolerance=(DRAWN,))
def discrimination(run: Run) -> Rows:
    found: Rows = []
    if not fitted(run):
        return found
    pairs = matched(run)
    for family, one in fitted(run).items():
        for interpreter in one.interpreters:
            chosen = one.of(interpreter)
            row = {"family": family, "main": FAMILIES[family][1], "interpreter": interpreter}
            row |= {"n_held_out": len(chosen), "n_training": len(one.training)}
            row |= {"n_missing": one.missing, "classes": chosen["regime"].nunique()}
            row |= {"status": one.status}
            if len(chosen):
                truth, told = chosen["regime"].to_numpy(str), chosen["told"].to_numpy(str)
                scores = one.scores[chosen["place"]]
                for name, measure in (
                    ("balanced_accuracy", partial(regimes.balanced_accuracy, truth, told)),
                    ("macro_f1", partial(macro_f1, truth, told)),
                    ("auc", partial(macro_auc, truth, scores)),
                ):
                    ci = regimes.bootstrap(measure, truth, regimes.units(chosen), draws=1000)
                    row |= ci.columns(name)
            if interpreter == "all":
                row |= _pairs_right(pairs, family)
            found.append(row)
    rule = {"family": "paper_rule", "main": True, "interpreter": "all"}
    rule |= {"status": "says grow or not, no regime"}
    return [*found, rule | _pairs_right(pairs, "paper_rule")]


def _pairs_right(pairs: Rows, family: str) -> dict[str, float]:
    right = [row[family] for row in pairs if row[family] is not None]
    ci: CI = wilson(sum(right), len(right)) if right else NOTHING
    return ci.columns("pairs_right") | {"n_pairs": ci.n}


@table("discrimination_confusion", "family", "interpreter", "truth")
def discrimination_confusion(run: Run) -> Rows:
    found = []
    for family, one in fitted(run).items():
        for interpreter in one.interpreters:
            for name, group in one.of(interpreter).groupby("regime"):
                counts = {told: int((group["told"] == told).sum()) for told in REGIMES}
                about = {"family": family, "interpreter": interpreter, "truth": name}
                found.append(about | counts)
    return found


@table("discrimination_rules", "family", "rule", "regime", "n_training")
def discrimination_rules(run: Run) -> Rows:
    found = []
    for family, one in fitted(run).items():
        for path, (weights, samples) in leaves(one.tree) if one.tree is not None else ():
            tightest: dict[tuple[str, str], float] = {}
            for feature, side, threshold in path:
                bound = tightest.get((feature, side), threshold)
                tightest[feature, side] = (min if side == "<=" else max)(bound, threshold)
            texts = [f"{name} {side} {value:.3g}" for (name, side), value in tightest.items()]
            row = {"family": family, "rule": " and ".join(texts) or "always"}
            row |= {"regime": REGIMES[int(np.argmax(weights))], "n_training": samples}
            found.append(row | {"purity": weights.max() / weights.sum()})
    return found


@table("discrimination_truth", "regime", "interpreter", "split")
def discrimination_truth(run: Run) -> Rows:
    found = []
    seen = observed(run)
    if seen.empty:
        return found
    seen = seen.assign(
        regime=seen["regime"].fillna("between regimes"),
        split=np.where(seen["held_out"], "held out", "training"),
    )
    for key, group in seen.groupby(["regime", "interpreter", "split"]):
        checked = group["confirmed"].dropna()
        share = wilson(int(checked.sum()), len(checked))
        row = dict(zip(("regime", "interpreter", "split"), key, strict=True))
        row |= {"trials": len(group), "workloads": group["workload"].nunique()}
        row |= {"sizes": " ".join(map(str, sorted(group["concurrency"].unique())))}
        found.append(row | share.columns("confirmed"))
    return found


# --- pairs with equal naive beta and opposite right actions ---


def right_actions(run: Run) -> dict[tuple, str]:
    """What the fixed pools say by cell and size: grow where the next larger pool does clearly
    more (d log X / d log N above 0.3), shrink where the next smaller does about as much and the
    next larger no more (below 0.1), at equal machine speed."""
    cells = run.of("discrimination")
    pools = any((cell.good["strategy"] == "fixed").any() for cell in cells)
    found = {}
    for cell in cells:
        logs = cell.of_sizes(cell.log, "fixed" if pools else "adaptive_held").mean().dropna()
        slope = logs.diff() / np.log(logs.index.to_series()).diff()
        for size in logs.index:
            smaller, larger = slope[size], slope.shift(-1)[size]
            if larger > 0.3:
                found[*cell.name.values(), size] = "grow"
            elif smaller < 0.1 and not larger >= 0.1:
                found[*cell.name.values(), size] = "shrink"
    return found


def matched(run: Run) -> Rows:
    """Closest betas first, each trial in one pair at most, within interpreter, cores, block."""
    return run.once("pairs", lambda: _matched(run))


def _matched(run: Run) -> Rows:
    seen = observed(run)
    actions = right_actions(run)
    held = seen[seen["held_out"] & seen["regime"].notna()]
    keys = zip(*(held[name] for name in (*CELL, "concurrency")), strict=True)
    held = held.assign(action=[actions.get(key) for key in keys])
    found: Rows = []
    for place, group in held.groupby(["interpreter", "cores", "block"]):
        sides = [group[group["action"] == action] for action in ("grow", "shrink")]
        betas = [side["beta_naive"].to_dict() for side in sides]
        near = sorted((abs(x - y), a, b) for a, x in betas[0].items() for b, y in betas[1].items())
        taken: set[int] = set()
        for distance, *trials in near:
            if distance <= 0.02 and not taken & set(trials):
                taken |= set(trials)
                row = dict(zip(("interpreter", "cores", "block"), place, strict=True))
                for action, trial in zip(("grow", "shrink"), trials, strict=True):
                    for name in ("workload", "concurrency", "regime", "beta_naive"):
                        row[f"{name}_{action}"] = held.at[trial, name]
                row["paper_rule"] = row["beta_naive_grow"] > 0.3 >= row["beta_naive_shrink"]
                for family, one in fitted(run).items():
                    row[family] = _right(one, *trials)
                found.append(row)
    return found


def _right(one: Fitted, grow: int, shrink: int) -> bool | None:
    """Whether a metric tells I/O wait of the one and not of the other."""
    if one.tree is None or not {grow, shrink} <= set(one.held_out.index):
        return None
    told = one.held_out["told"]
    return bool(told[grow] == "io_wait" and told[shrink] != "io_wait")


@table(
    "discrimination_pairs",
    *["interpreter", "cores", "block", "workload_grow", "concurrency_grow"],
    *["workload_shrink", "concurrency_shrink"],
)
def discrimination_pairs(run: Run) -> Rows:
    return matched(run) if fitted(run) else []
