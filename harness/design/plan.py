"""The plan of a run: every trial, its order and what it will cost, before anything runs.

Randomised complete blocks: a block holds one trial of every configuration of every cell
(workload x interpreter x pinning); cells come in a seeded random order within a block, and
so do the trials within a cell. What is compared thus runs close together in time.
"""

import hashlib
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.base.errors import ConfigError
from harness.base.whole_files import read_json, refused_by_name
from harness.design.config import Config
from harness.design.cost import batch_seconds, warmup_seconds, window_seconds
from harness.design.experiment import Experiment
from harness.design.strategies import ConfiguredStrategy
from harness.design.workloads import ConfiguredWorkload
from harness.trial.spec import TrialSpec

AA_TWIN = "aa_twin"


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


def expected_optimum(
    sizes: Sequence[int], workload: ConfiguredWorkload, interpreter: str, servers: int
) -> int:
    """The size the A/A twin takes: the smallest planned one the queueing model finds enough.

    N* = c(1 + a) + 2 sqrt(ca), with a = Z/C and c ``servers`` (1 with a GIL, else the cores).
    Being wrong here costs nothing but relevance: the twin is compared with a pool of its
    own size.
    """
    measured = workload.measured.get(interpreter) or next(iter(workload.measured.values()), None)
    beta = float(measured.beta) if measured else 0.8
    ratio = beta / max(1 - beta, 1e-3)
    wanted: float = servers * (1 + ratio) + 2 * math.sqrt(servers * ratio)
    return next((size for size in sorted(sizes) if size >= wanted), max(sizes))


def _configurations(
    config: Config,
    experiment: Experiment,
    workload: ConfiguredWorkload,
    interpreter: str,
    cores: int,
) -> list[tuple[ConfiguredStrategy, int, str]]:
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
        name = experiment.conditions.get("device", "")
        device = config.devices.get(name)
        if device is not None and device.cores < most:
            most, whose = device.cores, f"{name} has "
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
    workload: ConfiguredWorkload,
    interpreter: str,
    cores: int,
    block: int,
    choice: tuple[ConfiguredStrategy, int, str],
) -> TrialSpec:
    strategy, concurrency, label = choice
    if experiment.tasks is None:
        warmup_s = 0.0 if strategy.is_cold else warmup_seconds(experiment, workload)
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
        io=config.io if workload.servers is None else "socket",
        warmup_s=warmup_s,
        window_s=window_s,
        time_limit_s=config.time_limit_s,
        expected_s=expected_s,
        remote_servers=workload.servers,
    )


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
