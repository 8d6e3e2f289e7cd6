"""What people read of a table: measured texts, printed texts, n, and why something is missing."""

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from harness.analysis.tables.efficiency import OK, TOO_FEW
from harness.analysis.tables.paper.beside import columns_of
from harness.analysis.tables.paper.measured import Quantity
from harness.analysis.tables.writing import (
    MISSING,
    few_text,
    number,
    percent_with_interval,
    with_interval,
)

FEW = " (no interval)"


def view(
    table: pd.DataFrame,
    quantities: Sequence[Quantity],
    identity: Sequence[str],
    *,
    titles: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Texts: ``identity`` columns, each quantity with its printed number where any row has one.

    ``extra`` maps further columns to their headers. A value of too few blocks says how many
    instead of pretending to an interval.
    """
    shown = {
        q: bool(q.printed) and columns_of(q.printed)[0] in table
        and table[columns_of(q.printed)[0]].notna().any()
        for q in quantities
    }  # fmt: skip
    rows = []
    for row in table.to_dict("records"):
        texts = {_header(name): _name(row[name], titles) for name in identity}
        for quantity in quantities:
            texts[quantity.header] = measured_text(row, quantity)
            if shown[quantity]:
                texts[f"{quantity.header}, printed"] = printed_text(row, quantity)
        for name, header in (extra or {}).items():
            texts[header] = number(row.get(name))
        texts["Blocks"] = number(row.get("n_ok"))
        status = [str(row.get("status") or ""), str(row.get("notes") or "")]
        texts["Status"] = "; ".join(part for part in status if part not in ("", OK, TOO_FEW))
        if any(shown.values()):
            texts["Printed number"] = str(row.get("printed_note") or "")
        rows.append(texts)
    return pd.DataFrame(rows)


def _header(name: str) -> str:
    return "N" if name == "concurrency" else name.capitalize()


def _name(value: object, titles: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return titles.get(value, value)
    return number(value)


def measured_text(row: Mapping[Hashable, object], quantity: Quantity) -> str:
    """The mean with its interval, or how few blocks it is of; a dash for nothing."""
    value, low, high = (row.get(name) for name in quantity.columns.names)
    if quantity.percent:
        text = percent_with_interval(value, low, high)
    else:
        text = with_interval(value, low, high, decimals=quantity.decimals)
    if text == MISSING or "[" in text:
        return text
    of_efficiency = quantity.column in ("efficiency", "loss")
    n = row.get("n_blocks" if of_efficiency and "n_blocks" in row else "n_ok")
    return text + (few_text(n) or FEW)


def printed_text(row: Mapping[Hashable, object], quantity: Quantity) -> str:
    """The printed number, with its margin where the paper gives one; a dash for nothing."""
    columns = columns_of(quantity.printed)
    value, low = (_known(row.get(column)) for column in columns[:2])
    if value is None:
        return MISSING
    factor = 100 if quantity.percent else 1
    text = f"{factor * value:.6g}"
    return text if low is None else f"{text} ± {factor * (value - low):.4g}"


def _known(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(str(value))  # type: ignore[call-overload]
