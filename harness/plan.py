"""The plan of a run: every trial, its order and what it will cost, before anything runs.

Randomised complete blocks: a block holds one trial of every configuration of every cell
(workload x interpreter x pinning); cells come in a seeded random order within a block, and
so do the trials within a cell. What is compared thus runs close together in time.
"""

import hashlib
import json
import math
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.config import Config, ConfigError, Experiment, Strategy, Workload
from harness.experiment import Protocol
from harness.records import identity
from harness.whole_files import read_json, refused_by_name

AA_TWIN = "aa_twin"

# What a trial costs beside warm-up and window, in seconds; measured on a 2-core VM. Only
# the estimate depends on them.
TRIAL_OVERHEAD_S = 0.18
CELL_OVERHEAD_S = 0.6
PROCESS_START_S = 0.35
FORK_S = 0.03
RECORD_BYTES = 4000
# What a task of a batch costs beside its own CPU time: submitting, queueing, thread switches.
BATCH_TASK_OVERHEAD_S = 1.5e-4


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything that defines one trial's measurement. Immutable, JSON-able, hashed.

    Protocol ``steady``: ``population`` tasks are outstanding at any time, and completions
    count that fall into a window of ``window_s`` after ``warmup_s``. Protocol ``batch``:
    ``tasks`` tasks go through a new pool, creation and shutdown included; window and warm-up
    are 0. ``expected_s`` is what either is expected to take; a guess, and thus no part of the
    trial's identity.
    """

    experiment: str
    workload: str
    parameters: Mapping[str, Any]
    interpreter: str
    cores: int
    strategy: str
    kind: str
    strategy_parameters: Mapping[str, Any]
    concurrency: int
    label: str
    block: int
    population: int
    protocol: Protocol
    tasks: int | None
    conditions: Mapping[str, Any]
    io: str
    warmup_s: float
    window_s: float
    time_limit_s: float
    expected_s: float
    remote_servers: int | None = None

    @property
    def spec_hash(self) -> str:
        """Identity of the trial, see :func:`harness.records.identity`."""
        return identity(asdict(self))


@dataclass(frozen=True, slots=True)
class CellBlock:
    """The trials of one cell in one block, in the order they run."""

    experiment: str
    block: int
    workload: str
    interpreter: str
    cores: int
    trials: tuple[TrialSpec, ...]

    @property
    def name(self) -> str:
        """File name of its records, without the ending."""
        return f"{self.workload}.{self.interpreter}.{self.cores}c"


@dataclass(frozen=True, slots=True)
class NotRun:
    """A cell that this machine cannot measure, and why."""

    experiment: str
    workload: str
    interpreter: str
    cores: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells of all blocks in running order, and the cells left out."""

    preset: str
    seed: int
    cell_blocks: tuple[CellBlock, ...]
    not_run: tuple[NotRun, ...]

    def trials(self) -> Iterator[TrialSpec]:
        """Every trial in running order."""
        for cell_block in self.cell_blocks:
            yield from cell_block.trials

    @property
    def identity(self) -> str:
        """A hash over everything that is planned."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()[:16]

    def blocks(self) -> dict[tuple[str, int], list[CellBlock]]:
        """Cells by (experiment, block), in running order."""
        found: dict[tuple[str, int], list[CellBlock]] = {}
        for cell_block in self.cell_blocks:
            found.setdefault((cell_block.experiment, cell_block.block), []).append(cell_block)
        return found


def available_cpus() -> tuple[int, ...]:
    """The CPUs this process may use, in ascending order."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def pin_to(cores: int, cpus: Sequence[int]) -> list[int]:
    """Which CPUs a pinning of ``cores`` uses: the highest-numbered; CPU 0 serves interrupts."""
    return list(cpus)[-cores:]


def expected_optimum(
    sizes: Sequence[int], workload: Workload, interpreter: str, servers: int
) -> int:
    """The size the A/A twin takes: the smallest planned one the queueing model finds enough.

    N* = c(1 + a) + 2 sqrt(ca), with a = Z/C and c ``servers`` (1 with a GIL, else the cores).
    Being wrong here costs nothing but relevance: the twin is compared with a pool of its
    own size.
    """
    measured = workload.measured.get(interpreter) or next(iter(workload.measured.values()), None)
    beta = float(measured["beta"]) if measured else 0.8
    ratio = beta / max(1 - beta, 1e-3)
    wanted: float = servers * (1 + ratio) + 2 * math.sqrt(servers * ratio)
    return next((size for size in sorted(sizes) if size >= wanted), max(sizes))


def cpu_seconds(workload: Workload) -> float:
    """CPU time of a task on the slowest interpreter it was measured on; where it was measured
    on none, what its parameters ask for, or 0 where these do not say."""
    asked_for = float(workload.parameters.get("cpu_ms", 0.0))
    return max((float(m["cpu_ms"]) for m in workload.measured.values()), default=asked_for) / 1e3


def wait_seconds(workload: Workload) -> float:
    """How long a task waits."""
    return float(workload.parameters["wait_ms"]) / 1e3


def turn_seconds(workload: Workload, concurrency: int) -> float:
    """How long a pool on one core takes until each of its workers has done a task."""
    return concurrency * cpu_seconds(workload) + wait_seconds(workload)


def batch_seconds(tasks: int, workload: Workload, concurrency: int) -> float:
    """About how long a batch takes: bound by one core, or by every worker's turns."""
    cpu = cpu_seconds(workload) + BATCH_TASK_OVERHEAD_S
    return round(tasks * max(cpu, (cpu + wait_seconds(workload)) / concurrency), 3)


def warmup_seconds(experiment: Experiment, workload: Workload) -> float:
    """How long every pool of a cell has been under load when its window opens.

    The same for all strategies and sizes, since a pool may do less, or more, once it has run for
    a while: what is compared is of one age. Long enough for the largest pool to have had its
    turns, and for a controller to settle as ``warmup_s`` allows it.
    """
    largest = max(size for sizes in experiment.concurrency.values() for size in sizes)
    turns = experiment.warmup_rounds * turn_seconds(workload, largest)
    return round(max(experiment.warmup_s, turns), 3)


def window_seconds(
    experiment: Experiment, workload: Workload, strategy: Strategy, concurrency: int
) -> float:
    """A cold start's own window, else the workload's or the usual one, and long enough for the
    turns asked for: workers that share a core keep step, and their tasks end all at once."""
    if is_cold(strategy) and experiment.cold_window_s is not None:
        return experiment.cold_window_s
    floor = experiment.workload_window_s.get(workload.name, experiment.window_s)
    turns = experiment.window_rounds * turn_seconds(workload, concurrency)
    return round(max(floor, turns), 3)


def is_cold(strategy: Strategy) -> bool:
    """Whether a strategy is measured from its first submit on, without any warm-up."""
    return bool(strategy.parameters.get("cold"))


def _configurations(
    config: Config, experiment: Experiment, workload: Workload, interpreter: str, cores: int
) -> list[tuple[Strategy, int, str]]:
    """Strategy, concurrency and label of every trial of a cell, in a fixed order."""
    found = [
        (config.strategies[name], size, "")
        for name, sizes in experiment.concurrency.items()
        for size in sizes
    ]
    if experiment.aa_twin and "fixed" in experiment.concurrency:
        sizes = experiment.concurrency["fixed"]
        servers = 1 if config.has_gil[interpreter] else cores
        size = expected_optimum(sizes, workload, interpreter, servers)
        found.append((config.strategies["fixed"], size, AA_TWIN))
    return found


def make_plan(config: Config, cpus: Sequence[int]) -> Plan:
    """Lay out every trial of a run; the same configuration and seed give the same plan.

    Raises ``ConfigError`` when a batch would not end within the time limit.
    """
    order = random.Random(config.seed)
    cell_blocks: list[CellBlock] = []
    not_run: list[NotRun] = []
    for experiment in config.experiments.values():
        cells = [
            (workload, interpreter, cores)
            for workload in experiment.workloads
            for interpreter in experiment.interpreters
            for cores in experiment.pinnings
        ]
        not_run += [
            NotRun(experiment.name, workload, interpreter, cores, "not run: interpreter left out")
            for workload in experiment.workloads
            for interpreter in experiment.left_out_interpreters
            for cores in experiment.pinnings
        ]
        most, whose = len(cpus), ""
        device = config.devices.get(experiment.conditions.get("device", ""))
        if device is not None and device.cores < most:
            most, whose = device.cores, f"{device.name} has "
        for workload, interpreter, cores in cells:
            if cores > most:
                plural = "" if most == 1 else "s"
                reason = f"not run: {whose}{most} core{plural}"
                not_run.append(NotRun(experiment.name, workload, interpreter, cores, reason))
        possible = [cell for cell in cells if cell[2] <= most]
        for block in range(1, experiment.blocks + 1):
            order.shuffle(possible)
            for name, interpreter, cores in possible:
                workload_entry = config.workloads[name]
                trials = [
                    _trial(config, experiment, workload_entry, interpreter, cores, block, choice)
                    for choice in _configurations(
                        config, experiment, workload_entry, interpreter, cores
                    )
                ]
                order.shuffle(trials)
                cell_blocks.append(
                    CellBlock(experiment.name, block, name, interpreter, cores, tuple(trials))
                )
    return Plan(config.preset, config.seed, tuple(cell_blocks), tuple(not_run))


def _trial(
    config: Config,
    experiment: Experiment,
    workload: Workload,
    interpreter: str,
    cores: int,
    block: int,
    choice: tuple[Strategy, int, str],
) -> TrialSpec:
    strategy, concurrency, label = choice
    if experiment.tasks is None:
        warmup_s = 0.0 if is_cold(strategy) else warmup_seconds(experiment, workload)
        window_s = window_seconds(experiment, workload, strategy, concurrency)
        expected_s = warmup_s + window_s
    else:
        warmup_s = window_s = 0.0
        expected_s = batch_seconds(experiment.tasks, workload, concurrency)
        if expected_s > config.time_limit_s:
            raise ConfigError(
                f"experiments.{experiment.name}: {experiment.tasks} tasks of {workload.name} with "
                f"{strategy.name} {concurrency} take about {expected_s:.0f} s, the time limit is "
                f"{config.time_limit_s:g} s (config.yaml: limits.time_limit_s); lower tasks or "
                "leave out that size"
            )
    return TrialSpec(
        experiment=experiment.name,
        workload=workload.name,
        parameters=workload.parameters,
        interpreter=interpreter,
        cores=cores,
        strategy=strategy.name,
        kind=strategy.kind,
        strategy_parameters=strategy.parameters,
        concurrency=concurrency,
        label=label,
        block=block,
        population=experiment.population,
        protocol=experiment.protocol,
        tasks=experiment.tasks,
        conditions=experiment.conditions,
        io=config.io if workload.remote_servers is None else "socket",
        warmup_s=warmup_s,
        window_s=window_s,
        time_limit_s=config.time_limit_s,
        expected_s=expected_s,
        remote_servers=workload.remote_servers,
    )


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


def to_json(plan: Plan) -> str:
    """The plan as it is saved: deterministic, so that a changed file means a changed plan."""
    return json.dumps(asdict(plan), sort_keys=True, indent=None, separators=(",", ":")) + "\n"


def from_json(path: Path) -> Plan:
    """Read a saved plan; raises ``ConfigError`` that names the file when it is damaged."""
    data = read_json(path)
    with refused_by_name(path):
        return Plan(
            preset=data["preset"],
            seed=data["seed"],
            cell_blocks=tuple(
                CellBlock(**{**entry, "trials": tuple(TrialSpec(**t) for t in entry["trials"])})
                for entry in data["cell_blocks"]
            ),
            not_run=tuple(NotRun(**entry) for entry in data["not_run"]),
        )
