"""What trials take: the length of warm-ups, windows and batches, and the cost of a plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.design.experiment import Experiment
from harness.design.strategies import ConfiguredStrategy
from harness.design.workloads import ConfiguredWorkload
from harness.trial.spec import TrialSpec

# What a trial costs beside warm-up and window, in seconds; measured on a 2-core VM. Only
# the estimate depends on them.
TRIAL_OVERHEAD_S = 0.18
CELL_OVERHEAD_S = 0.6
PROCESS_START_S = 0.35
FORK_S = 0.03
RECORD_BYTES = 4000
# What a task of a batch costs beside its own CPU time: submitting, queueing, thread switches.
BATCH_TASK_OVERHEAD_S = 1.5e-4


#: of a task drawn at random, so many follow one another in a window
DRAWN_IN_WINDOW = 4


def turn_seconds(workload: ConfiguredWorkload, concurrency: int) -> float:
    """How long a pool on one core takes until each of its workers has done a task."""
    return concurrency * workload.cpu_s + workload.wait_s


def batch_seconds(tasks: int, workload: ConfiguredWorkload, concurrency: int) -> float:
    """About how long a batch takes: bound by one core, or by every worker's turns."""
    cpu = workload.cpu_s + BATCH_TASK_OVERHEAD_S
    return round(tasks * max(cpu, (cpu + workload.wait_s) / concurrency), 3)


def warmup_seconds(experiment: Experiment, workload: ConfiguredWorkload) -> float:
    """How long every pool of a cell has been under load when its window opens.

    The same for all strategies and sizes, since a pool may do less, or more, once it has run for
    a while: what is compared is of one age. Long enough for the largest pool to have had its
    turns, and for a controller to settle as ``warmup_s`` allows it.
    """
    largest = max(size for sizes in experiment.concurrency.values() for size in sizes)
    turns = experiment.warmup_rounds * turn_seconds(workload, largest)
    if workload.task is not None:
        turns = max(turns, DRAWN_IN_WINDOW / 2 * turn_seconds(workload, 1))
    return round(max(experiment.warmup_s, turns), 3)


def window_seconds(
    experiment: Experiment,
    workload: ConfiguredWorkload,
    strategy: ConfiguredStrategy,
    concurrency: int,
) -> float:
    """A cold start's own window, else the workload's or the usual one, and long enough for the
    turns asked for: workers that share a core keep step, and their tasks end all at once."""
    if strategy.is_cold and experiment.cold_window_s is not None:
        return experiment.cold_window_s
    floor = experiment.workload_window_s.get(workload.name, experiment.window_s)
    if workload.task is not None:
        floor = max(floor, DRAWN_IN_WINDOW * turn_seconds(workload, 1))
    turns = experiment.window_rounds * turn_seconds(workload, concurrency)
    return round(max(floor, turns), 3)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a plan will cost: seconds of wall time, of which measuring, and bytes on disk."""

    trials: int
    seconds: float
    measuring_seconds: float
    disk_bytes: int


def estimate(trials: Sequence[TrialSpec], cell_blocks: int) -> Estimate:
    """Cost of some trials spread over a number of cell blocks."""
    measuring = sum(trial.expected_s for trial in trials)
    starting = sum(
        trial.concurrency * (FORK_S if _is_forked(trial) else PROCESS_START_S)
        for trial in trials
        if trial.kind == "processes"
    )
    overhead = TRIAL_OVERHEAD_S * len(trials) + CELL_OVERHEAD_S * cell_blocks
    return Estimate(
        trials=len(trials),
        seconds=measuring + starting + overhead,
        measuring_seconds=measuring,
        disk_bytes=RECORD_BYTES * len(trials),
    )


def _is_forked(trial: TrialSpec) -> bool:
    """A forked worker has its imports and inputs already."""
    return bool(trial.strategy_parameters.get("start_method") == "fork")
