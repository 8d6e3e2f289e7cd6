"""Configuration: read, checked against its models and against itself, before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.base.errors import ConfigError
from harness.base.models import Entry, Name, Number, check, require_known
from harness.base.strict_yaml import load
from harness.design.device import Device, read_devices
from harness.design.experiment import Experiment, Preset, Sources, read_catalogue, read_experiment
from harness.design.likeness import resolve
from harness.design.rules import Exclusion
from harness.design.strategies import ConfiguredStrategy, with_names
from harness.design.workloads import ConfiguredWorkload, read_workloads
from harness.interpreters import config as interpreters_config


class Limits(Entry):
    """What no trial goes beyond."""

    time_limit_s: Number = Field(
        ge=1,
        le=86_400,
        description="seconds until a trial that is not ready, or does not report, becomes a "
        "`timeout`",
    )
    max_concurrency: int = Field(
        ge=1, le=65_536, description="larger pools in presets are refused as typing errors"
    )
    max_population: int = Field(
        ge=1, le=1_048_576, description="larger populations are refused likewise"
    )


class Repeat(Entry):
    """How often, and for how much of the plan's time, excluded trials are measured again."""

    max_attempts: int = Field(
        ge=0,
        le=10,
        description="how often a trial that a rule left out is measured again, after the last "
        "block",
    )
    max_extra_share: Number = Field(
        ge=0,
        le=10,
        description="for all repetitions together, the share of the plan's time they may take; "
        "where that is not enough, chance decides which are measured",
    )


class BusyStart(Entry):
    """When a machine counts as busy before a block, and whether that stops the run."""

    max_foreign_cpu_share: Number = Field(
        gt=0, le=1000, description="a warning names whoever uses more than this share of the CPUs"
    )
    sample_s: Number = Field(
        ge=0.1, le=60, description="so many seconds the machine is watched before each block"
    )
    refuse_busy: bool = Field(description="`true`: stop there instead")


class Main(Entry):
    """config.yaml."""

    seed: int = Field(
        ge=0,
        le=2**31 - 1,
        description="fixes the order of cells and trials; same seed and configuration, same plan",
    )
    draw: int = Field(
        1,
        ge=0,
        le=2**31 - 1,
        description="which tasks are drawn for `drawn` workloads: another number, other tasks; "
        "`--config draw=7` says it for one run, and every trial's record has its task's seed",
    )
    preset: Name = Field(description="the preset used when the command line names none")
    io: Literal["sleep", "socket"] = Field(
        description="`sleep`: tasks wait by sleeping; `socket`: on a loopback socket served by "
        "another process"
    )
    allow_version_differences: bool = Field(
        False,
        description="`true`: compare interpreters although they ran different versions of a "
        "library, and say so in the tables' notes; `false`: refuse, naming library and versions",
    )
    limits: Limits
    exclusion: Exclusion
    repeat: Repeat
    busy_start: BusyStart


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
    workloads: Mapping[str, ConfiguredWorkload]
    strategies: Mapping[str, ConfiguredStrategy]
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
    draw: int | None = None,
) -> Config:
    """Read the configuration in ``folder``; arguments override what the files say.

    Workload files are looked for in ``workloads/`` beside ``folder``. Raises
    ``ConfigError``; never touches anything.
    """
    given = {"preset": preset, "io": io, "draw": draw}
    main = check(
        _changed(load(folder / "config.yaml"), {k: v for k, v in given.items() if v is not None}),
        Main,
        folder / "config.yaml",
    )
    workloads = read_workloads(folder)
    catalogue_path = folder / "experiments.yaml"
    catalogue = read_catalogue(catalogue_path)
    strategies = with_names(catalogue.strategies, catalogue_path)
    preset_path = folder / "presets" / f"{main.preset}.yaml"
    if not preset_path.exists():
        known = ", ".join(sorted(p.stem for p in (folder / "presets").glob("*.yaml")))
        raise ConfigError(f"{folder}: preset: {main.preset!r} is not known; known are {known}")
    document = resolve(load(preset_path), ("experiments",), preset_path)
    chosen = check(document, Preset, preset_path)
    known_interpreters = interpreters_config.load(folder / interpreters_config.FILE).known
    asked_for = chosen.interpreters
    if interpreters is not None:
        chosen = check(_changed(document, {"interpreters": [*interpreters]}), Preset, preset_path)
    require_known(chosen.interpreters, known_interpreters, preset_path, "interpreters")
    devices = read_devices(folder / "devices.yaml")
    sources = Sources(
        catalogue_path=catalogue_path,
        catalogue=catalogue,
        preset_path=preset_path,
        chosen=chosen,
        max_concurrency=main.limits.max_concurrency,
        max_population=main.limits.max_population,
        workloads=workloads,
        draw=main.draw,
        interpreters=known_interpreters,
        only=interpreters,
        devices=devices,
    )
    experiments = {name: read_experiment(name, sources) for name in chosen.experiments}
    workloads |= {one.name: one for e in experiments.values() for one in e.fresh}
    named = [name for e in experiments.values() for name in e.interpreters]
    left_out = [name for e in experiments.values() for name in e.left_out_interpreters]
    used = tuple(dict.fromkeys(n for n in (*chosen.interpreters, *named) if n in named))
    if not used:
        raise ConfigError(
            f"{preset_path}: interpreters: no experiment runs on "
            f"{', '.join(chosen.interpreters)}; the experiments of this preset name "
            f"{', '.join(dict.fromkeys(left_out))}"
        )
    missing = [n for n in asked_for if n not in chosen.interpreters] + left_out
    return Config(
        root=folder.resolve().parent,
        seed=main.seed,
        preset=main.preset,
        io=main.io,
        time_limit_s=main.limits.time_limit_s,
        exclusion=main.exclusion,
        repeat=main.repeat,
        busy_start=main.busy_start,
        allow_version_differences=main.allow_version_differences,
        interpreters=used,
        common_interpreters=tuple(n for n in used if n in chosen.interpreters) or used,
        missing_interpreters=tuple(dict.fromkeys(n for n in missing if n not in used)),
        has_gil={name: known_interpreters[name].expects_gil for name in used},
        devices=devices,
        workloads=workloads,
        strategies=strategies,
        experiments=experiments,
    )


def _changed(document: Any, changes: Mapping[str, Any]) -> Any:
    """A document with some keys replaced; what is no mapping is left for the check to refuse."""
    return {**document, **changes} if isinstance(document, Mapping) else document
