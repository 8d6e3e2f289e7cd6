"""The efficiency table as people read it."""

from collections.abc import Iterator

import pandas as pd

from harness.analysis.tables.columns import (
    CELL_HEADERS,
    EFFICIENCY,
    THROUGHPUT,
    Row,
    Text,
    titled,
    view,
)
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table


def _status(row: Row) -> str:
    return "; ".join(str(part) for part in (row["status"], row["notes"]) if part)


TEXTS = (
    *(Text(header, name) for name, header in CELL_HEADERS.items()),
    Text("Strategy", "strategy"),
    Text("N", "concurrency"),
    Text("Efficiency", EFFICIENCY, decimals=2),
    Text("Blocks", "n_blocks"),
    Text("Optimum N", "optimum_concurrency"),
    Text("Throughput [1/s]", THROUGHPUT, n="n_ok"),
    Text("Bound [1/s]", "bound_tps"),
    Text("beta*", "beta_star", 2),
    Text("PSS [MB]", "pss_peak_mb"),
    Text("Excluded", "n_excluded"),
    Text("Failed", "n_failed"),
    Text("Status", _status),
)


def tables(inputs: Inputs) -> Iterator[Table]:
    """One row per cell and configuration."""
    table = inputs.efficiency
    texts = view(table, *TEXTS) if len(table) else pd.DataFrame(columns=[*CELL_HEADERS.values()])
    title = "Efficiency against the best fixed pool"
    yield Table("efficiency", title, table, titled(texts, inputs.titles), inputs.note)
