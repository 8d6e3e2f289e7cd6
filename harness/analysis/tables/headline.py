"""One row per strategy: its efficiency over all cells of the experiment that compares them."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import CONFIDENCE, MINIMUM, NOTHING, Interval
from harness.analysis.tables.cliff import CLIFF
from harness.analysis.tables.columns import BLOCKS, EFFICIENCY, Columns, Row, Text, titled, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import MISSING, Table, number

WORST, BEST = Columns.of("worst"), Columns.of("best")
COLUMNS = [
    *["experiment", "strategy", "concurrency", *EFFICIENCY.names, "n_cells", "n_blocks"],
    *[*WORST.names, "worst_workload", "worst_interpreter", "worst_cores"],
    *[*BEST.names, "best_workload", "best_interpreter", "best_cores"],
]


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, of the experiment that compares the strategies."""
    table = headline_table(inputs.efficiency, profiles_experiment(inputs.trials))
    yield Table(
        "headline",
        "Efficiency of each strategy over all cells",
        table,
        titled(headline_view(table, inputs.titles), inputs.titles),
        f"Geometric means; their intervals hold the noise of these cells. {inputs.note}",
    )


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
            **EFFICIENCY.holding(mean),
            "n_cells": mean.n,
            "n_blocks": int(known["n_blocks"].min()),
        }
        for name, cell in (("worst", known.iloc[0]), ("best", known.iloc[-1])):
            row |= dict(zip(Columns.of(name).names, cell[EFFICIENCY.names], strict=True))
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

    def cell(end: str, row: Row) -> str:
        names = [str(row[f"{end}_{part}"]) for part in ("workload", "interpreter")]
        return ", ".join([*(titles.get(n, n) for n in names), f"cores {row[f'{end}_cores']}"])

    def size(row: Row) -> str:
        text = number(row["concurrency"])
        return "" if text == MISSING else text

    return view(
        table,
        Text("Strategy", "strategy"),
        Text("N", size),
        Text("efficiency, mean over cells", EFFICIENCY, decimals=2),
        Text("cells", "n_cells"),
        Text("worst cell", WORST, decimals=2, n=""),
        Text("which", lambda row: cell("worst", row)),
        Text("best cell", BEST, decimals=2, n=""),
        Text("which ", lambda row: cell("best", row)),
        BLOCKS,
    )
