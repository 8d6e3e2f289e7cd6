"""One experiment: what the catalogue says of it, and how much of it a preset measures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from harness.base.errors import ConfigError
from harness.base.models import (
    Entry,
    InterpreterNames,
    Name,
    Names,
    Number,
    Pinnings,
    PoolSizes,
    Seconds,
    Title,
    Window,
    check,
    require_known,
)
from harness.base.strict_yaml import load
from harness.design.likeness import resolve
from harness.design.strategies import StrategyEntry
from harness.design.workloads import ConfiguredWorkload
from harness.trial.spec import Protocol

FILE = "experiments.yaml"
#: keys of a preset's experiment that one of the protocols needs and the other has no use for
STEADY_KEYS = ("window_s", "warmup_s", "warmup_rounds", "population")
STEADY_OPTIONS = ("window_rounds", "cold_window_s", "workload_window_s")
BATCH_KEYS = ("tasks",)


class Conditions(Entry):
    """What an experiment changes about the machine for its trials."""

    switch_interval_ms: Number | None = Field(
        None,
        ge=0.001,
        le=10_000,
        description="`sys.setswitchinterval` of the measured processes",
    )
    co_tenants: int | None = Field(
        None,
        ge=1,
        le=64,
        description="so many processes compute beside the trial on its own CPUs",
    )
    device: Name | None = Field(None, description="a device of `devices.yaml`")


class ExperimentEntry(Entry):
    """One entry of ``experiments`` in experiments.yaml."""

    title: Title = Field(description="how tables and figures call it")
    workloads: Names = Field(description="names from `workloads.yaml`")
    strategies: Names = Field(description="the strategies a preset may give sizes for")
    aa_twin: bool = Field(
        description="whether each block repeats one fixed pool under another label. What differs "
        "between the two is noise, and no smaller difference is claimed"
    )
    interpreters: InterpreterNames | None = Field(
        None,
        description="instead of the preset's. Where the command line names interpreters, those of "
        "these that it names; cells on the others become rows that say so",
    )
    protocol: Protocol = Field(
        "steady",
        description="`steady`: a window in the middle of constant load. `batch`: the preset's "
        "`tasks` go through a new pool; starting and shutting it down is inside the time, nothing "
        "is warmed up",
    )
    conditions: Conditions = Field(default_factory=Conditions.empty)


class Catalogue(Entry):
    """experiments.yaml."""

    strategies: Annotated[dict[Name, StrategyEntry], Field(min_length=1)]
    experiments: Annotated[dict[Name, ExperimentEntry], Field(min_length=1)]


class Amounts(Entry):
    """How much of an experiment a preset measures."""

    concurrency: Annotated[dict[Name, PoolSizes], Field(min_length=1)] = Field(
        description="per strategy, the pool sizes, or the most a controller may grow to"
    )
    blocks: int | None = Field(None, ge=1, le=1000, description="instead of the preset's")
    workloads: Names | None = Field(None, description="instead of the experiment's")
    pinnings: Pinnings | None = Field(None, description="instead of the preset's")
    interpreters: InterpreterNames | None = Field(
        None, description="instead of the experiment's or the preset's"
    )
    window_s: Window = Field(0, description="seconds during which completions count")
    warmup_s: Seconds = Field(
        0,
        description="least seconds of load before the window opens, from the first submit; the "
        "same for every strategy and size of a cell, so that what is compared is of one age, and "
        "thus long enough for controllers to settle",
    )
    warmup_rounds: Number = Field(
        0,
        ge=0,
        le=1000,
        description="warm up at least this many times N · cpu + wait, one turn of the cell's "
        "largest pool",
    )
    population: int | None = Field(
        None,
        ge=1,
        le=1_048_576,
        description="tasks outstanding at any time; above every pool size",
    )
    cold_window_s: Window | None = Field(
        None,
        description="the window of strategies with parameter `cold`, which are measured from the "
        "first submit and have no warm-up",
    )
    window_rounds: Number = Field(
        0,
        ge=0,
        le=1000,
        description="a window of at least so many turns, likewise; workers that share a core keep "
        "step, and their tasks end all at once",
    )
    workload_window_s: dict[Name, Window] = Field(
        default_factory=dict,
        description="another window for some workloads, such as whole periods of those that "
        "change with time; `cold_window_s` comes first",
    )
    draws: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="how many tasks are drawn for a `drawn` workload without a seed",
    )
    tasks: int | None = Field(
        None,
        ge=1,
        le=1_048_576,
        description="only and always for protocol `batch`, which has no windows, warm-ups and "
        "population: how many tasks",
    )


class Preset(Entry):
    """One file in presets/."""

    title: Title = Field(description="how the preset is called in tables")
    blocks: int = Field(
        ge=1,
        le=1000,
        description="how often each configuration is measured; below 3 there are no intervals, "
        "narrow ones need 5",
    )
    interpreters: InterpreterNames = Field(description="names from `interpreters.yaml`")
    pinnings: Pinnings = Field(
        description="numbers of cores to pin to; one the machine lacks becomes a row that says so"
    )
    experiments: Annotated[dict[Name, Amounts], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment measures under the chosen preset.

    ``fresh`` are those of its ``workloads`` that were drawn for it.

    ``concurrency`` maps strategies to pool sizes (or the most they may grow to).
    ``warmup_rounds`` and ``window_rounds`` are in turns of the whole pool over its tasks' CPU
    time. ``cold_window_s`` is the window of strategies that are measured from the first submit;
    None: that of the others. With protocol ``batch`` there is neither warm-up nor window, and
    ``population`` is ``tasks``.
    """

    name: str
    title: str
    workloads: tuple[str, ...]
    fresh: Sequence[ConfiguredWorkload]
    interpreters: tuple[str, ...]
    #: the experiment names these itself, the user left them out
    left_out_interpreters: tuple[str, ...]
    pinnings: tuple[int, ...]
    concurrency: Mapping[str, tuple[int, ...]]
    aa_twin: bool
    blocks: int
    protocol: Protocol
    tasks: int | None
    conditions: Mapping[str, Any]
    window_s: float
    window_rounds: float
    warmup_s: float
    warmup_rounds: float
    population: int
    cold_window_s: float | None
    workload_window_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sources:
    """The files an experiment is read from, and what they may refer to.

    ``chosen`` is the preset; ``only`` the interpreters that the user named, if any.
    """

    catalogue_path: Path
    catalogue: Catalogue
    preset_path: Path
    chosen: Preset
    max_concurrency: int
    max_population: int
    workloads: Mapping[str, ConfiguredWorkload]
    draw: int
    interpreters: Mapping[str, object]
    only: Sequence[str] | None
    devices: Mapping[str, object]


def read_catalogue(path: Path) -> Catalogue:
    """Read experiments.yaml; raises ``ConfigError``."""
    return check(resolve(load(path), ("strategies", "experiments"), path), Catalogue, path)


def read_experiment(name: str, sources: Sources) -> Experiment:
    """Put together the experiment ``name`` of a preset; raises ``ConfigError``."""
    amounts = sources.chosen.experiments[name]
    require_known([name], sources.catalogue.experiments, sources.preset_path, "experiments")
    entry = sources.catalogue.experiments[name]
    _check_names(name, entry, amounts, sources)
    _check_protocol(name, entry.protocol, amounts, sources.preset_path)
    count = amounts.tasks if amounts.population is None else amounts.population
    assert count is not None, "each protocol has one of them"
    _check_amounts(name, entry, amounts, count, sources)
    workloads, fresh = _drawn(name, amounts.workloads or entry.workloads, amounts.draws, sources)
    named = amounts.interpreters or entry.interpreters
    wanted = named or sources.chosen.interpreters
    only = wanted if sources.only is None else sources.only
    return Experiment(
        name=name,
        title=entry.title,
        workloads=workloads,
        fresh=fresh,
        interpreters=tuple(i for i in wanted if i in only),
        left_out_interpreters=tuple(i for i in wanted if i not in only) if named else (),
        pinnings=amounts.pinnings or sources.chosen.pinnings,
        concurrency=amounts.concurrency,
        aa_twin=entry.aa_twin,
        blocks=amounts.blocks or sources.chosen.blocks,
        protocol=entry.protocol,
        tasks=amounts.tasks,
        conditions=entry.conditions.model_dump(exclude_none=True),
        window_s=amounts.window_s,
        window_rounds=amounts.window_rounds,
        warmup_s=amounts.warmup_s,
        warmup_rounds=amounts.warmup_rounds,
        population=count,
        cold_window_s=amounts.cold_window_s,
        workload_window_s=amounts.workload_window_s,
    )


def _drawn(
    name: str, names: Sequence[str], draws: int | None, sources: Sources
) -> tuple[tuple[str, ...], Sequence[ConfiguredWorkload]]:
    """The workloads' names with drawn ones in the place of templates, and the drawn ones."""
    where = f"{sources.preset_path}: experiments.{name}"
    templates = [one for one in names if sources.workloads[one].is_template]
    if templates and draws is None:
        raise ConfigError(f"{where}: 'draws' is needed: {templates[0]} is drawn afresh")
    if draws is not None and not templates:
        raise ConfigError(f"{where}.draws: {draws} has no use, remove it: no workload is drawn")
    found = {one: sources.workloads[one].fresh(sources.draw, draws or 0) for one in templates}
    return (
        tuple(each for one in names for each in ([f.name for f in found.get(one, ())] or [one])),
        [each for one in templates for each in found[one]],
    )


def _check_names(name: str, entry: ExperimentEntry, amounts: Amounts, sources: Sources) -> None:
    where = f"experiments.{name}"
    strategies = sources.catalogue.strategies
    device = entry.conditions.device
    found: tuple[tuple[Path, str, Iterable[str] | None, Mapping[str, object]], ...] = (
        (sources.catalogue_path, "workloads", entry.workloads, sources.workloads),
        (sources.catalogue_path, "strategies", entry.strategies, strategies),
        (sources.catalogue_path, "interpreters", entry.interpreters, sources.interpreters),
        (sources.catalogue_path, "conditions.device", device and [device], sources.devices),
        (sources.preset_path, "concurrency", amounts.concurrency, strategies),
        (sources.preset_path, "workload_window_s", amounts.workload_window_s, sources.workloads),
        (sources.preset_path, "workloads", amounts.workloads, sources.workloads),
        (sources.preset_path, "interpreters", amounts.interpreters, sources.interpreters),
    )
    for path, key, names, known in found:
        require_known(names or (), known, path, f"{where}.{key}")


def _check_protocol(name: str, protocol: Protocol, amounts: Amounts, path: Path) -> None:
    """Each protocol has its own amounts: those it needs are there, the other's are not."""
    needed: tuple[str, ...] = STEADY_KEYS
    foreign: tuple[str, ...] = BATCH_KEYS
    if protocol == "batch":
        needed, foreign = BATCH_KEYS, (*STEADY_KEYS, *STEADY_OPTIONS)
    says = f"the protocol is {protocol} (experiments.yaml: experiments.{name}.protocol)"
    for key in needed:
        if key not in amounts.model_fields_set:
            raise ConfigError(f"{path}: experiments.{name}: {key!r} is needed: {says}")
    for key in foreign:
        if key in amounts.model_fields_set:
            raise ConfigError(
                f"{path}: experiments.{name}.{key}: {getattr(amounts, key)!r} has no use, remove "
                f"it: {says}"
            )


def _check_amounts(
    name: str, entry: ExperimentEntry, amounts: Amounts, count: int, sources: Sources
) -> None:
    where = f"{sources.preset_path}: experiments.{name}"
    key = "population" if amounts.tasks is None else "tasks"
    if key == "population" and count > sources.max_population:
        raise ConfigError(
            f"{where}.population: {count} is above the limit of "
            f"{sources.max_population} (config.yaml: limits.max_population)"
        )
    for strategy, sizes in amounts.concurrency.items():
        for size in sizes:
            if size > sources.max_concurrency:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} is above the limit of "
                    f"{sources.max_concurrency} (config.yaml: limits.max_concurrency)"
                )
            if size >= count:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} needs a {key} above it, "
                    f"not {count}: the pool would run out of tasks"
                )
        least = sources.catalogue.strategies[strategy].parameters.get("minimum", 1)
        if min(sizes) < least:
            raise ConfigError(
                f"{where}.concurrency.{strategy}: {min(sizes)} is below the strategy's minimum "
                f"of {least} (experiments.yaml: strategies.{strategy}.parameters.minimum)"
            )
        if strategy not in entry.strategies:
            raise ConfigError(
                f"{where}.concurrency.{strategy}: the experiment does not name this strategy "
                f"(experiments.yaml: experiments.{name}.strategies)"
            )
