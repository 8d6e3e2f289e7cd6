"""One reader for the tables of results: what it returns are numbers, what it refuses is named.

Tables come back from mail, spreadsheets and `cat`: with a byte-order mark, other line ends,
compressed, or with a header in the middle where two files were put together. All of that can
be read. A cell that is no number where one belongs, or a row of another length, cannot: whoever
took it for a missing one would compute something else.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from harness.base.errors import RefusedError

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = "\ufeff"
LARGEST_WHOLE = 2**53


class TrialsError(RefusedError):
    """A table cannot be used; the message names the file and, where there is one, the line."""


def read_table(
    path: Path,
    *,
    needed: Collection[str] = (),
    numeric: Collection[str] = (),
    whole: Collection[str] = (),
) -> pd.DataFrame:
    """Read a CSV table in UTF-8, compressed with gzip or not.

    ``needed`` columns must be there; a row that names them all is a header once more, of its
    own columns. ``numeric`` columns hold finite numbers, ``whole`` ones whole numbers, or
    nothing. ``attrs["lines"]`` gives the line of each row. Raises ``TrialsError``, and
    ``OSError`` where there is no such file.
    """
    header, rows, lines = _joined(path, needed)
    if lacking := sorted(set(needed) - set(header)):
        raise TrialsError(f"{path}: not a table of trials: lacks the columns {', '.join(lacking)}")
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    text.seek(0)
    try:
        table = pd.read_csv(text, low_memory=False, skip_blank_lines=False)
    except ValueError as error:
        raise TrialsError(f"{path}: cannot be read as a table: {error}") from None
    table.attrs["lines"] = lines
    for name in [name for name in header if name in numeric or name in whole]:
        _check_numbers(path, table, name, name in whole)
    return table


def refuse_empty(path: Path, table: pd.DataFrame, name: str, rows: "pd.Series[bool]") -> None:
    """Raise ``TrialsError`` where one of ``rows`` of a read table has nothing in a column."""
    empty = (table[name].isna() & rows).to_numpy(bool)
    if empty.any():
        line = table.attrs["lines"][int(empty.argmax())]
        raise TrialsError(f"{path} line {line}: {name} is empty")


def _joined(path: Path, needed: Collection[str]) -> tuple[list[str], list[list[str]], list[int]]:
    """Columns of all headers, the rows with their cells in that order, and the rows' lines."""
    columns: dict[str, int] = {}
    places: list[int] = []
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, row in _rows(path):
        if not header or row == header or (needed and set(needed) <= set(row)):
            header = row
            if twice := next((name for name in row if row.count(name) > 1), ""):
                raise TrialsError(f"{path} line {line}: the column {twice} occurs twice")
            places = [columns.setdefault(name, len(columns)) for name in header]
            continue
        if len(row) != len(header):
            raise TrialsError(
                f"{path} line {line}: has {len(row)} cells where the header has {len(header)}"
            )
        cells = [""] * len(columns)
        for place, cell in zip(places, row, strict=True):
            cells[place] = cell
        rows.append(cells)
        lines.append(line)
    if not columns:
        raise TrialsError(f"{path}: not a table of trials: it is empty")
    return list(columns), [row + [""] * (len(columns) - len(row)) for row in rows], lines


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank, with the line that it begins on."""
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    before = 0
    try:
        for row in reader:
            row[:1] = [cell.removeprefix(BYTE_ORDER_MARK) for cell in row[:1]]
            if row and row != [""]:
                yield before + 1, row
            before = reader.line_num
    except csv.Error as error:
        raise TrialsError(f"{path} line {before + 1}: {error}") from None


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        if data.startswith(GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise TrialsError(f"{path}: cannot be read: {error}") from None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TrialsError(f"{path} line {line}: is not UTF-8 text") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise TrialsError(f"{path} line {line}: holds a NUL character; the file is damaged")
    return text


def _check_numbers(path: Path, table: pd.DataFrame, name: str, whole: bool) -> None:
    """Make a column numeric, or raise ``TrialsError`` at its first cell that is not."""
    given: pd.Series[float] = table[name]
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    right = np.isfinite(numbers)
    if whole:
        right &= (numbers % 1 == 0) & (numbers.abs() <= LARGEST_WHOLE)
    wrong = (given.notna() & ~right).to_numpy(bool)
    if wrong.any():
        first = int(wrong.argmax())
        lines: Sequence[int] = table.attrs["lines"]
        cell, what = str(given.iloc[first])[:40], "a whole number" if whole else "a finite number"
        raise TrialsError(f"{path} line {lines[first]}: {name} is {cell!r}, not {what}")
    if not pd.api.types.is_numeric_dtype(given) or pd.api.types.is_bool_dtype(given):
        table[name] = numbers
