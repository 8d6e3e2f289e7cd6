"""A table as CSV for programs, Markdown and LaTeX for people, JSON for the report, atomically."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from harness.analysis.data.trace import expressions
from harness.analysis.estimate.statistics import MINIMUM
from harness.base.whole_files import write_whole

MISSING = "—"
LONG_TABLE_ROWS = 40
MARKDOWN = {
    "\\": "\\\\",
    "|": "\\|",
    "_": "\\_",
    "*": "\\*",
    "`": "\\`",
    "$": "\\$",
    "~": "\\~",
    "](": "]\\(",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "\n": " ",
    "\r": " ",
}
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "≥": r"$\geq$",
    "—": "---",
    "\N{EN DASH}": "--",
    # A bracket that opens a cell would be read as the optional argument of the row break.
    "[": "{[}",
    "]": "{]}",
    "\n": " ",
    "\r": " ",
}


@dataclass(frozen=True)
class Table:
    """``data`` goes to CSV as it is; ``view`` is what people read: texts, already formatted."""

    name: str
    title: str
    data: pd.DataFrame
    view: pd.DataFrame
    note: str = ""


def escaped(text: str, replacements: Mapping[str, str]) -> str:
    """``text`` with every key of ``replacements`` replaced, each place once."""
    if not replacements:
        return text
    keys = sorted(replacements, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, keys)), lambda found: replacements[found[0]], text)


def number(value: object, digits: int = 3) -> str:
    """A value for people: ``digits`` significant ones, no exponent unless tiny; a dash for none."""
    if isinstance(value, str):
        return value
    amount = _float(value)
    if amount is None:
        return MISSING
    if amount.is_integer():
        return f"{int(amount)}"
    if abs(amount) < 10 ** (-digits - 1):
        return f"{amount:.1e}"
    return f"{amount:.{_decimals(amount, digits)}f}"


def with_interval(
    estimate: object,
    low: object,
    high: object,
    *,
    decimals: int | None = None,
    n: object = None,
    unit: str = "block",
) -> str:
    """``512 [498, 527]``; without an interval only the estimate; a dash for nothing.

    Estimate and ends get the same number of decimals: ``decimals``, or as many as give the
    estimate three significant digits. Where ``n`` values, each a ``unit``, are too few for an
    interval, it says so: ``0.97 (2 blocks)``.
    """
    center, *ends = _float(estimate), _float(low), _float(high)
    if center is None:
        return MISSING
    text = _bracketed(center, ends, _decimals(center, 3) if decimals is None else decimals)
    return text + few_text(n, unit)


def percent_with_interval(
    estimate: object, low: object, high: object, *, n: object = None, unit: str = "block"
) -> str:
    """Shares as percentages with one decimal: ``40.2 [38.9, 41.5]``; ``n`` as above."""
    center, *ends = _float(estimate), _float(low), _float(high)
    if center is None:
        return MISSING
    text = _bracketed(100 * center, [None if end is None else 100 * end for end in ends], 1)
    return text + few_text(n, unit)


def few_text(n: object, unit: str = "block") -> str:
    """`` (2 blocks)`` where ``n`` values are too few for an interval, else nothing."""
    count = _float(n)
    return f" ({counted(int(count), unit)})" if count is not None and count < MINIMUM else ""


def counted(n: int, unit: str) -> str:
    """``1 block``, ``2 processes``."""
    plural = "es" if unit.endswith("s") else "s"
    return f"{n} {unit}{'' if n == 1 else plural}"


def _bracketed(center: float, ends: Sequence[float | None], decimals: int) -> str:
    # Adding 0.0 turns the minus zero that rounding can leave into zero.
    texts = [
        f"{round(value, decimals) + 0.0:.{decimals}f}"
        for value in (center, *ends)
        if value is not None
    ]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]" if len(texts) == 3 else texts[0]


def _decimals(amount: float, digits: int) -> int:
    return digits if abs(amount) < 1 else max(digits - len(str(int(abs(amount)))), 0)


def _float(value: object) -> float | None:
    """The value as a finite float; None for every way in which pandas says "missing"."""
    if value is None or value is pd.NA:
        return None
    amount = float(value)  # type: ignore[arg-type]
    return amount if math.isfinite(amount) else None


def write_table(table: Table, folder: Path) -> None:
    """Write NAME.csv, .md, .tex and .json into ``folder``, each complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{table.name}.csv", table.data.to_csv(index=False))
    write_whole(folder / f"{table.name}.md", to_markdown(table))
    write_whole(folder / f"{table.name}.tex", to_latex(table))
    write_whole(folder / f"{table.name}.json", to_json(table))


def to_markdown(table: Table) -> str:
    """A heading, a pipe table, the note; markup in names is shown, not obeyed."""
    view = _texts(table.view, MARKDOWN)
    parts = [f"## {escaped(table.title, MARKDOWN)}"]
    if view.empty:
        parts.append("No rows.")
    else:
        rows = view.to_numpy().tolist()
        headers = list(view.columns)
        parts.append(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True))
    if table.note:
        parts.append(escaped(table.note, MARKDOWN))
    return "\n\n".join(parts) + "\n"


def to_latex(table: Table) -> str:
    """A booktabs table, as longtable when it is long; needs the packages booktabs, longtable."""
    view = _texts(table.view, LATEX)
    caption = ". ".join(part for part in (table.title, table.note) if part)
    text: str = view.to_latex(
        index=False,
        escape=False,  # done above, for more characters than pandas knows
        longtable=len(view) > LONG_TABLE_ROWS,
        caption=escaped(caption, LATEX),
        label=f"tab:{table.name}",
        position=None if len(view) > LONG_TABLE_ROWS else "htbp",
    )
    return text


def to_json(table: Table) -> str:
    """What people read, unescaped, with the trials behind each row (see ``trace``); a table
    whose rows are not those of its data names none."""
    view = _texts(table.view, {})
    aligned = len(table.view) == len(table.data)
    content = {
        "name": table.name,
        "title": table.title,
        "note": table.note,
        "columns": list(view.columns),
        "rows": view.to_numpy().tolist(),
        "trials": expressions(table.data) if aligned else None,
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _texts(frame: pd.DataFrame, replacements: Mapping[str, str]) -> pd.DataFrame:
    columns = [escaped(str(name), replacements) for name in frame.columns]
    rows = [
        [escaped(number(value), replacements) for value in row]
        for row in frame.astype(object).itertuples(index=False, name=None)
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)
