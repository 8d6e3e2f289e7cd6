"""The verdicts and the headline as Markdown, short enough for a page of a CI service."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.analysis.data.results import ResultSet, ShownTable
from harness.analysis.publish.missing import what_is_missing
from harness.analysis.publish.report.verdicts import MARKS, verdicts_of
from harness.analysis.tables.writing import MARKDOWN, escaped

TABLES = ("headline", "efficiency_summary")


def markdown(results: ResultSet, missing_interpreters: Sequence[str] = ()) -> str:
    """What is missing, verdicts counted and one by one, efficiencies; markup is escaped."""
    name = escaped(results.folder.resolve().name, MARKDOWN)
    parts = [f"# Results of the preset {name}", *_missing(results, missing_interpreters)]
    parts += _claims(results)
    for table in TABLES:
        found = results.tables.get(table)
        parts += _table(found) if found else [f"No table {table}."]
    return "\n\n".join(parts) + "\n"


def _missing(results: ResultSet, interpreters: Sequence[str]) -> list[str]:
    sentences = what_is_missing(results, interpreters)
    if not sentences:
        return ["Nothing that was planned is missing."]
    return ["**Missing**", "\n".join(f"- {escaped(text, MARKDOWN)}" for text in sentences)]


def _claims(results: ResultSet) -> list[str]:
    verdicts = verdicts_of(results, lambda _: None)
    if not verdicts.claims:
        return ["No verdicts."]
    counts = [[subject, *numbers] for subject, numbers in verdicts.counts]
    rows = [
        [
            *(row.key, f"{MARKS.get(row.verdict, '')} {row.verdict}", row.subject, row.statement),
            *(row.printed, row.measured, row.rule, row.n),
        ]
        for row in verdicts.claims
    ]
    headers = ["Claim", "Verdict", "Subject", "Statement", "Printed", "Measured here", "Rule", "n"]
    return [
        "## Verdicts on the paper's claims",
        _pipes(["Subject", *verdicts.kinds], counts),
        _pipes(headers, rows),
    ]


def _table(table: ShownTable) -> list[str]:
    return [
        f"## {escaped(table.title, MARKDOWN)}",
        _pipes(table.columns, table.rows) if table.rows else "No rows.",
        *([escaped(table.note, MARKDOWN)] if table.note else []),
    ]


def _pipes(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    texts = [[escaped(str(text), MARKDOWN) for text in row] for row in rows]
    headers = [escaped(name, MARKDOWN) for name in columns]
    return str(tabulate(texts, headers, tablefmt="pipe", disable_numparse=True))
