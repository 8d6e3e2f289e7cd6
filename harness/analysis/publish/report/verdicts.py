"""claims.csv as people read it: the verdicts counted, then each with its numbers."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import pandas as pd

from harness.analysis.data.results import ResultSet
from harness.analysis.tables.writing import MISSING, number, with_interval

#: how each verdict is marked; never by colour alone
MARKS = {
    "reproduced": "✓",
    "not reproduced": "✗",
    "inconclusive": "?",
    "not testable here": "○",
}
SUBJECTS = {
    "system": "System under test",
    "algorithm1": "Paper's Algorithm 1",
    "adaptive": "This project's runtime",
}
VERDICT = "verdict"


@dataclass(frozen=True)
class Verdict:
    """One row of claims.csv in texts; ``role`` is verdict, part or beside."""

    key: str
    role: str
    statement: str
    subject: str
    printed: str
    measured: str
    quantity: str
    rule: str
    verdict: str
    other_verdicts: str
    n: str
    where: str
    reason: str
    experiment: str
    command: str
    cost: str
    expression: str
    trials: int | None


@dataclass(frozen=True)
class Verdicts:
    """``kinds`` of verdict, ``counts`` of each by subject; claims, and apart from them the
    rows of their parts."""

    kinds: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    claims: tuple[Verdict, ...]
    parts: tuple[Verdict, ...]


def verdicts_of(results: ResultSet, count: Callable[[str], int | None]) -> Verdicts:
    """From claims.csv; both empty where it is not there. ``count`` gives the number of trials
    that an expression selects."""
    claims = results.claims
    rows = tuple(_verdict(row, count) for row in claims.to_dict("records"))
    judged = [row for row in rows if row.role == VERDICT]
    subjects = list(dict.fromkeys(row.subject for row in judged))
    kinds = list(dict.fromkeys([*MARKS, *(row.verdict for row in judged)]))
    counts = tuple(
        (
            subject,
            tuple(
                sum(row.subject == subject and row.verdict == kind for row in judged)
                for kind in kinds
            ),
        )
        for subject in subjects
    )
    parts = tuple(row for row in rows if row.role != VERDICT)
    return Verdicts(tuple(kinds), counts, tuple(judged), parts)


def _verdict(row: Mapping[Hashable, object], count: Callable[[str], int | None]) -> Verdict:
    def text(name: str) -> str:
        value = row.get(name)
        return number(value) if _present(value) else ""

    expression = text("trials")
    minutes = text("minutes")
    verdict = text("verdict")
    others = {
        "with excluded trials": text("verdict_all_trials"),
        "without adjustment for speed": text("verdict_raw_speed"),
    }
    return Verdict(
        key=text("id"),
        role=text("role") or VERDICT,
        statement=text("statement"),
        subject=SUBJECTS.get(text("subject"), text("subject")),
        printed=text("paper_value"),
        measured=with_interval(
            row.get("measured"),
            row.get("ci_low"),
            row.get("ci_high"),
            n=row.get("n"),
            unit="block" if expression else "value",
        ),
        quantity=text("quantity"),
        rule=text("rule"),
        verdict=verdict,
        other_verdicts="; ".join(
            f"{name}: {other}" for name, other in others.items() if other not in ("", verdict)
        ),
        n=text("n") or MISSING,
        where=text("where"),
        reason=text("reason"),
        experiment=text("experiment"),
        command=text("command"),
        cost="; ".join(
            part for part in (f"{minutes} min" if minutes else "", text("hardware")) if part
        ),
        expression=expression,
        trials=count(expression) if expression else None,
    )


def _present(value: object) -> bool:
    return value is not None and bool(pd.notna(value))  # type: ignore[call-overload]
