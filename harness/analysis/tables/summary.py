"""One row per cell: its optimum and the efficiency of every strategy, small enough to read."""

from collections.abc import Hashable, Iterator, Mapping

import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.tables.columns import EFFICIENCY, Columns, Text, titled
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import MISSING, Table, number, with_interval


def tables(inputs: Inputs) -> Iterator[Table]:
    """One row per cell."""
    table = summary_table(inputs.efficiency)
    yield Table(
        "efficiency_summary",
        "Optimum and efficiency of each strategy",
        table,
        titled(table, inputs.titles),
        "Optimum: most frequent best size {all sizes not told apart from it}. " + inputs.note,
    )


def summary_table(efficiency: pd.DataFrame) -> pd.DataFrame:
    """From the efficiency table to texts like ``64 {32, 64}`` and ``0.93 [0.91, 0.95]``.

    One column per strategy; where a strategy ran at several sizes, each is named before its
    value, and none is picked as its best. A value with a status other than ok carries it.
    """
    named = efficiency["strategy"].notna() & (efficiency["strategy"] != "fixed")
    strategies = list(dict.fromkeys(sorted(efficiency.loc[named, "strategy"])))
    rows = [_cell_row(cell, strategies) for _, cell in efficiency.groupby(CELL, sort=True)]
    columns = [*CELL, "optimum", "optimum throughput [1/s]", *strategies, "blocks", "status"]
    return pd.DataFrame(rows, columns=columns)


def _cell_row(cell: pd.DataFrame, strategies: list[str]) -> dict[str, object]:
    first = cell.iloc[-1] if cell["strategy"].notna().any() else cell.iloc[0]
    row: dict[str, object] = {name: first[name] for name in CELL}
    size = number(first["optimum_concurrency"])
    alike = first["indistinguishable_sizes"]
    row["optimum"] = (
        f"{size} {{{', '.join(alike.split())}}}" if isinstance(alike, str) and alike else size
    )
    ends = first[Columns.of("optimum_tps", "optimum_ci").names]
    row["optimum throughput [1/s]"] = with_interval(*ends, n=cell["n_blocks"].max())
    records = cell.to_dict("records")
    for strategy in strategies:
        entries = [record for record in records if record["strategy"] == strategy]
        texts = [_entry(entry) for entry in entries]
        if len(entries) > 1:
            sizes = [number(entry["concurrency"]) for entry in entries]
            texts = [f"{size}: {text}" for size, text in zip(sizes, texts, strict=True)]
        row[strategy] = "; ".join(texts) if texts else MISSING
    row["blocks"] = cell["n_blocks"].max()
    statuses = cell.loc[cell["strategy"].isna(), "status"]
    row["status"] = "; ".join(dict.fromkeys(statuses))
    return row


def _entry(entry: Mapping[Hashable, object]) -> str:
    text = str(Text("", EFFICIENCY, decimals=2)(entry))
    if entry["status"] == "ok":
        return text
    return str(entry["status"]) if text == MISSING else f"{text} ({entry['status']})"
