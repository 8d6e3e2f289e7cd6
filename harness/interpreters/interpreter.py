"""The records this package passes around: what is wanted, what was seen, what is handed out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.base.errors import RefusedError


class InterpreterError(RefusedError):
    """An interpreter cannot be found, built, verified or equipped; the message names the fix."""


@dataclass(frozen=True)
class WantedInterpreter:
    """One entry of interpreters.yaml."""

    name: str
    version: str  # major.minor
    free_threaded: bool = False
    executable: Path | None = None  # an interpreter the user insists on
    source_package: str | None = None  # the distribution's source package that can be built
    suite: str | None = None  # the distribution's release that carries it
    sha256: str | None = None  # of the upstream tarball inside the source package
    environment: Mapping[str, str] = field(default_factory=dict)  # set in every measured process
    source: str = "config/interpreters.yaml"  # the file of this entry, for messages

    @property
    def build(self) -> str:
        """Name of the binary: entries that differ only in their environment share it."""
        return f"cpython-{self.short}"

    @property
    def short(self) -> str:
        """Version as people write it, `3.13t` for the free-threaded build."""
        return self.version + ("t" if self.free_threaded else "")

    @property
    def expects_gil(self) -> bool:
        """Whether a process of this interpreter has to run with the GIL on."""
        return not self.free_threaded or self.environment.get("PYTHON_GIL") == "1"

    @property
    def environment_variable(self) -> str:
        """Name of the variable through which a user may point at an executable."""
        return "EDGE_GIL_HARNESS_" + re.sub(r"[^A-Z0-9]", "_", self.name.upper())


@dataclass(frozen=True)
class Probe:
    """What an executable says about itself (see probe_script.py)."""

    implementation: str
    version: str  # full release, e.g. 3.13.5
    build_text: str  # sys.version: release, build date and compiler
    free_threaded: bool  # compiled with --disable-gil
    gil_enabled: bool  # state of the probed process
    debug: bool
    config_args: str
    compiler: str
    soabi: str
    base_executable: Path  # outside any virtual environment
    base_prefix: Path
    missing_modules: tuple[str, ...]

    @property
    def feature_version(self) -> str:
        """Version as major.minor."""
        return ".".join(self.version.split(".")[:2])

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Probe:
        """Build the record from the probe script's output; KeyError or TypeError if it is not."""
        return cls(
            implementation=str(raw["implementation"]),
            version=str(raw["version"]),
            build_text=str(raw["build_text"]),
            free_threaded=bool(raw["free_threaded"]),
            gil_enabled=bool(raw["gil_enabled"]),
            debug=bool(raw["debug"]),
            config_args=str(raw["config_args"]),
            compiler=str(raw["compiler"]),
            soabi=str(raw["soabi"]),
            base_executable=Path(raw["base_executable"]),
            base_prefix=Path(raw["base_prefix"]),
            missing_modules=tuple(raw["missing_modules"]),
        )


@dataclass(frozen=True)
class Interpreter:
    """A verified interpreter with its worker environment, ready to be measured."""

    name: str
    executable: Path  # the interpreter itself
    python: Path  # the worker environment's python: the one to start trials with
    version: str
    gil_enabled: bool  # after importing every worker library
    free_threaded: bool
    found_by: str
    config_args: str
    compiler: str
    soabi: str
    environment: Mapping[str, str]  # to be set in every process started with `python`
    wheels: Mapping[str, str]  # library -> version in the worker environment

    @property
    def optimised(self) -> bool:
        """Whether it was compiled with profile-guided or link-time optimisation."""
        return "--enable-optimizations" in self.config_args or "--with-lto" in self.config_args

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and for results/<preset>/machine.json."""
        return {
            "executable": str(self.executable),
            "python": str(self.python),
            "version": self.version,
            "gil_enabled": self.gil_enabled,
            "free_threaded": self.free_threaded,
            "found_by": self.found_by,
            "optimised": self.optimised,
            "config_args": self.config_args,
            "compiler": self.compiler,
            "soabi": self.soabi,
            "environment": dict(self.environment),
            "wheels": dict(self.wheels),
        }
