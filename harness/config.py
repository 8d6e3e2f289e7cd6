"""Configuration: read, checked against its schema and against itself, before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.device import Device, read_devices
from harness.exclusion import Exclusion, read_rules
from harness.experiment import Experiment, Sources, read_experiment
from harness.interpreters import config as interpreters_config
from harness.interpreters.model import InterpreterError
from harness.schema import read_checked, require_known, validate
from harness.strict_yaml import ConfigError

__all__ = ["Config", "ConfigError", "Exclusion", "Experiment", "Strategy", "Workload", "read"]


@dataclass(frozen=True, slots=True)
class Workload:
    """One entry of workloads.yaml; ``measured`` maps interpreters to cpu_ms and beta.

    ``remote_servers``: its tasks wait on a socket whose far end works on so many requests at a
    time, whatever ``io`` says; None: they wait as ``io`` says. ``cpu_by_clock``: its tasks
    compute for ``cpu_ms`` of their parameters by a clock, at any speed of the machine.
    """

    name: str
    title: str
    file: Path
    kind: str
    parameters: Mapping[str, Any]
    needs_model: bool
    printed_beta: float | None
    measured: Mapping[str, Mapping[str, float]]
    model: Mapping[str, Any]
    remote_servers: int | None = None
    cpu_by_clock: bool = False


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of running tasks, with the parameters of its implementation."""

    name: str
    kind: str
    title: str
    parameters: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The title; where a published tick was compressed, with both ticks."""
        published = self.parameters.get("published_tick_ms")
        tick = self.parameters.get("tick_ms")
        if published is None or published == tick:
            return self.title
        return f"{self.title} (tick {tick:g}, not {published:g} ms)"


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often, and for how much of the plan's time, excluded trials are measured again."""

    max_attempts: int
    max_extra_share: float


@dataclass(frozen=True, slots=True)
class BusyStart:
    """When a machine counts as busy before a block, and whether that stops the run."""

    max_foreign_cpu_share: float
    sample_s: float
    refuse_busy: bool


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one run is made from."""

    root: Path
    seed: int
    preset: str
    io: str
    time_limit_s: float
    exclusion: Exclusion
    repeat: Repeat
    busy_start: BusyStart
    #: what any experiment runs on, and of these what experiments without their own list run on
    interpreters: tuple[str, ...]
    common_interpreters: tuple[str, ...]
    #: the preset asks for these, the user left them out; tables and figures say so
    missing_interpreters: tuple[str, ...]
    has_gil: Mapping[str, bool]
    devices: Mapping[str, Device]
    workloads: Mapping[str, Workload]
    strategies: Mapping[str, Strategy]
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    #: whether trials may be compared that ran different versions of a library
    allow_version_differences: bool = False

    def clocked(self) -> list[str]:
        """The workloads whose tasks compute until a clock says so."""
        return [name for name, workload in self.workloads.items() if workload.cpu_by_clock]

    def titles(self) -> dict[str, str]:
        """Labels of workloads, strategies and interpreters for tables and figures."""
        return {
            **{workload.name: workload.title for workload in self.workloads.values()},
            **{strategy.name: strategy.label for strategy in self.strategies.values()},
            **{name: name.replace("cpython-", "CPython ") for name in self.interpreters},
            "aa_twin": "A/A twin",
        }


def read(
    folder: Path,
    *,
    preset: str | None = None,
    interpreters: Sequence[str] | None = None,
    io: str | None = None,
) -> Config:
    """Read the configuration in ``folder``; arguments override what the files say.

    Workload files are looked for in ``workloads/`` beside ``folder``. Raises
    ``ConfigError``; never touches anything.
    """
    main = read_checked(folder / "config.yaml", "config")
    if preset is not None:
        main["preset"] = preset
    if io is not None:
        main["io"] = io
    validate(main, "config", folder / "config.yaml")
    workloads = _workloads(folder)
    catalogue_path = folder / "experiments.yaml"
    catalogue = read_checked(catalogue_path, "experiments")
    preset_path = folder / "presets" / f"{main['preset']}.yaml"
    if not preset_path.exists():
        known = ", ".join(sorted(p.stem for p in (folder / "presets").glob("*.yaml")))
        raise ConfigError(f"{folder}: preset: {main['preset']!r} is not known; known are {known}")
    chosen = read_checked(preset_path, "preset")
    try:
        known_interpreters = interpreters_config.load(folder / "interpreters.yaml").known
    except InterpreterError as error:
        raise ConfigError(str(error)) from None
    asked_for = chosen["interpreters"]
    if interpreters is not None:
        chosen["interpreters"] = list(interpreters)
        validate(chosen, "preset", preset_path)
    require_known(chosen["interpreters"], known_interpreters, preset_path, "interpreters")
    devices = read_devices(folder / "devices.yaml")
    sources = Sources(
        catalogue_path=catalogue_path,
        catalogue=catalogue,
        preset_path=preset_path,
        chosen=chosen,
        limits=main["limits"],
        workloads=workloads,
        interpreters=known_interpreters,
        only=interpreters,
        devices=devices,
    )
    experiments = {name: read_experiment(name, sources) for name in chosen["experiments"]}
    named = [name for e in experiments.values() for name in e.interpreters]
    left_out = [name for e in experiments.values() for name in e.left_out_interpreters]
    used = tuple(dict.fromkeys(n for n in (*chosen["interpreters"], *named) if n in named))
    if not used:
        raise ConfigError(
            f"{preset_path}: interpreters: no experiment runs on "
            f"{', '.join(chosen['interpreters'])}; the experiments of this preset name "
            f"{', '.join(dict.fromkeys(left_out))}"
        )
    missing = [n for n in asked_for if n not in chosen["interpreters"]] + left_out
    return Config(
        root=folder.resolve().parent,
        seed=main["seed"],
        preset=main["preset"],
        io=main["io"],
        time_limit_s=main["limits"]["time_limit_s"],
        exclusion=read_rules(main["exclusion"]),
        repeat=Repeat(**main["repeat"]),
        busy_start=BusyStart(**main["busy_start"]),
        allow_version_differences=main.get("allow_version_differences", False),
        interpreters=used,
        common_interpreters=tuple(n for n in used if n in chosen["interpreters"]) or used,
        missing_interpreters=tuple(dict.fromkeys(n for n in missing if n not in used)),
        has_gil={name: known_interpreters[name].expects_gil for name in used},
        devices=devices,
        workloads=workloads,
        strategies={
            name: Strategy(name, entry["kind"], entry["title"], entry["parameters"])
            for name, entry in catalogue["strategies"].items()
        },
        experiments=experiments,
    )


def _workloads(folder: Path) -> dict[str, Workload]:
    path = folder / "workloads.yaml"
    found = {}
    for name, entry in read_checked(path, "workloads")["workloads"].items():
        file = folder.resolve().parent / "workloads" / entry["file"]
        if not file.is_file():
            raise ConfigError(
                f"{path}: workloads.{name}.file: {entry['file']} is not in workloads/"
            )
        found[name] = Workload(
            name=name,
            title=entry["title"],
            file=file,
            kind=entry["kind"],
            parameters=entry["parameters"],
            needs_model=entry.get("needs_model", False),
            printed_beta=entry.get("printed_beta"),
            measured=entry.get("measured", {}),
            model=entry.get("model", {}),
            remote_servers=entry.get("remote_servers"),
            cpu_by_clock=entry.get("cpu_by_clock", False),
        )
    return found
