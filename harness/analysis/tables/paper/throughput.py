"""Counterparts of Tables 1, 2, 4, 5 and 6: throughput and latency against the number of threads."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.analysis.data.trials import Cell
from harness.analysis.estimate.statistics import Array
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.beside import beside
from harness.analysis.tables.paper.measured import (
    BETA,
    LOSS,
    P99,
    THROUGHPUT,
    Derived,
    Quantity,
    configurations,
    with_intervals,
)
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

CELL_COLUMNS = ("interpreter", "cores", "concurrency")
STRATEGIES = ("interpreter", "cores", "strategy", "concurrency")
LOST = "Losses are against a peak chosen on other blocks."
BATCH = (
    "cliff_batch is the paper's protocol: all tasks through a new pool, start-up and shutdown "
    "inside the time. cliff is steady state."
)


def throughput_tables(inputs: Inputs) -> Iterator[Table]:
    """Tables of fixed pools by size, one for each experiment that was run."""
    quantities = (THROUGHPUT, BETA, LOSS)
    rows = configurations(inputs.trials, inputs.efficiency, ["gil_nogil"], quantities)
    if len(rows):
        rows = beside(rows, inputs.printed.about("t1", "t2", "raw_pinned"))
        yield Table(
            "paper_gil_nogil",
            "With and without a GIL: 10 ms CPU time, 50 ms sleep (Tables 1 and 2)",
            rows,
            view(rows, quantities, CELL_COLUMNS, titles=inputs.titles),
            f"{LOST} {inputs.note}",
        )
    yield from _cliff(inputs)
    yield from _pure_io(inputs)


def _cliff(inputs: Inputs) -> Iterator[Table]:
    start = Quantity("startup_share", "Start-up [% of time]", percent=True)
    stop = Quantity("shutdown_share", "Shutdown [% of time]", percent=True)
    quantities = [THROUGHPUT, P99, LOSS]
    rows = configurations(inputs.trials, inputs.efficiency, ["cliff", "cliff_batch"], quantities)
    if rows.empty:
        return
    if {"startup_s", "shutdown_s", "elapsed_s"} <= set(inputs.trials):
        shares = {"startup_share": _share("startup_s"), "shutdown_share": _share("shutdown_s")}
        rows = with_intervals(rows, inputs.trials, shares)
        quantities += [start, stop]
    rows = beside(rows, inputs.printed.about("t4"))
    yield Table(
        "paper_cliff",
        "The saturation cliff, in both protocols (Tables 4 and 6)",
        rows,
        view(rows, quantities, ("experiment", *CELL_COLUMNS), titles=inputs.titles),
        f"{BATCH} {LOST} {inputs.note}",
    )


def _share(column: str) -> Derived:
    def values(cell: Cell, strategy: str, size: int | None) -> Array:
        elapsed = cell.series("elapsed_s", strategy, size)
        shares: Array = cell.series(column, strategy, size) / np.where(elapsed > 0, elapsed, np.nan)
        return shares

    return values


def _pure_io(inputs: Inputs) -> Iterator[Table]:
    speed_up = Quantity("speed_up", "Over one thread", "speed_up")
    rows = configurations(inputs.trials, inputs.efficiency, ["pure_io"], [THROUGHPUT])
    if rows.empty:
        return
    rows = with_intervals(rows, inputs.trials, {"speed_up": _speed_up})
    rows = beside(rows, with_speed_up(inputs.printed.about("t5")))
    yield Table(
        "paper_pure_io",
        "Pure I/O: tasks that sleep 0.6 ms (Table 5)",
        rows,
        view(rows, [THROUGHPUT, speed_up], STRATEGIES, titles=inputs.titles),
        f"Speed-ups are ratios within a block. {inputs.note}",
    )


def _speed_up(cell: Cell, strategy: str, size: int | None) -> Array:
    ratio: Array = np.exp(cell.log_throughput(strategy, size) - cell.log_throughput("fixed", 1))
    return ratio


def with_speed_up(facts: pd.DataFrame) -> pd.DataFrame:
    """The facts and, for each printed throughput, its ratio to the printed one of one thread."""
    rates = facts[facts["quantity"] == "throughput_tps"]
    one = rates[rates["concurrency"] == 1].set_index("cores")["value"]
    ratios = rates.assign(
        quantity="speed_up", value=rates["value"] / rates["cores"].map(one), margin=np.nan
    )
    return pd.concat([facts, ratios.dropna(subset=["value"])], ignore_index=True)
