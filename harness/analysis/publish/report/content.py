"""What the report says, as plain values: everything decided, nothing marked up."""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from harness.analysis.data.results import ResultSet, ShownTable
from harness.analysis.data.trials import NOT_RUN, trials_file
from harness.analysis.figures.catalogue import entry
from harness.analysis.publish.missing import what_is_missing
from harness.analysis.publish.report.sections import SECTIONS, Section, place, section_of
from harness.analysis.publish.report.verdicts import Verdicts, verdicts_of
from harness.analysis.tables.writing import MISSING, number

#: tables that stand elsewhere in the report than in their section
HEADLINE, CLAIMS = "headline", "claims"
HEADLINE_FIGURE = "efficiency"
FOLDED_ROWS = 16


@dataclass(frozen=True)
class Row:
    """Texts of a table's row and the trials behind it; no expression where they are unknown."""

    texts: tuple[str, ...]
    expression: str | None
    trials: int | None


@dataclass(frozen=True)
class TableView:
    """A table as it is shown; ``folded`` ones are opened by the reader."""

    name: str
    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    traced: bool
    folded: bool


@dataclass(frozen=True)
class FigureView:
    """A figure with its image as base64 of a PNG."""

    name: str
    title: str
    caption: str
    answers: str
    image: str


@dataclass(frozen=True)
class SectionView:
    """A section with what it has; empty ones are not shown."""

    section: Section
    tables: tuple[TableView, ...]
    figures: tuple[FigureView, ...]


@dataclass(frozen=True)
class Report:
    """The whole report."""

    preset: str
    trials_file: str
    period: str
    counts: Mapping[str, int]
    missing: tuple[str, ...]
    verdicts: Verdicts
    headline: TableView | None
    headline_figure: FigureView | None
    sections: tuple[SectionView, ...]
    machine: tuple[tuple[str, str], ...]
    interpreters: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def report_of(results: ResultSet, missing_interpreters: Sequence[str] = ()) -> Report:
    """Everything that a result set says, and what it lacks."""
    counter = _TrialCounter(results.trials)
    tables = {
        name: _table_view(table, counter)
        for name, table in results.tables.items()
        if name != CLAIMS
    }
    figures = {path.stem: _figure_view(path.stem, path.read_bytes()) for path in results.figures()}
    lacking = what_is_missing(results, missing_interpreters)
    if not figures:
        lacking.append("There are no figures.")
    headline, headline_figure = tables.pop(HEADLINE, None), figures.pop(HEADLINE_FIGURE, None)
    sections = [
        SectionView(
            section,
            tuple(tables[n] for n in sorted(tables, key=place) if section_of(n) is section),
            tuple(figures[n] for n in sorted(figures, key=place) if section_of(n) is section),
        )
        for section in SECTIONS
    ]
    return Report(
        preset=results.folder.resolve().name,
        trials_file=trials_file(results.folder).name,
        period=_period(results.trials),
        counts=_counts(results.trials),
        missing=tuple(lacking),
        verdicts=verdicts_of(results, counter.count),
        headline=headline,
        headline_figure=headline_figure,
        sections=tuple(view for view in sections if view.tables or view.figures),
        machine=tuple(_facts(results.machine, without=("interpreters",))),
        interpreters=tuple(
            (results.title(str(name)), tuple(_facts(facts)))
            for name, facts in _mapping(results.machine.get("interpreters")).items()
        ),
    )


class _TrialCounter:
    """How many rows of trials.csv an expression selects; each is asked once."""

    def __init__(self, trials: pd.DataFrame) -> None:
        self._trials = trials
        self._known: dict[str, int] = {"": len(trials)}

    def count(self, expression: str) -> int | None:
        """None when trials.csv is not there."""
        if self._trials.empty:
            return None
        if expression not in self._known:
            self._known[expression] = len(self._trials.query(expression, engine="python"))
        return self._known[expression]


def _table_view(table: ShownTable, counter: _TrialCounter) -> TableView:
    expressions: Sequence[str | None] = table.trials or [None] * len(table.rows)
    rows = [
        Row(texts, expression, None if expression is None else counter.count(expression))
        for texts, expression in zip(table.rows, expressions, strict=True)
    ]
    return TableView(
        name=table.name,
        title=table.title,
        note=table.note,
        columns=table.columns,
        rows=tuple(rows),
        traced=table.trials is not None,
        folded=len(rows) > FOLDED_ROWS,
    )


def _figure_view(name: str, png: bytes) -> FigureView:
    known = entry(name)
    image = base64.b64encode(png).decode("ascii")
    if known is None:
        return FigureView(name, name.replace("_", " ").capitalize(), "", "", image)
    rest = name.removeprefix(known.name).replace("_", " ").strip()
    title = f"{known.title} ({rest})" if rest else known.title
    return FigureView(name, title, known.caption, known.answers, image)


def _counts(trials: pd.DataFrame) -> dict[str, int]:
    """Trials that ran, by what became of them; those left out are among the ok ones."""
    ran = trials[trials["status"] != NOT_RUN]
    statuses = Counter(ran["status"])
    ok = statuses.pop("ok", 0)
    excluded = int((ran["excluded"] & (ran["status"] == "ok")).sum())
    return {
        "run": len(ran),
        "ok": ok,
        "left out by a rule": excluded,
        **dict(sorted(statuses.items())),
    }


def _period(trials: pd.DataFrame) -> str:
    """From the first trial's start to the last one's end, UTC."""
    if not {"started_at", "ended_at"} <= set(trials.columns):
        return ""
    first, last = trials["started_at"].min(), trials["ended_at"].max()
    if pd.isna(first) or pd.isna(last):
        return ""
    start, end = (datetime.fromtimestamp(float(moment), UTC) for moment in (first, last))
    same_day = start.date() == end.date()
    return f"{start:%-d %B %Y, %H:%M} to {end:{'%H:%M' if same_day else '%-d %B %Y, %H:%M'}} UTC"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _facts(content: Mapping[str, Any], without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Names and texts of a nested mapping, in its order; groups keep their name in front."""
    facts = []
    for name, value in content.items():
        label = str(name).replace("_", " ")
        if name in without:
            continue
        if isinstance(value, Mapping):
            inner = _facts(value)
            if name in ("wheels", "environment"):
                facts.append((label, ", ".join(" ".join(pair) for pair in inner) or MISSING))
            else:
                facts += [(f"{label}: {key}", text) for key, text in inner]
        else:
            facts.append((label, _text(value)))
    return facts


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value) or MISSING
    return MISSING if value is None or value == "" else number(value, 4)
