"""Which trials a number comes from: an expression that selects them in trials.csv.

The expressions are those of ``pandas.DataFrame.query``, on trials.csv as ``pandas.read_csv``
reads it, so that a reader needs nothing of this project to check a number.
"""

import math
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from harness.analysis.data.trials import CELL, TWIN, CellName

#: columns of a table that select trials, in the order in which they are named
SELECTORS = [*CELL, "strategy", "concurrency"]
#: how tables call the row that sums up all experiments
ALL = "all"


def expressions(data: pd.DataFrame) -> list[str]:
    """One expression per row of a table's data; empty where a row is about all trials."""
    return [expression(row) for row in data.to_dict("records")]


def expression(row: Mapping[Hashable, object]) -> str:
    """``experiment == 'cliff' and cores == 1 …`` from the columns that a row has.

    A row of the A/A twin, a second trial under another label, selects by that label.
    """
    parts = []
    for name in SELECTORS:
        value = row.get(name)
        if not _present(value) or (name == "experiment" and value == ALL):
            continue
        if name == "strategy" and value == TWIN:
            parts.append(f"label == {TWIN!r}")
        elif name in ("cores", "concurrency"):
            parts.append(f"{name} == {int(str(value).partition('.')[0])}")
        else:
            parts.append(f"{name} == {str(value)!r}")
            if name == "strategy" and value == "fixed":
                parts.append(f"label != {TWIN!r}")
    return " and ".join(parts)


def selecting(cells: Sequence[CellName]) -> str:
    """Selects all trials of some cells; empty without cells.

    Names that all cells share are said once.
    """
    rows: list[dict[Hashable, object]] = [{n: getattr(cell, n) for n in CELL} for cell in cells]
    if not rows:
        return ""
    shared = {name for name in CELL if len({row[name] for row in rows}) == 1}
    varying = [{k: v for k, v in row.items() if k not in shared} for row in rows]
    common = expression({name: rows[0][name] for name in CELL if name in shared})
    if len(rows) == 1:
        return common
    if len(varying[0]) == 1:
        (name,) = varying[0]
        either = f"{name} in {[row[name] for row in rows]!r}"
    else:
        either = " or ".join(f"({expression(row)})" for row in varying)
        either = f"({either})" if common else either
    return f"{common} and {either}" if common else either


def _present(value: object) -> bool:
    missing = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
    return not missing and value != ""
