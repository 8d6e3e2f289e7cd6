"""Goodput and failures, where failing is part of a workload's tasks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from harness.analysis.data.trials import CELL, Cell, cells
from harness.analysis.estimate.statistics import Scale, mean_interval, mean_t_interval
from harness.analysis.tables.columns import (
    BLOCKS,
    CELL_TEXTS,
    THROUGHPUT,
    Columns,
    Text,
    titled,
    view,
)
from harness.analysis.tables.efficiency import series_name
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table
from harness.store.parameter_text import parse_parameters

FAILURES = Columns.of("failures_tps")
FAILED_SHARE = Columns.of("failed_share")
COLUMNS = [
    *[*CELL, "strategy", "concurrency", *THROUGHPUT.names, *FAILURES.names],
    *[*FAILED_SHARE.names, "errors", "final_workers", "n_blocks"],
]
TEXTS = (
    *CELL_TEXTS,
    Text("Strategy", "strategy"),
    Text("N", "concurrency"),
    Text("goodput [tasks/s]", THROUGHPUT),
    Text("failures [tasks/s]", FAILURES),
    Text("of all tasks", FAILED_SHARE, percent=True),
    Text("errors", "errors"),
    Text("final size", "final_workers"),
    BLOCKS,
)


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if any task failed."""
    found = failures_table(inputs.trials)
    if len(found):
        yield Table(
            "failures",
            "Goodput and failures",
            found,
            titled(view(found, *TEXTS), inputs.titles),
            f"Goodput: tasks that succeeded. {inputs.note}",
        )


def failures_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per configuration of every cell in which tasks failed.

    ``throughput_tps`` is goodput, at the run's mean machine speed; ``failures_tps`` and
    ``failed_share``, the failures' share of all tasks that ended, are as measured.
    """
    rows: list[dict[str, object]] = []
    for cell in cells(trials) if "failed" in trials else ():
        if cell.usable["failed"].fillna(0).sum() > 0:
            rows += _rows(cell)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(cell: Cell) -> Iterator[dict[str, object]]:
    name = cell.name
    where = (name.experiment, name.workload, name.interpreter, name.cores)
    for strategy, size, label, trials in cell.configurations():
        choice = (strategy, size, label)
        logs = cell.log_throughput(*choice)
        failed, completed = cell.series("failed", *choice), cell.series("completed", *choice)
        goodput = mean_t_interval(logs).exp()
        rate = mean_interval(cell.series("failures_tps", *choice), Scale.POSITIVE)
        share = mean_interval(failed / (failed + completed), Scale.SHARE)
        if not np.nansum(failed):
            # None in a few blocks says next to nothing of the next block; no interval would.
            rate, share = (replace(one, low=None, high=None) for one in (rate, share))
        sizes = cell.series("final_workers", *choice)
        yield {
            **dict(zip(CELL, where, strict=True)),
            "strategy": series_name(strategy, label),
            "concurrency": size,
            **THROUGHPUT.holding(goodput),
            **FAILURES.holding(rate),
            **FAILED_SHARE.holding(share),
            "errors": _errors(trials["failures"]) if "failures" in trials else "",
            "final_workers": None if np.isnan(sizes).all() else float(np.nanmedian(sizes)),
            "n_blocks": goodput.n,
        }


def _errors(texts: "pd.Series[str]") -> str:
    """Failures by type over all blocks, most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(parse_parameters(text))
    return ", ".join(f"{name} x{number}" for name, number in counts.most_common())
