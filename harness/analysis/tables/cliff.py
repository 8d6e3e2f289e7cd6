"""The saturation cliff: throughput, tail latency and loss against the peak, by pool size."""

from collections.abc import Iterator

import pandas as pd

from harness.analysis.data.trials import CELL, Cell, cells
from harness.analysis.estimate.statistics import Scale, mean_interval
from harness.analysis.tables.columns import (
    BLOCKS,
    CELL_TEXTS,
    THROUGHPUT,
    Columns,
    Row,
    Text,
    titled,
    view,
)
from harness.analysis.tables.efficiency import OK
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

CLIFF = "cliff"
TAIL = Columns.of("p99_ms", "p99_ci")
LOSS = Columns.of("loss", "loss_ci")
PEAK = Columns.of("peak_tps", "peak_ci")
COLUMNS = [
    *CELL,
    *["concurrency", *THROUGHPUT.names, *TAIL.names, *LOSS.names],
    *["peak_concurrency", *PEAK.names, "n_ok", "n_blocks", "status"],
]


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, empty where the cliff was not measured."""
    table = cliff_table(inputs.trials, inputs.efficiency)
    yield Table(
        "cliff",
        "The saturation cliff",
        table,
        titled(cliff_view(table), inputs.titles),
        f"Peak throughput and loss are taken in blocks the peak was not chosen on. {inputs.note}",
    )


def cliff_table(
    trials: pd.DataFrame, efficiency: pd.DataFrame, experiment: str = CLIFF
) -> pd.DataFrame:
    """One row per cell and fixed-pool size of the cliff experiment.

    ``loss`` is 1 - efficiency: the share of the peak's throughput that this size does not
    reach. The peak is chosen on other blocks than it is scored on, so a loss is not
    exaggerated by a lucky peak. ``p99_ms`` is the geometric mean over blocks of the trials'
    99th percentile of service time.
    """
    fixed = efficiency["strategy"].isna() | (efficiency["strategy"] == "fixed")
    rows = efficiency[(efficiency["experiment"] == experiment) & fixed]
    tails = {
        (cell.name.workload, cell.name.interpreter, cell.name.cores, size): _tail(cell, size)
        for cell in cells(trials[trials["experiment"] == experiment])
        for size in cell.sizes
    }
    table = rows.rename(
        columns={
            "optimum_concurrency": "peak_concurrency",
            "optimum_tps": "peak_tps",
            "optimum_ci_low": "peak_ci_low",
            "optimum_ci_high": "peak_ci_high",
        }
    ).assign(
        loss=1 - rows["efficiency"],
        loss_ci_low=1 - rows["ci_high"],
        loss_ci_high=1 - rows["ci_low"],
    )
    keys = zip(*(table[name] for name in (*CELL[1:], "concurrency")), strict=True)
    found = [tails.get(key, (None, None, None)) for key in keys]
    for column, name in enumerate(TAIL.names):
        table[name] = pd.Series([tail[column] for tail in found], table.index, dtype=float)
    return table[COLUMNS].reset_index(drop=True)


def _tail(cell: Cell, size: int) -> tuple[float | None, float | None, float | None]:
    interval = mean_interval(cell.series("latency_p99_ms", "fixed", size), Scale.RATIO)
    return interval.estimate, interval.low, interval.high


def cliff_view(table: pd.DataFrame) -> pd.DataFrame:
    """What people read: the peak once per cell, then each size; the largest size's row is the
    cliff's headline."""
    ordered = table.sort_values(CELL, kind="stable")
    first = ~ordered.duplicated(CELL)
    return view(ordered.assign(first=first), *TEXTS)


def _once(text: Text) -> Text:
    """A text that stands in the first row of a cell alone."""
    return Text(text.header, lambda row: text(row) if row["first"] else "")


def _status(row: Row) -> object:
    return "" if row["status"] == OK else row["status"]


TEXTS = (
    *CELL_TEXTS,
    _once(Text("peak N", "peak_concurrency")),
    _once(Text("peak throughput [1/s]", PEAK)),
    Text("N", "concurrency"),
    Text("throughput [1/s]", THROUGHPUT, n="n_ok"),
    Text("P99 [ms]", TAIL, n="n_ok"),
    Text("loss [%]", LOSS, percent=True),
    BLOCKS,
    Text("status", _status),
)
