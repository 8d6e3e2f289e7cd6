"""Recompute the numbers of a result folder's tables from its trials, by a second path.

``python -m tests.reference.recompute results/reference`` prints, for each table and column, how
many values were compared, how many differ and by how much, and exits with 1 where any does.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tests.reference import claims_table, discrimination, main_tables, paper, referees  # noqa: F401
from tests.reference.registry import TABLES, Recomputation
from tests.reference.steps import Run

#: what rounding may change, as a share of the number and absolutely
RELATIVE, ABSOLUTE = 1e-6, 1e-9
COLUMNS = ["table", "column", "compared", "differing", "largest", "example"]


def normal(value: object) -> object:
    """A cell of a table for comparison: a float, a text, or None for nothing."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):  # in a column of sizes, "64" may be read as a number
        try:
            return float(value)
        except ValueError:
            return value or None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return float(value)


def named(row: dict[str, object], keys: tuple[str, ...]) -> tuple:
    """What identifies a row; a size of 0 stands for none."""
    found = [normal(row.get(key)) for key in keys]
    return tuple(
        None if v == 0 and k == "concurrency" else v for k, v in zip(keys, found, strict=True)
    )


def difference(one: object, other: object, allowed: float) -> float:
    """0 for alike; else the relative difference, infinite where one is missing or is a text."""
    if one is None and other is None:
        return 0.0
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return 0.0 if one == other else math.inf
    off, size = abs(one - other), max(abs(one), abs(other))
    if one == other or off <= ABSOLUTE + allowed + RELATIVE * size:
        return 0.0
    return off / size


def compared(name: str, committed: pd.DataFrame, run: Run) -> pd.DataFrame:
    """One row per column of a table: how many values were compared and how many differ."""
    how = TABLES[name]
    again = {}
    for row in how.make(run):
        again.setdefault(named(row, how.keys), row)
    computed = {column for row in again.values() for column in row}
    rows = [(named(row, how.keys), row) for row in committed.to_dict("records")]
    here = {key for key, _ in rows}
    rows += [(key, {}) for key in again if key not in here]
    found = []
    for column in committed.columns:
        if column in how.keys or how.is_given(column):
            continue
        found.append(_column(name, column, rows, again, how, known=column in computed))
    duplicates = len(committed) - len(here)
    if duplicates:
        found.append([name, "(rows)", len(committed), duplicates, math.inf, "named twice"])
    if not len(rows):
        found.append([name, "(rows)", 0, 0, 0.0, ""])
    return pd.DataFrame(found, columns=COLUMNS)


def _column(
    name: str,
    column: str,
    rows: "list[tuple[tuple, dict[str, object]]]",
    again: dict[tuple, dict[str, object]],
    how: Recomputation,
    *,
    known: bool,
) -> list[object]:
    count, differing, largest, example = 0, 0, 0.0, ""
    for key, row in rows:
        one, other = normal(row.get(column)), normal(again.get(key, {}).get(column))
        if column.startswith("n_"):  # where nothing was run, nothing and none are the same
            one, other = one or 0.0, other or 0.0
        elif one is None and other is None:
            continue
        elif (not row or key not in again) and isinstance(one or other, str):
            continue  # a row about nothing measured: only numbers have to have a counterpart
        count += 1
        off = difference(one, other, how.allowed(key[0], column))
        if off:
            differing += 1
            why = "" if known else " (not recomputed)"
            if off > largest:
                example = f"{', '.join(str(k) for k in key if k)}: {one} against {other}{why}"
            largest = max(largest, off)
    return [name, column, count, differing, largest, example]


def committed_tables(folder: Path) -> dict[str, Path]:
    """The tables of a result folder by name."""
    found = sorted((folder / "tables").glob("*.csv"))
    return {path.stem: path for path in found}


def recompute(folder: Path, names: "list[str] | None" = None) -> pd.DataFrame:
    """All comparisons of a folder; a table that nobody recomputes differs as a whole."""
    run = Run.read(folder)
    parts = []
    for name, path in committed_tables(folder).items():
        if names and name not in names:
            continue
        committed = pd.read_csv(path, low_memory=False)
        if name in TABLES:
            parts.append(compared(name, committed, run))
        else:
            whole = [name, "(all)", 0, len(committed), math.inf, "no recomputation"]
            parts.append(pd.DataFrame([whole], columns=COLUMNS))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def by_table(found: pd.DataFrame) -> pd.DataFrame:
    """The same by table."""
    groups = found.groupby("table", sort=False)
    whole = groups[["compared", "differing"]].sum()
    return whole.assign(largest=groups["largest"].max()).reset_index()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("tables", nargs="*", help="only these")
    parser.add_argument("--columns", action="store_true", help="each column, not each table")
    options = parser.parse_args()
    found = recompute(options.folder, options.tables)
    print((found if options.columns else by_table(found)).to_string(index=False))
    wrong = found[found["differing"] > 0]
    if len(wrong):
        print("\nWhat differs:")
        print(wrong.to_string(index=False, max_colwidth=160))
    return 1 if len(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
