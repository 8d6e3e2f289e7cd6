"""The plan in words: what will run, how long it takes, how much disk it needs."""

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.base.console import duration
from harness.design.claims import Claim, cost
from harness.design.cost import estimate
from harness.design.plan import Plan
from harness.trial.spec import TrialSpec


def _peculiarities(trial: TrialSpec) -> list[str]:
    """What sets an experiment apart from others, by any of its trials."""
    found = []
    if trial.protocol == "batch":
        found.append(f"batches of {trial.tasks} tasks, start-up and shutdown included")
    if trial.conditions:
        changed = ", ".join(f"{key} {value}" for key, value in sorted(trial.conditions.items()))
        found.append(f"conditions: {changed}")
    return found


def describe(plan: Plan, claims: Sequence[Claim] = ()) -> str:
    """A screen of text about a plan; with claims, what measuring each alone would take."""
    lines = [f"preset {plan.preset}, seed {plan.seed}"]
    by_experiment: dict[str, list[int]] = {}
    for index, cell in enumerate(plan.cell_blocks):
        by_experiment.setdefault(cell.experiment, []).append(index)
    for experiment, indices in by_experiment.items():
        cells = [plan.cell_blocks[i] for i in indices]
        trials = [trial for cell in cells for trial in cell.trials]
        cost = estimate(trials, len(cells))
        blocks = max(cell.block for cell in cells)
        lines.append(
            f"  {experiment}: {len(cells) // blocks} cells x {blocks} blocks, "
            f"{cost.trials} trials, about {duration(cost.seconds)}, "
            f"on {', '.join(dict.fromkeys(sorted(cell.interpreter for cell in cells)))}"
        )
        lines += [f"    {text}" for text in _peculiarities(trials[0])]
        strategies = Counter((trial.strategy, trial.concurrency) for trial in trials)
        sizes: dict[str, list[str]] = {}
        for strategy, concurrency in sorted(strategies):
            sizes.setdefault(strategy, []).append(str(concurrency))
        lines += [f"    {strategy}: {', '.join(n)}" for strategy, n in sizes.items()]
    not_run = Counter((cell.experiment, cell.cores, cell.reason) for cell in plan.not_run)
    lines += [
        f"  {experiment}: {count} cells pinned to {cores} cores: {reason}"
        for (experiment, cores, reason), count in not_run.items()
    ]
    lines += claim_lines(plan, claims)
    total = estimate(list(plan.trials()), len(plan.cell_blocks))
    share = total.measuring_seconds / total.seconds if total.seconds else 0.0
    lines.append(
        f"in all {total.trials} trials, about {duration(total.seconds)} "
        f"({share:.0%} of it warm-up and measurement), "
        f"{total.disk_bytes / 1e6:.0f} MB of records"
    )
    return "\n".join(lines)


def claim_lines(plan: Plan, claims: Sequence[Claim]) -> Iterator[str]:
    """Per claim, the experiments of the plan that it needs and the time they take.

    Claims share experiments: the times do not add up to the run's.
    """
    planned = {cell.experiment for cell in plan.cell_blocks}
    if claims:
        yield f"each claim by itself (--config preset={plan.preset} claim=…):"
    for claim in claims:
        wanted = claim.needs().keys()
        names, absent = sorted(wanted & planned), sorted(wanted - planned)
        names += ["micro-benchmarks"] if claim.micro_benchmarks() else []
        if not names:
            yield f"  {claim.id}: not in this preset (needs {', '.join(absent)})"
            continue
        seconds = cost(plan, claim).seconds
        without = f"; without {', '.join(absent)}" if absent else ""
        yield f"  {claim.id}: {', '.join(names)}{without}, about {duration(seconds)}"
