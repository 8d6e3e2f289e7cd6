"""Counterpart of Table 9: memory of thread and process pools, and on a device with little of it."""

from collections.abc import Iterator

import numpy as np

from harness.analysis.data.trials import Cell
from harness.analysis.estimate.statistics import Array
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.beside import beside, columns_of
from harness.analysis.tables.paper.measured import (
    THROUGHPUT,
    Derived,
    Quantity,
    configurations,
    with_intervals,
)
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

REFERENCE = 32
IDENTITY = ("interpreter", "cores", "strategy", "concurrency")
PSS = Quantity("pss_peak_mb", "PSS [MB]")
USS = Quantity("uss_peak_mb", "USS [MB]")
RSS = Quantity("rss_peak_mb", "RSS [MB]", "rss_mb")
PSS_RATIO = Quantity("pss_ratio", "PSS over threads'", decimals=2)
RSS_RATIO = Quantity("rss_ratio", "RSS over threads'", "memory_ratio", decimals=2)
PER_WORKER = Quantity("uss_per_worker", "USS per worker [MB]", decimals=2)


def memory_tables(inputs: Inputs) -> Iterator[Table]:
    """Memory by strategy and size, and the same on the small device."""
    quantities = (PSS, USS, RSS, THROUGHPUT)
    rows = configurations(inputs.trials, inputs.efficiency, ["memory"], quantities)
    if len(rows):
        derived: dict[str, Derived] = {
            "pss_ratio": _over_threads("pss_peak_mb"),
            "rss_ratio": _over_threads("rss_peak_mb"),
            "uss_per_worker": _per_worker,
        }
        rows = with_intervals(rows, inputs.trials, derived)
        rows = beside(rows, inputs.printed.about("t9"))
        shown = (PSS, USS, RSS, PSS_RATIO, RSS_RATIO, PER_WORKER, THROUGHPUT)
        # Its printed throughputs are not those of this task: see the note.
        rows = rows.drop(columns=list(columns_of("throughput_tps")), errors="ignore")
        yield Table(
            "paper_memory",
            "Memory of threads and processes (Table 9)",
            rows,
            view(rows, shown, IDENTITY, titles=inputs.titles),
            "Of the whole process tree when the window closes, in MiB. Threads': the fixed pool "
            f"of {REFERENCE} in the same block. Per worker: beyond the fixed pool of fewest "
            f"threads. {inputs.printed.remark('t9')}{inputs.note}",
        )
    small = configurations(inputs.trials, inputs.efficiency, ["memory_512mb"], quantities)
    if len(small):
        yield Table(
            "memory_512mb",
            "The same within 512 MB",
            small,
            view(small, quantities, IDENTITY, titles=inputs.titles),
            f"The status says how trials ended that did not end well. {inputs.note}",
        )


def _over_threads(column: str) -> Derived:
    def values(cell: Cell, strategy: str, size: int | None) -> Array:
        threads = cell.series(column, "fixed", REFERENCE)
        ratio: Array = cell.series(column, strategy, size) / np.where(threads > 0, threads, np.nan)
        return ratio

    return values


def _per_worker(cell: Cell, strategy: str, size: int | None) -> Array:
    if not cell.sizes or not size or (strategy, size) == ("fixed", cell.sizes[0]):
        return np.full(len(cell.blocks), np.nan)
    fewest = cell.sizes[0]
    workers = size - (fewest if strategy == "fixed" else 0)
    beyond = cell.series("uss_peak_mb", strategy, size) - cell.series(
        "uss_peak_mb", "fixed", fewest
    )
    each: Array = beyond / workers
    return each
