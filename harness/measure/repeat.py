"""Measures again, after the last block, what the exclusion rules leave out.

A repetition runs at another time than its block, so that the ratio to its neighbours is no
longer one of trials that ran seconds apart: what changed on the machine in between is in it,
as far as the adjustment for CPU speed does not take it out. It therefore stays marked
(``attempt`` above 1), and the tables that use no exclusions use no repetitions either.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from harness.base.console import duration
from harness.design.config import Repeat
from harness.design.cost import estimate
from harness.design.plan import Plan
from harness.design.rules import Exclusion
from harness.measure.bench import Hold, Setting, hold_machine
from harness.measure.block import Placed, measure_trials
from harness.measure.progress import Progress
from harness.store.exclusion import cell_key
from harness.store.places import attempt_file
from harness.store.table import judged_records
from harness.trial.spec import TrialSpec

#: a trial that failed for a reason of its own would fail again
REPEATABLE = ("ok", "timeout")


def cost_s(trials: Iterable[TrialSpec]) -> float:
    """Seconds that trials are expected to take."""
    return estimate(list(trials), 0).seconds


def choose(
    plan: Plan,
    judged: Iterable[tuple[Mapping[str, Any], str]],
    attempt: int,
    budget_s: float,
) -> tuple[list[Placed], int]:
    """Which trials, with their positions in their cells, are measured for the ``attempt``-th
    time, in running order; and for how many ``budget_s`` seconds were not enough.

    Candidates are those left out at every earlier attempt. Where the budget does not cover
    all, the choice goes by their hashes: by chance, but the same after an interruption.
    """
    verdicts: dict[str, bool] = {}
    for record, reason in judged:
        if record["attempt"] < attempt:
            again = bool(reason) and record["result"]["status"] in REPEATABLE
            identity = record["spec_hash"]
            verdicts[identity] = again and verdicts.get(identity, True)
    placed = [
        (position, trial)
        for cell in plan.cell_blocks
        for position, trial in enumerate(cell.trials)
        if verdicts.get(trial.spec_hash, False)
    ]
    chosen: set[str] = set()
    for _, trial in sorted(placed, key=lambda entry: entry[1].spec_hash):
        if cost_s([trial]) <= budget_s:
            budget_s -= cost_s([trial])
            chosen.add(trial.spec_hash)
    kept = [entry for entry in placed if entry[1].spec_hash in chosen]
    return kept, len(placed) - len(kept)


def measure_repeats(
    setting: Setting, plan: Plan, rules: Exclusion, repeat: Repeat, hold: Hold = hold_machine
) -> None:
    """Measure every repetition that configuration allows and that is not there yet.

    Resumes where it was cut short. Raises as ``trials.planned_records``.
    """
    budget_s = repeat.max_extra_share * estimate(list(plan.trials()), 0).seconds
    for attempt in range(2, repeat.max_attempts + 2):
        judged = judged_records(plan, setting.raw, rules, before=attempt)
        chosen, left = choose(plan, judged, attempt, budget_s)
        budget_s -= cost_s(trial for _, trial in chosen)
        if chosen or left:
            print(
                f"attempt {attempt}: {len(chosen)} trials that a rule left out are measured again, "
                f"about {duration(cost_s(trial for _, trial in chosen))}"
                + (f"; {left} more are beyond repeat.max_extra_share" if left else ""),
                file=sys.stderr,
            )
        _measure_attempt(setting, chosen, attempt, hold)


def _measure_attempt(setting: Setting, chosen: Sequence[Placed], attempt: int, hold: Hold) -> None:
    file = attempt_file(setting.raw, attempt)
    done = file.reopen()
    missing = [entry for entry in chosen if entry[1].spec_hash not in done]
    if missing:
        trials = [trial for _, trial in missing]
        progress = Progress(
            total=len(chosen),
            done_before=len(chosen) - len(missing),
            remaining_s=cost_s(trials),
            expected_s={trial.spec_hash: cost_s([trial]) for trial in trials},
        )
        cores = max(trial.cores for trial in trials)
        with hold(setting, f"attempt {attempt} at excluded trials", cores) as bench:
            for _, group in groupby(missing, lambda entry: cell_key(asdict(entry[1]))):
                measure_trials(bench, list(group), file, progress, attempt)
    if missing or done:
        file.finish()
