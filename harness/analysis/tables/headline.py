"""One row per strategy: its efficiency over all cells of the experiment that compares them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import CONFIDENCE, MINIMUM, NOTHING, Interval
from harness.analysis.tables.cliff import CLIFF
from harness.analysis.tables.writing import number, with_interval

COLUMNS = [
    *["experiment", "strategy", "concurrency", "efficiency", "ci_low", "ci_high", "n_cells"],
    "n_blocks",
    *["worst", "worst_low", "worst_high", "worst_workload", "worst_interpreter", "worst_cores"],
    *["best", "best_low", "best_high", "best_workload", "best_interpreter", "best_cores"],
]


#: the experiment that compares all strategies on the workload profiles
PROFILES = "profiles"


def profiles_experiment(trials: pd.DataFrame) -> str | None:
    """The profiles; in results without them the experiment with the most workloads, the first
    by name among equals; None for none."""
    others = trials[trials["experiment"] != CLIFF]
    if others.empty:
        return None
    if (others["experiment"] == PROFILES).any():
        return PROFILES
    counts = others.groupby("experiment", sort=True)["workload"].nunique()
    return str(counts.idxmax())


def headline_table(efficiency: pd.DataFrame, experiment: str | None) -> pd.DataFrame:
    """From the efficiency table; no rows without ``experiment``.

    ``efficiency`` is the geometric mean over cells, ``n_cells`` how many have one, ``n_blocks``
    the fewest blocks behind any of them; best and worst cell with their own intervals. A
    strategy that ran at several sizes in a cell has a row per size.
    """
    rows = efficiency[(efficiency["experiment"] == experiment) & efficiency["strategy"].notna()]
    per_cell = rows.groupby([*CELL, "strategy"], dropna=False).size()
    several = set(per_cell[per_cell > 1].index.get_level_values("strategy"))
    sizes = rows["concurrency"].where(rows["strategy"].isin(several))
    found = []
    for (strategy, size), group in rows.groupby(["strategy", sizes], sort=True, dropna=False):
        known = group[group["efficiency"].notna()].sort_values("efficiency", kind="stable")
        if known.empty:
            continue
        mean = mean_over_cells(known)
        row: dict[str, object] = {
            "experiment": experiment,
            "strategy": strategy,
            "concurrency": size,
            "efficiency": mean.estimate,
            "ci_low": mean.low,
            "ci_high": mean.high,
            "n_cells": mean.n,
            "n_blocks": int(known["n_blocks"].min()),
        }
        for name, cell in (("worst", known.iloc[0]), ("best", known.iloc[-1])):
            row |= {name: cell["efficiency"], f"{name}_low": cell["ci_low"]}
            row |= {f"{name}_high": cell["ci_high"]}
            row |= {f"{name}_{part}": cell[part] for part in CELL[1:]}
        found.append(row)
    table = pd.DataFrame(found, columns=COLUMNS)
    table["concurrency"] = table["concurrency"].astype("Int64")
    return table


def mean_over_cells(cells: pd.DataFrame) -> Interval:
    """Geometric mean of the cells' efficiencies with a 95 % interval.

    The interval holds the noise of the measurement, for these cells: each cell's standard
    error of the log efficiency is taken from its interval, the cells are independent, and the
    degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946). It says nothing about
    other workloads. Without an interval in every cell there is none.
    """
    if cells.empty:
        return NOTHING
    logs = np.log(cells["efficiency"].to_numpy(float))
    estimate = math.exp(float(logs.mean()))
    half = (np.log(cells["ci_high"]) - np.log(cells["ci_low"])).to_numpy(float) / 2
    freedom = cells["n_blocks"].to_numpy(float) - 1
    if not np.isfinite(half).all() or (freedom < MINIMUM - 1).any():
        return Interval(estimate, None, None, len(cells))
    variance = (half / stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) ** 2
    total = float(variance.sum())
    if total == 0:
        return Interval(estimate, estimate, estimate, len(cells))
    joint = total**2 / float((variance**2 / freedom).sum())
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, joint)) * math.sqrt(total) / len(cells)
    return Interval(estimate, estimate * math.exp(-reach), estimate * math.exp(reach), len(cells))


def headline_view(table: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """What people read; cells are named by their titles."""

    def interval(row: pd.Series, names: Sequence[str], n: object = None) -> str:
        return with_interval(*(row[name] for name in names), decimals=2, n=n)

    def cell(row: pd.Series, end: str) -> str:
        names = [str(row[f"{end}_{part}"]) for part in ("workload", "interpreter")]
        return ", ".join([*(titles.get(n, n) for n in names), f"cores {row[f'{end}_cores']}"])

    rows = [
        {
            "Strategy": row["strategy"],
            "N": "" if pd.isna(row["concurrency"]) else number(row["concurrency"]),
            "efficiency, mean over cells": interval(
                row, ["efficiency", "ci_low", "ci_high"], row["n_blocks"]
            ),
            "cells": number(row["n_cells"]),
            "worst cell": interval(row, ["worst", "worst_low", "worst_high"]),
            "which": cell(row, "worst"),
            "best cell": interval(row, ["best", "best_low", "best_high"]),
            "which ": cell(row, "best"),
            "blocks": number(row["n_blocks"]),
        }
        for _, row in table.iterrows()
    ]
    return pd.DataFrame(rows)
