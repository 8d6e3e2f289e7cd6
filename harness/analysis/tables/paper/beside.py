"""Printed numbers in columns of their own, beside the rows they belong to."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from harness.analysis.data.printed import build
from harness.analysis.tables.columns import Columns

PRINTED = "printed_"
NOT_HERE = "not measured here"
RAW_ONLY = "raw results only"
PLACE = ["experiment", "workload", "interpreter", "cores"]
ABOUT = {
    "raw": "raw data agree",
    "part": "raw data in part",
    "none": "no raw data found",
    "contradicted": "raw data differ",
}

Row = dict[Hashable, object]
Key = tuple[object, object]


def beside(rows: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with ``printed_QUANTITY``, its ``_low`` and ``_high``, and ``printed_note``.

    A fact belongs to a row with the same workload, kind of build, strategy and size; a fact
    without size or cores belongs to all of them. Facts of a cell that no row takes become
    rows of their own, which say why nothing was measured, so that no printed number is lost.
    Where raw results and the paper both give a number, the paper's is taken.
    """
    done: list[Row] = []
    for _, cell in rows.groupby(PLACE, sort=False, dropna=False):
        done += _cell(cell, facts)
    table = pd.DataFrame(done)
    # Where only printed numbers are left, the columns of measured ones are empty, not absent.
    table = table.reindex(columns=list(dict.fromkeys([*rows.columns, *table.columns])))
    for quantity in sorted(set(facts["quantity"])):
        for column in columns_of(quantity):
            values = table[column] if column in table else pd.Series(None, table.index)
            table[column] = values.astype(float)
    if "printed_note" not in table:
        table["printed_note"] = ""
    table["printed_note"] = table["printed_note"].fillna("")
    for column in ("cores", "concurrency", "n_blocks", "n_ok"):
        if column in table:
            table[column] = table[column].astype("Int64")
    return table


def columns_of(quantity: str) -> Sequence[str]:
    """Column names of a printed quantity and the ends of its interval."""
    return Columns.of(f"{PRINTED}{quantity}").names


def _cell(cell: pd.DataFrame, facts: pd.DataFrame) -> list[Row]:
    first = cell.iloc[0]
    mine = facts[
        (facts["workload"] == first["workload"])
        & (facts["build"] == build(str(first["interpreter"])))
        & (facts["cores"].isna() | (facts["cores"] == first["cores"]).fillna(False))
    ]
    by_key: dict[Key, list[Mapping[Hashable, object]]] = {}
    for fact in mine.sort_values("printed", ascending=False, kind="stable").to_dict("records"):
        by_key.setdefault((fact["strategy"], _size(fact["concurrency"])), []).append(fact)
    ran = cell["strategy"].notna().any()
    taken: set[Key] = set()
    done: list[Row] = []
    for row in cell.to_dict("records"):
        keys = {(row["strategy"], _size(row["concurrency"])), (row["strategy"], None)} & set(by_key)
        taken |= keys
        about = [fact for key in sorted(keys, key=str) for fact in by_key[key]]
        done.append(row | _columns(about))
    left = {key: group for key, group in by_key.items() if key not in taken}
    if not ran and left:
        done = []  # the reason stands in the rows of the printed numbers
    status = NOT_HERE if ran else first["status"]
    for (strategy, concurrency), group in left.items():
        row = {name: first[name] for name in PLACE}
        row |= {"strategy": strategy, "concurrency": concurrency, "status": status}
        row |= {"n_blocks": 0, "n_ok": 0, "notes": ""}
        done.append(row | _columns(group))
    return sorted(done, key=_order) if left else done


def _order(row: Row) -> tuple[str, int]:
    size = _size(row["concurrency"])
    return "" if pd.isna(row["strategy"]) else str(row["strategy"]), size or 0  # type: ignore[call-overload]


def _size(value: object) -> int | None:
    return None if value is None or pd.isna(value) else int(value)  # type: ignore[call-overload]


def _columns(facts: Sequence[Mapping[Hashable, object]]) -> Row:
    columns: Row = {}
    notes: list[str] = []
    for fact in facts:
        value, low, high = columns_of(str(fact["quantity"]))
        if value in columns:
            continue  # the paper's own number came first
        number, margin = float(str(fact["value"])), float(str(fact["margin"]))
        columns |= {value: number, low: number - margin, high: number + margin}
        notes.append(ABOUT[str(fact["provenance"])] if fact["printed"] else RAW_ONLY)
    return columns | {"printed_note": "; ".join(dict.fromkeys(notes))}
