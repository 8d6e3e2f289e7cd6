"""One row per configuration of some experiments, with an interval for every quantity."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.analysis.data.trials import CELL, TWIN, Cell, cells
from harness.analysis.estimate.statistics import Array, Interval, mean_interval, scale_of
from harness.analysis.tables import columns
from harness.analysis.tables.columns import Columns

KEYS = [*CELL, "strategy", "concurrency"]
FROM_EFFICIENCY = (columns.THROUGHPUT, columns.EFFICIENCY)
KEPT = ["optimum_concurrency", "indistinguishable_sizes", "beta_star", "optimum_tps"]
COUNTS = ["n_blocks", "n_ok", "n_excluded", "n_failed", "status", "notes"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measured once per trial, and how it is shown.

    ``column`` is a column of trials.csv, or ``throughput_tps``, ``efficiency`` or ``loss``
    (1 - efficiency), which come from the efficiency table. ``printed`` is its name among the
    printed numbers, empty for none. ``percent``: a share, shown as a percentage.
    """

    column: str
    header: str
    printed: str = ""
    percent: bool = False
    decimals: int | None = None

    @property
    def columns(self) -> Columns:
        """Where a table keeps it."""
        return Columns.of(self.column)


THROUGHPUT = Quantity("throughput_tps", "Throughput [1/s]", "throughput_tps")
EFFICIENCY = Quantity("efficiency", "Of the best fixed pool [%]", "efficiency", percent=True)
LOSS = Quantity("loss", "Loss against the peak [%]", "loss", percent=True)
P99 = Quantity("latency_p99_ms", "P99 [ms]", "p99_ms")
BETA = Quantity("beta_naive", "Naive beta", "beta_naive", decimals=2)
FINAL = Quantity("final_workers", "Final N", "final_workers")
VETOES = Quantity("vetoes", "Vetoes", "vetoes")

#: values by block of a derived quantity, from a cell and a configuration
Derived = Callable[[Cell, str, int | None], Array]


def configurations(
    trials: pd.DataFrame,
    efficiency: pd.DataFrame,
    experiments: Sequence[str],
    quantities: Sequence[Quantity],
) -> pd.DataFrame:
    """Rows of the efficiency table for ``experiments``, twins left out, by experiment's order.

    Each quantity has the columns NAME, NAME_low, NAME_high; missing where there is nothing.
    Cells that were not run keep their row, with neither strategy nor size.
    """
    rows = efficiency[efficiency["experiment"].isin(experiments)]
    rows = rows[rows["strategy"].isna() | (rows["strategy"] != TWIN)]
    table = rows[[*KEYS, *KEPT, *COUNTS]].copy()
    for source in FROM_EFFICIENCY:
        table[Columns.of(source.value).names] = rows[source.names]
    table["loss"] = 1 - rows["efficiency"]
    table["loss_low"], table["loss_high"] = 1 - rows["ci_high"], 1 - rows["ci_low"]
    wanted = [q for q in quantities if q.column not in table]
    if wanted:
        table = with_intervals(
            table,
            trials,
            {q.column: _series(q.column) for q in wanted},
        )
    order = {name: place for place, name in enumerate(experiments)}
    return table.sort_values(
        "experiment", key=lambda names: names.map(order), kind="stable"
    ).reset_index(drop=True)


def _series(column: str) -> Derived:
    return lambda cell, strategy, size: cell.series(column, strategy, size)


def with_intervals(
    table: pd.DataFrame,
    trials: pd.DataFrame,
    derived: "dict[str, Derived]",
) -> pd.DataFrame:
    """``table`` with three columns more per derived quantity: mean over blocks and interval, on
    the scale that the quantity's name has (see ``statistics``)."""
    found: dict[tuple[object, ...], dict[str, Interval]] = {}
    for cell in cells(trials[trials["experiment"].isin(set(table["experiment"]))]):
        place = (cell.name.experiment, cell.name.workload, cell.name.interpreter, cell.name.cores)
        for strategy, size, label, _ in cell.configurations():
            if label:
                continue
            found[(*place, strategy, size)] = {
                name: mean_interval(values_of(cell, strategy, size), scale_of(name))
                for name, values_of in derived.items()
            }
    keys = [
        tuple(None if pd.isna(value) else value for value in key)
        for key in table[KEYS].astype(object).itertuples(index=False, name=None)
    ]
    result = table.copy()
    for name in derived:
        intervals_of = [found.get(key, {}).get(name) for key in keys]
        for held, part in zip(Columns.of(name).names, ("estimate", "low", "high"), strict=True):
            column = [None if i is None else getattr(i, part) for i in intervals_of]
            result[held] = pd.Series(column, result.index, dtype=float)
    return result
