"""One experiment: what the catalogue says of it, and how much of it a preset measures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.schema import require_known
from harness.strict_yaml import ConfigError

Protocol = Literal["steady", "batch"]
#: keys of a preset's experiment that one of the protocols needs and the other has no use for
STEADY_KEYS = ("window_s", "warmup_s", "warmup_rounds", "population")
STEADY_OPTIONS = ("window_rounds", "cold_window_s", "workload_window_s")
BATCH_KEYS = ("tasks",)


@dataclass(frozen=True, slots=True)
class Experiment:
    """What an experiment measures under the chosen preset.

    ``concurrency`` maps strategies to pool sizes (or the most they may grow to).
    ``warmup_rounds`` and ``window_rounds`` are in turns of the whole pool over its tasks' CPU
    time. ``cold_window_s`` is the window of strategies that are measured from the first submit;
    None: that of the others. With protocol ``batch`` there is neither warm-up nor window, and
    ``population`` is ``tasks``.
    """

    name: str
    title: str
    workloads: tuple[str, ...]
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
    catalogue: Mapping[str, Any]
    preset_path: Path
    chosen: Mapping[str, Any]
    limits: Mapping[str, Any]
    workloads: Mapping[str, object]
    interpreters: Mapping[str, object]
    only: Sequence[str] | None
    devices: Mapping[str, object]


def read_experiment(name: str, sources: Sources) -> Experiment:
    """Read and check the experiment ``name`` of a preset; raises ``ConfigError``."""
    amounts = sources.chosen["experiments"][name]
    require_known([name], sources.catalogue["experiments"], sources.preset_path, "experiments")
    entry = sources.catalogue["experiments"][name]
    _check_names(name, entry, amounts, sources)
    protocol: Protocol = entry.get("protocol", "steady")
    _check_protocol(name, protocol, amounts, sources.preset_path)
    _check_amounts(name, entry, amounts, sources)
    named = amounts.get("interpreters", entry.get("interpreters"))
    wanted = tuple(named or sources.chosen["interpreters"])
    only = wanted if sources.only is None else sources.only
    return Experiment(
        name=name,
        title=entry["title"],
        workloads=tuple(amounts.get("workloads", entry["workloads"])),
        interpreters=tuple(i for i in wanted if i in only),
        left_out_interpreters=tuple(i for i in wanted if i not in only) if named else (),
        pinnings=tuple(amounts.get("pinnings", sources.chosen["pinnings"])),
        concurrency={s: tuple(sizes) for s, sizes in amounts["concurrency"].items()},
        aa_twin=entry["aa_twin"],
        blocks=amounts.get("blocks", sources.chosen["blocks"]),
        protocol=protocol,
        tasks=amounts.get("tasks"),
        conditions=entry.get("conditions", {}),
        window_s=amounts.get("window_s", 0.0),
        window_rounds=amounts.get("window_rounds", 0.0),
        warmup_s=amounts.get("warmup_s", 0.0),
        warmup_rounds=amounts.get("warmup_rounds", 0.0),
        population=_population(amounts),
        cold_window_s=amounts.get("cold_window_s"),
        workload_window_s=amounts.get("workload_window_s", {}),
    )


def _population(amounts: Mapping[str, Any]) -> int:
    """Tasks outstanding at the start: all of them in a batch."""
    count: int = amounts["tasks"] if "tasks" in amounts else amounts["population"]
    return count


def _check_names(
    name: str, entry: Mapping[str, Any], amounts: Mapping[str, Any], sources: Sources
) -> None:
    where = f"experiments.{name}"
    strategies = sources.catalogue["strategies"]
    for key, known in (
        ("workloads", sources.workloads),
        ("strategies", strategies),
        ("interpreters", sources.interpreters),
    ):
        require_known(entry.get(key, ()), known, sources.catalogue_path, f"{where}.{key}")
    device = entry.get("conditions", {}).get("device")
    if device is not None:
        require_known(
            [device], sources.devices, sources.catalogue_path, f"{where}.conditions.device"
        )
    for key, known in (
        ("concurrency", strategies),
        ("workload_window_s", sources.workloads),
        ("workloads", sources.workloads),
        ("interpreters", sources.interpreters),
    ):
        require_known(amounts.get(key, ()), known, sources.preset_path, f"{where}.{key}")


def _check_protocol(name: str, protocol: Protocol, amounts: Mapping[str, Any], path: Path) -> None:
    """Each protocol has its own amounts: those it needs are there, the other's are not."""
    needed: tuple[str, ...] = STEADY_KEYS
    foreign: tuple[str, ...] = BATCH_KEYS
    if protocol == "batch":
        needed, foreign = BATCH_KEYS, (*STEADY_KEYS, *STEADY_OPTIONS)
    says = f"the protocol is {protocol} (experiments.yaml: experiments.{name}.protocol)"
    for key in needed:
        if key not in amounts:
            raise ConfigError(f"{path}: experiments.{name}: {key!r} is needed: {says}")
    for key in foreign:
        if key in amounts:
            raise ConfigError(
                f"{path}: experiments.{name}.{key}: {amounts[key]!r} has no use, remove it: {says}"
            )


def _check_amounts(
    name: str, entry: Mapping[str, Any], amounts: Mapping[str, Any], sources: Sources
) -> None:
    limits = sources.limits
    where = f"{sources.preset_path}: experiments.{name}"
    key = "tasks" if "tasks" in amounts else "population"
    count = _population(amounts)
    if key == "population" and count > limits["max_population"]:
        raise ConfigError(
            f"{where}.population: {count} is above the limit of "
            f"{limits['max_population']} (config.yaml: limits.max_population)"
        )
    for strategy, sizes in amounts["concurrency"].items():
        for size in sizes:
            if size > limits["max_concurrency"]:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} is above the limit of "
                    f"{limits['max_concurrency']} (config.yaml: limits.max_concurrency)"
                )
            if size >= count:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} needs a {key} above it, "
                    f"not {count}: the pool would run out of tasks"
                )
        parameters = sources.catalogue["strategies"][strategy]["parameters"]
        least = parameters.get("minimum", 1)
        if min(sizes) < least:
            raise ConfigError(
                f"{where}.concurrency.{strategy}: {min(sizes)} is below the strategy's minimum "
                f"of {least} (experiments.yaml: strategies.{strategy}.parameters.minimum)"
            )
        if strategy not in entry["strategies"]:
            raise ConfigError(
                f"{where}.concurrency.{strategy}: the experiment does not name this strategy "
                f"(experiments.yaml: experiments.{name}.strategies)"
            )
