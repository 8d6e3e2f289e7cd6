"""The workloads of a configuration: the entries of workloads.yaml."""

import random
import re
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.base.errors import ConfigError
from harness.base.models import Entry, InterpreterName, Name, Number, Title, check
from harness.base.strict_yaml import load
from harness.design.likeness import resolve
from harness.random_task import RandomTask, draw

FILE = "workloads.yaml"
#: seeds that are drawn afresh; those below are for whoever works on a runtime
FRESH_SEEDS = range(1000, 1_000_000)


class Measured(Entry):
    """What a lone worker took for a task on one interpreter."""

    cpu_ms: Number = Field(ge=0, le=1e6)
    beta: Number = Field(ge=0, le=1)


class Model(Entry):
    """The network that a workload runs."""

    image_size: int = Field(ge=32, le=1024)
    seed: int = Field(ge=0, le=2**31 - 1)
    path: str | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None


def _parameters(value: Any) -> Any:
    """Named numbers, texts, truths, and lists of the first two."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("mapping", "a mapping is expected")
    for name, content in value.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise PydanticCustomError("name", "a parameter's name has letters, digits and _")
        single = content if isinstance(content, list) else [content]
        kinds = (int, float, str) if isinstance(content, list) else (int, float, str, bool)
        if not all(isinstance(part, kinds) and _finite(part) for part in single):
            raise PydanticCustomError("parameter", "a parameter is a number, a text or a list")
        if isinstance(content, list) and any(isinstance(part, bool) for part in content):
            raise PydanticCustomError("parameter", "a list holds numbers and texts")
    return dict(value)


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or abs(value) < float("inf")


class WorkloadEntry(Entry):
    """One entry of workloads.yaml."""

    nullable = ("printed_beta",)

    title: Title = Field(description="label in tables and figures")
    file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\.py$")] = Field(
        description="a file in `workloads/`"
    )
    kind: Literal["profile", "synthetic"] = Field(description="`profile` or `synthetic`")
    parameters: Annotated[dict[str, Any], BeforeValidator(_parameters)] = Field(
        description="passed to the file's `setup(**parameters)`; `wait_ms` is required, but for "
        "`drawn` workloads"
    )
    needs_model: bool = Field(
        False, description="the workload gets `model_path` and `model_sha256`"
    )
    model: Model | None = Field(
        None,
        description="a MobileNetV2 generated from `image_size` and `seed`, or the file at `path` "
        "after its `sha256` was checked",
    )
    cpu_by_clock: bool = Field(
        False,
        description="`true` where tasks compute until a clock has counted `parameters.cpu_ms` of "
        "CPU time, or an amount that was found with one at set-up: a faster machine does no more "
        "of them, so their throughput is not adjusted for its speed, but for CPU time beyond "
        "`cpu_ms`",
    )
    drawn: bool = Field(
        False,
        description="`true`: the file is `drawn.py`, and a seed says what its tasks are. Without "
        "`seed` among the parameters the entry stands for as many tasks as a preset's `draws` asks "
        "for, drawn by `draw` of config.yaml",
    )
    remote_servers: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="its tasks wait on a loopback socket, whatever `io` says, whose far end works "
        "on so many requests at a time",
    )
    printed_beta: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        None, description="the blocking ratio the paper prints, or `null`"
    )
    measured: dict[InterpreterName, Measured] = Field(
        default_factory=dict,
        description="per interpreter, CPU milliseconds and blocking ratio of a lone worker, found "
        "with `python -m harness calibrate`; used for the warm-up and for choosing the A/A "
        "twin's size, never for results",
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.needs_model and self.model is None:
            raise PydanticCustomError("model", "needs_model asks for a model")
        wait_ms = self.parameters.get("wait_ms", 0 if self.drawn else None)
        if isinstance(wait_ms, (bool, str, list)) or wait_ms is None or not 0 <= wait_ms <= 600_000:
            raise PydanticCustomError("wait", "wait_ms is needed, from 0 to 600000")
        cpu_ms = self.parameters.get("cpu_ms")
        timed = isinstance(cpu_ms, (int, float)) and not isinstance(cpu_ms, bool) and cpu_ms >= 0
        if self.cpu_by_clock and not timed:
            raise PydanticCustomError(
                "clock", "cpu_by_clock asks for a number cpu_ms of parameters"
            )
        return self


class ConfiguredWorkload(WorkloadEntry):
    """An entry with its name and the place of its file."""

    name: str
    path: Path

    @property
    def is_template(self) -> bool:
        """Whether it stands for tasks that are yet to be drawn."""
        return self.drawn and "seed" not in self.parameters

    @cached_property
    def task(self) -> RandomTask | None:
        """What its seed stands for, if it has one."""
        return draw(**self.parameters) if self.drawn and not self.is_template else None

    @property
    def servers(self) -> int | None:
        """How many requests at a time the remote works on that its tasks wait for, if for one."""
        return self.remote_servers if self.task is None else self.task.servers or None

    def fresh(self, draw_seed: int, count: int) -> Sequence["ConfiguredWorkload"]:
        """``count`` tasks in place of a template; other seeds for every ``draw_seed``."""
        seeds = random.Random(draw_seed).sample(FRESH_SEEDS, count)
        return [
            self.model_copy(
                update={
                    "name": f"{self.name}_{seed}",
                    "title": f"{self.title} {seed}",
                    "parameters": self.parameters | {"seed": seed},
                }
            )
            for seed in seeds
        ]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of a task on the slowest interpreter it was measured on; where it was
        measured on none, what its parameters ask for, or 0 where these do not say."""
        if self.task is not None:
            return self.task.cpu_s
        asked_for = float(self.parameters.get("cpu_ms", 0.0))
        return max((float(m.cpu_ms) for m in self.measured.values()), default=asked_for) / 1e3

    @property
    def wait_s(self) -> float:
        """How long a task waits."""
        if self.task is not None:
            return self.task.wait_s
        return float(self.parameters["wait_ms"]) / 1e3


def is_one_of(name: str, wanted: Container[str]) -> bool:
    """Whether a workload is wanted by its name or by that of the template it was drawn from."""
    return name in wanted or re.sub(r"_\d+$", "", name) in wanted


class WorkloadsFile(Entry):
    """workloads.yaml."""

    workloads: Annotated[dict[Name, WorkloadEntry], Field(min_length=1)]


def read_workloads(folder: Path) -> dict[str, ConfiguredWorkload]:
    """The workloads of a configuration's folder; raises ``ConfigError``.

    Their files are looked for in ``workloads/`` beside ``folder``.
    """
    path = folder / FILE
    document = resolve(load(path), ("workloads",), path)
    found = {}
    for name, entry in check(document, WorkloadsFile, path).workloads.items():
        file = folder.resolve().parent / "workloads" / entry.file
        if not file.is_file():
            raise ConfigError(f"{path}: workloads.{name}.file: {entry.file} is not in workloads/")
        found[name] = ConfiguredWorkload(name=name, path=file, **entry.said())
    return found
