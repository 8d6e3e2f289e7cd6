"""The claims as listed by the run, and numbers made by hand beside them."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from harness.analysis.data.results import ResultSet
from harness.analysis.publish.notebooks.show import Grid, Note, not_there
from harness.analysis.publish.report.verdicts import MARKS, Verdicts, verdicts_of
from harness.analysis.tables.writing import number, with_interval


def _verdicts(results: ResultSet) -> Verdicts:
    return verdicts_of(results, lambda _: None)


def claims_counted(results: ResultSet) -> Note | Grid:
    """How many verdicts of each kind, by subject."""
    verdicts = _verdicts(results)
    if not verdicts.claims:
        return not_there("Verdicts (claims.csv)")
    rows = tuple((subject, *(number(n) for n in counts)) for subject, counts in verdicts.counts)
    return Grid(("Subject", *verdicts.kinds), rows)


def claims_listed(results: ResultSet, verdict: str | None = None) -> Note | Grid:
    """The claims, or those with one verdict."""
    rows = [row for row in _verdicts(results).claims if verdict in (None, row.verdict)]
    if not rows:
        return not_there(f"Claims {verdict}" if verdict else "Verdicts (claims.csv)")
    return Grid(
        ("Claim", "Verdict", "Subject", "Statement", "Printed", "Measured here", "Rule", "n"),
        tuple(
            (
                *(row.key, f"{MARKS.get(row.verdict, '')} {row.verdict}", row.subject),
                *(row.statement, row.printed, row.measured, row.rule, row.n),
            )
            for row in rows
        ),
    )


def beside_claims(
    results: ResultSet, by_hand: Mapping[str, Callable[[pd.DataFrame], float]]
) -> Note | Grid:
    """Each function's value, from the trials that count, beside the value in claims.csv."""
    trials = results.trials
    used = trials[(trials["status"] == "ok") & ~trials["excluded"]]
    if used.empty:
        return not_there("Trials (trials.csv)", ["Nothing can be computed by hand from tables."])
    rows = []
    for key, function in by_hand.items():
        try:
            value: float | None = float(function(used))
        except (KeyError, ValueError, TypeError, IndexError, ArithmeticError):
            value = None
        missing = value is None or not math.isfinite(value)
        claim = results.claims[results.claims["id"] == key]
        listed = "not listed"
        if len(claim):
            first = claim.iloc[0]
            listed = with_interval(
                first["measured"], first["ci_low"], first["ci_high"], n=first.get("n"), unit="value"
            )
        rows.append((key, "its trials are not here" if missing else number(value), listed))
    return Grid(("Claim", "by hand", "claims.csv"), tuple(rows))
