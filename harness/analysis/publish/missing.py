"""What a result set lacks, in sentences, the gravest first."""

from collections.abc import Sequence

import pandas as pd

from harness.analysis.data.results import ResultSet
from harness.analysis.data.trials import NOT_RUN, tally
from harness.analysis.tables.efficiency import TOO_FEW


def what_is_missing(results: ResultSet, missing_interpreters: Sequence[str] = ()) -> list[str]:
    """Files, interpreters, planned trials without a row, cells not run, failures, thin cells."""
    return [
        *results.problems,
        *(
            f"{results.title(name)} is configured and was not measured: it was not found or not "
            "asked for. Everything about it is absent."
            for name in missing_interpreters
        ),
        *_unmeasured(results),
        *_not_run(results),
        *_failed(results.trials),
        *_thin(results),
    ]


def _unmeasured(results: ResultSet) -> list[str]:
    ran = results.trials[results.trials["status"] != NOT_RUN]
    sentences = []
    for name, planned in sorted(results.planned.items()):
        there = int((ran["experiment"] == name).sum())
        if there == 0:
            sentences.append(f"Experiment {name}: none of its {planned} planned trials was run.")
        elif there < planned:
            sentences.append(
                f"Experiment {name}: {planned - there} of {planned} planned trials have no row."
            )
    return sentences


def _not_run(results: ResultSet) -> list[str]:
    skipped = results.trials[results.trials["status"] == NOT_RUN]
    sentences = []
    for (cores, reason), group in skipped.groupby(["cores", "reason"], sort=True, dropna=False):
        names = ", ".join(sorted(set(group["experiment"])))
        why = str(reason).removeprefix("not run: ") or "no reason given"
        cells = f"{len(group)} cell" + "s" * (len(group) != 1)
        sentences.append(f"{cells} pinned to {cores} cores not run: {why} ({names}).")
    return sentences


def _failed(trials: pd.DataFrame) -> list[str]:
    failed = trials[~trials["status"].isin(["ok", NOT_RUN])]
    return [
        f"Experiment {name}: {len(group)} of {int((trials['experiment'] == name).sum())} trials "
        f"failed ({tally(group['status'])})."
        for name, group in failed.groupby("experiment", sort=True)
    ]


def _thin(results: ResultSet) -> list[str]:
    efficiency = results.table("efficiency")
    if "status" not in efficiency:
        return []
    thin = int((efficiency["status"] == TOO_FEW).sum())
    return [f"{thin} efficiencies have too few blocks for an interval."] if thin else []
