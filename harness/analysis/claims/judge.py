"""From the catalogue of claims and a run's results to the rows of claims.csv.

Nothing is typed: every number comes from a measure, every verdict from a rule and an interval.
A claim's row has the id of the claim; rows of its parts add the part's name. Of several judged
parts the worst verdict is the claim's, in the order not reproduced, inconclusive, not testable
here, reproduced: a claim is reproduced only if all of it is. Parts that are not judged stand
beside the claim.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.analysis.claims import memory, metric, micro, pools, strategies
from harness.analysis.claims.data import MOST, Data, Finding, NotMeasuredError, Source
from harness.analysis.claims.registry import apply
from harness.analysis.claims.rules import INCONCLUSIVE, NOT_TESTABLE, WORST_FIRST, Rule, rule_from
from harness.analysis.data.trace import selecting
from harness.analysis.data.trials import CellName
from harness.analysis.estimate.statistics import MINIMUM, NOTHING
from harness.analysis.tables.writing import with_interval
from harness.design.claims import Catalogue, Claim, Part, cost
from harness.design.plan import Plan

#: importing them is what makes the measures known
MEASURE_MODULES = (memory, metric, micro, pools, strategies)
COLUMNS = [
    *["id", "statement", "subject", "paper_value", "measured", "ci_low", "ci_high", "rule"],
    *["verdict", "experiment", "reason", "n", "role", "quantity", "where", "command"],
    *["minutes", "hardware", "verdict_all_trials", "verdict_raw_speed", "trials"],
]
VERDICT, PART, BESIDE = "verdict", "part", "beside"


@dataclass(frozen=True, slots=True)
class Views:
    """The same results thrice: as judged, with excluded trials, and at the machine's speed."""

    judged: Data
    all_trials: Data
    raw_speed: Data


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one part for one subject."""

    part: Part
    finding: Finding
    rule: Rule
    verdict: str
    verdict_all_trials: str
    verdict_raw_speed: str
    reason: str
    #: the cells whose trials were read
    read: tuple[CellName, ...] = ()


def claims_table(
    catalogue: Catalogue, views: Views, plan: Plan | None = None, only: str | None = None
) -> pd.DataFrame:
    """The rows of claims.csv, in the order of the catalogue.

    ``plan`` gives the minutes that measuring one claim would take; ``only`` is the id of a
    single claim.
    """
    chosen = catalogue.claims if only is None else (catalogue.find(only),)
    rows = [
        row
        for claim in chosen
        for subject in claim.subjects
        for row in _rows(claim, subject, catalogue.subjects[subject], views, plan)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("measured", "ci_low", "ci_high", "minutes"):
        frame[name] = pd.to_numeric(frame[name]).astype(float)
    frame["n"] = frame["n"].astype("Int64")
    return frame


def _rows(
    claim: Claim, subject: str, defaults: Mapping[str, Any], views: Views, plan: Plan | None
) -> Iterator[dict[str, object]]:
    shared = {
        "statement": claim.statement,
        "subject": subject,
        "paper_value": claim.printed,
        "where": claim.where,
        **_how_to_run(claim, plan),
    }
    judgements = [judge(part, defaults, views) for part in claim.parts if subject in part.subjects]
    judged = [each for each in judgements if each.part.judged]
    whole = combined(judged) if len(judged) > 1 else judged[0]
    yield shared | _row(claim.id, whole, VERDICT, judged)
    for each in judgements:
        if each.part.judged and len(judged) > 1:
            yield shared | _row(f"{claim.id}-{each.part.name}", each, PART, [each])
        elif not each.part.judged:
            yield shared | _row(f"{claim.id}-{each.part.name}", each, BESIDE, [each])


def judge(part: Part, defaults: Mapping[str, Any], views: Views) -> Judgement:
    """Measure one part for one subject and hold it against its rule."""
    cores = part.cell.get("cores", 1)
    rule = rule_from(part.rule, 1 if cores == MOST else cores)
    source = Source(views.judged, part.cell, part.versus)
    finding, verdict, reason = _measured(part, defaults, source, rule)
    all_trials, raw_speed = (
        _measured(part, defaults, Source(data, part.cell, part.versus), rule)[1]
        for data in (views.all_trials, views.raw_speed)
    )
    read = tuple(dict.fromkeys(source.read))
    return Judgement(part, finding, rule, verdict, all_trials, raw_speed, reason, read)


def _measured(
    part: Part, defaults: Mapping[str, Any], source: Source, rule: Rule
) -> tuple[Finding, str, str]:
    try:
        found = apply(part.measure, source, part.parameters, defaults)
    except NotMeasuredError as missing:
        return Finding(NOTHING), NOT_TESTABLE, str(missing)
    verdict = rule.verdict(found.interval)
    why = ""
    if verdict == INCONCLUSIVE:
        why = "the interval crosses the rule's end"
        if found.interval.low is None:
            why = _too_few(found.interval.n, "blocks" if source.read else "processes")
    texts = (why, read_text(source.read) or part.parameters.get("interpreter", ""), found.note)
    return found, verdict, "; ".join(text for text in texts if text)


def _too_few(n: int, units: str) -> str:
    if n < MINIMUM:
        return f"too few {units} for an interval: {n}"
    return "too few independent values for an interval"


def combined(judged: Sequence[Judgement]) -> Judgement:
    """The judgement of a claim with several judged parts: that of the first of the worst."""
    worst = min(judged, key=lambda each: WORST_FIRST.index(each.verdict))
    counts = Counter(each.verdict for each in judged)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in WORST_FIRST if counts[verdict])
    return Judgement(
        worst.part,
        worst.finding,
        worst.rule,
        worst.verdict,
        min((each.verdict_all_trials for each in judged), key=WORST_FIRST.index),
        min((each.verdict_raw_speed for each in judged), key=WORST_FIRST.index),
        f"worst of {len(judged)} parts ({told}), shown: {worst.part.name}; {worst.reason}",
        tuple(dict.fromkeys(cell for each in judged for cell in each.read)),
    )


def _row(
    name: str, judgement: Judgement, role: str, parts: Sequence[Judgement]
) -> dict[str, object]:
    interval = judgement.finding.interval
    experiments = [cell["experiment"] for each in parts for cell in each.part.cells()]
    if any(not each.part.cell for each in parts):
        experiments.append("micro-benchmarks")
    return {
        "id": name,
        "measured": interval.estimate,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "rule": judgement.rule.text,
        "verdict": judgement.verdict,
        "experiment": ", ".join(dict.fromkeys(experiments)),
        "reason": judgement.reason,
        "n": interval.n,
        "role": role,
        "quantity": judgement.part.quantity,
        "hardware": hardware([each.part for each in parts]),
        "verdict_all_trials": judgement.verdict_all_trials,
        "verdict_raw_speed": judgement.verdict_raw_speed,
        "trials": selecting(judgement.read),
    }


def read_text(cells: Sequence[CellName]) -> str:
    """The cells that were read, in words; what they share is said once."""
    names = ("experiment", "workload", "interpreter", "cores")
    columns = [list(dict.fromkeys(getattr(cell, name) for cell in cells)) for name in names]
    if not cells:
        return ""
    texts = [", ".join(map(str, values)) for values in columns[:-1]]
    return " ".join([*texts, " and ".join(_cores_text([cores]) for cores in columns[-1])])


def _cores_text(cores: Sequence[int]) -> str:
    return f"{max(cores)} core{'' if max(cores) == 1 else 's'}"


def hardware(parts: Sequence[Part]) -> str:
    """Cores and interpreters that measuring these parts takes."""
    cells = [cell for part in parts for cell in part.cells()]
    cores = [cell["cores"] for cell in cells if cell["cores"] != MOST]
    interpreters = [str(cell["interpreter"]) for cell in cells]
    interpreters += [
        str(part.parameters["interpreter"])
        for part in parts
        if not part.cell and "interpreter" in part.parameters
    ]
    # Where all cores are used, any number will do.
    return "; ".join([_cores_text(cores or [1]), ", ".join(dict.fromkeys(interpreters))])


def _how_to_run(claim: Claim, plan: Plan | None) -> dict[str, object]:
    """The command that measures only this claim, and the minutes planned for it."""
    if plan is None:
        return {"command": f"snakemake --cores 1 --config claim={claim.id}", "minutes": None}
    seconds = cost(plan, claim).seconds
    return {
        "command": f"snakemake --cores 1 --config preset={plan.preset} claim={claim.id}",
        "minutes": round(seconds / 60, 1) or None,
    }


def claims_view(table: pd.DataFrame) -> pd.DataFrame:
    """What people read."""
    rows = [
        {
            "Id": row["id"],
            "Claim": row["statement"] if row["role"] == VERDICT else f"({row['role']})",
            "Subject": row["subject"],
            "Printed": row["paper_value"] if row["role"] == VERDICT else "",
            "Measured here": with_interval(
                row["measured"],
                row["ci_low"],
                row["ci_high"],
                n=row["n"],
                unit="block" if row["trials"] else "value",
            ),
            "Quantity": row["quantity"],
            "Rule": row["rule"],
            "Verdict": row["verdict"],
            "n": row["n"],
            "Remarks": row["reason"],
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)


def counts_text(table: pd.DataFrame) -> str:
    """How many verdicts there are of each kind, and what their intervals are worth together."""
    verdicts = table.loc[table["role"] == VERDICT, "verdict"]
    counts = Counter(verdicts)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in reversed(WORST_FIRST))
    with_one = int(table.loc[table["role"] == VERDICT, "ci_low"].notna().sum())
    return (
        f"{len(verdicts)} verdicts, a claim about controllers being judged once for each: {told}. "
        "Intervals: 95 %, over blocks, each for its own claim and not corrected for the number "
        f"of claims: of {with_one} intervals about {with_one * 0.05:.1f} are expected to miss."
    )
