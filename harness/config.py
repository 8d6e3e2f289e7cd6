"""Configuration: read, checked against its schema and against itself, before anything runs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema

from harness.interpreters import config as interpreters_config
from harness.interpreters.model import InterpreterError
from harness.strict_yaml import ConfigError, load

__all__ = ["Config", "ConfigError", "Exclusion", "Experiment", "Strategy", "Workload", "read"]

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "config" / "schema"


@dataclass(frozen=True, slots=True)
class Workload:
    """One entry of workloads.yaml; ``measured`` maps interpreters to cpu_ms and beta.

    ``remote_servers``: its tasks wait on a socket whose far end works on so many requests at a
    time, whatever ``io`` says; None: they wait as ``io`` says.
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
class Experiment:
    """What an experiment measures under the chosen preset.

    ``concurrency`` maps strategies to pool sizes (or the most they may grow to).
    ``warmup_rounds`` is in turns of the whole pool over its tasks' CPU time.
    """

    name: str
    title: str
    workloads: tuple[str, ...]
    pinnings: tuple[int, ...]
    concurrency: Mapping[str, tuple[int, ...]]
    aa_twin: bool
    blocks: int
    window_s: float
    warmup_s: float
    warmup_rounds: float
    population: int
    strategy_warmup_s: Mapping[str, float]
    strategy_window_s: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rules for leaving a trial out of the analysis; shares of its CPU capacity."""

    max_foreign_cpu_share: float
    max_steal_share: float


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one run is made from."""

    root: Path
    seed: int
    preset: str
    io: str
    time_limit_s: float
    exclusion: Exclusion
    interpreters: tuple[str, ...]
    #: the preset asks for these, the user left them out; tables and figures say so
    missing_interpreters: tuple[str, ...]
    has_gil: Mapping[str, bool]
    workloads: Mapping[str, Workload]
    strategies: Mapping[str, Strategy]
    experiments: Mapping[str, Experiment] = field(default_factory=dict)

    def titles(self) -> dict[str, str]:
        """Labels of workloads, strategies and interpreters for tables and figures."""
        return {
            **{workload.name: workload.title for workload in self.workloads.values()},
            **{strategy.name: strategy.label for strategy in self.strategies.values()},
            **{name: name.replace("cpython-", "CPython ") for name in self.interpreters},
            "aa_twin": "A/A twin",
        }


def _is_count(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"integer": _is_count, "number": _is_number}
)
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, type_checker=_CHECKER
)


def _shorten(text: str, length: int) -> str:
    """The text, cut in the middle: the value stands first, the reason last."""
    if len(text) <= length:
        return text
    return f"{text[: length // 2]} … {text[-length // 2 :]}"


def validate(data: Any, schema: str, path: Path) -> None:
    """Check ``data`` against a schema; raises ``ConfigError`` naming file, key and reason."""
    rules = json.loads((SCHEMA_FOLDER / f"{schema}.json").read_text())
    errors = sorted(
        _Validator(rules).iter_errors(data), key=lambda e: list(map(str, e.absolute_path))
    )
    if not errors:
        return
    lines = []
    for error in errors[:5]:
        best = jsonschema.exceptions.best_match([error]) or error
        key = ".".join(str(part) for part in best.absolute_path) or "(top level)"
        lines.append(f"{path}: {key}: {_shorten(best.message, 300)}")
    if len(errors) > 5:
        lines.append(f"{path}: and {len(errors) - 5} more")
    raise ConfigError("\n".join(lines))


def _read(path: Path, schema: str) -> dict[str, Any]:
    data = load(path)
    validate(data, schema, path)
    return dict(data)


def _known(names: Iterable[str], known: Mapping[str, object], path: Path, key: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {key}: {name!r} is not known; known are {', '.join(sorted(known))}"
            )


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
    main = _read(folder / "config.yaml", "config")
    if preset is not None:
        main["preset"] = preset
    if io is not None:
        main["io"] = io
    validate(main, "config", folder / "config.yaml")
    workloads = _workloads(folder)
    catalogue_path = folder / "experiments.yaml"
    catalogue = _read(catalogue_path, "experiments")
    preset_path = folder / "presets" / f"{main['preset']}.yaml"
    if not preset_path.exists():
        known = ", ".join(sorted(p.stem for p in (folder / "presets").glob("*.yaml")))
        raise ConfigError(f"{folder}: preset: {main['preset']!r} is not known; known are {known}")
    chosen = _read(preset_path, "preset")
    try:
        known_interpreters = interpreters_config.load(folder / "interpreters.yaml").known
    except InterpreterError as error:
        raise ConfigError(str(error)) from None
    asked_for = chosen["interpreters"]
    if interpreters is not None:
        chosen["interpreters"] = list(interpreters)
        validate(chosen, "preset", preset_path)
    _known(chosen["interpreters"], known_interpreters, preset_path, "interpreters")
    strategies = {
        name: Strategy(name, entry["kind"], entry["title"], entry["parameters"])
        for name, entry in catalogue["strategies"].items()
    }
    config = Config(
        root=folder.resolve().parent,
        seed=main["seed"],
        preset=main["preset"],
        io=main["io"],
        time_limit_s=main["limits"]["time_limit_s"],
        exclusion=Exclusion(**main["exclusion"]),
        interpreters=tuple(chosen["interpreters"]),
        missing_interpreters=tuple(n for n in asked_for if n not in chosen["interpreters"]),
        has_gil={name: known_interpreters[name].expects_gil for name in chosen["interpreters"]},
        workloads=workloads,
        strategies=strategies,
    )
    experiments = {}
    for name, amounts in chosen["experiments"].items():
        where = f"experiments.{name}"
        _known([name], catalogue["experiments"], preset_path, "experiments")
        entry = catalogue["experiments"][name]
        _known(entry["workloads"], workloads, catalogue_path, f"{where}.workloads")
        _known(entry["strategies"], strategies, catalogue_path, f"{where}.strategies")
        _known(amounts["concurrency"], strategies, preset_path, f"{where}.concurrency")
        for key in ("strategy_warmup_s", "strategy_window_s"):
            _known(amounts.get(key, {}), strategies, preset_path, f"{where}.{key}")
        experiments[name] = _experiment(
            name, entry, amounts, chosen, main, catalogue["strategies"], preset_path
        )
        _known(experiments[name].workloads, workloads, preset_path, f"{where}.workloads")
    return replace(config, experiments=experiments)


def _workloads(folder: Path) -> dict[str, Workload]:
    path = folder / "workloads.yaml"
    found = {}
    for name, entry in _read(path, "workloads")["workloads"].items():
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
        )
    return found


def _experiment(
    name: str,
    entry: Mapping[str, Any],
    amounts: Mapping[str, Any],
    chosen: Mapping[str, Any],
    main: Mapping[str, Any],
    catalogue: Mapping[str, Any],
    path: Path,
) -> Experiment:
    limits = main["limits"]
    where = f"{path}: experiments.{name}"
    if amounts["population"] > limits["max_population"]:
        raise ConfigError(
            f"{where}.population: {amounts['population']} is above the limit of "
            f"{limits['max_population']} (config.yaml: limits.max_population)"
        )
    for strategy, sizes in amounts["concurrency"].items():
        for size in sizes:
            if size > limits["max_concurrency"]:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} is above the limit of "
                    f"{limits['max_concurrency']} (config.yaml: limits.max_concurrency)"
                )
            if size >= amounts["population"]:
                raise ConfigError(
                    f"{where}.concurrency.{strategy}: {size} needs a population above it, "
                    f"not {amounts['population']}: the pool would run out of tasks"
                )
        least = catalogue[strategy]["parameters"].get("minimum", 1)
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
    return Experiment(
        name=name,
        title=entry["title"],
        workloads=tuple(amounts.get("workloads", entry["workloads"])),
        pinnings=tuple(amounts.get("pinnings", chosen["pinnings"])),
        concurrency={s: tuple(sizes) for s, sizes in amounts["concurrency"].items()},
        aa_twin=entry["aa_twin"],
        blocks=amounts.get("blocks", chosen["blocks"]),
        window_s=amounts["window_s"],
        warmup_s=amounts["warmup_s"],
        warmup_rounds=amounts["warmup_rounds"],
        population=amounts["population"],
        strategy_warmup_s=amounts["strategy_warmup_s"],
        strategy_window_s=amounts.get("strategy_window_s", {}),
    )
