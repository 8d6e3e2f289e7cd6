"""interpreters.yaml of a configuration's folder: which interpreters exist, and their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.base.errors import ConfigError
from harness.base.models import Entry, InterpreterName, InterpreterNames, check
from harness.base.strict_yaml import load as load_yaml
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter

FILE = "interpreters.yaml"


def _quoted(value: Any) -> Any:
    """YAML reads 3.13 as a number, and 3.10 as 3.1."""
    if not isinstance(value, str):
        raise PydanticCustomError("quoted", 'must be quoted, like "3.13"')
    return value


Version = Annotated[str, BeforeValidator(_quoted), Field(pattern=r"^3\.\d+$")]
Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]*$")]
Variables = dict[str, Annotated[str, BeforeValidator(_quoted)]]


class InterpreterEntry(Entry):
    """One entry of ``interpreters``."""

    nullable = ("executable", "source_package", "suite", "sha256")

    version: Version = Field(description='major and minor, quoted: `"3.13"`')
    free_threaded: bool = Field(False, description="whether it is a build without a GIL")
    executable: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="a path, or `null` to search PATH, pyenv, uv, conda and the cache"
    )
    source_package: Package | None = Field(
        None, description="Debian source package to build from when nothing else helps"
    )
    suite: Package | None = Field(None, description="the release that carries it")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="of the tarball inside the source package"
    )
    environment: Variables = Field(
        default_factory=dict, description="variables set in every measured process, quoted"
    )

    @model_validator(mode="after")
    def _has_a_suite(self) -> InterpreterEntry:
        if self.source_package and not self.suite:
            raise PydanticCustomError("suite", "suite is needed with source_package")
        return self


class InterpretersFile(Entry):
    """interpreters.yaml."""

    interpreters: dict[InterpreterName, InterpreterEntry]
    default: InterpreterNames = Field(
        description="those that `python -m harness interpreters` uses when none is named"
    )


@dataclass(frozen=True)
class InterpreterConfig:
    """The file's content: every known interpreter, and those used when none is named.

    ``source`` is how messages call the file.
    """

    known: Mapping[str, WantedInterpreter]
    default: tuple[str, ...]
    source: str

    def select(self, names: Sequence[str]) -> list[WantedInterpreter]:
        """Return the named entries in the given order; InterpreterError for an unknown name."""
        unknown = [name for name in names if name not in self.known]
        if unknown:
            raise InterpreterError(
                f"unknown interpreter {', '.join(map(repr, unknown))}; "
                f"{self.source} knows {', '.join(self.known)}"
            )
        return [self.known[name] for name in dict.fromkeys(names)]


def load(path: Path) -> InterpreterConfig:
    """Read and check the file; ``ConfigError`` names file, key, value and reason."""
    return parse(load_yaml(path), path)


def parse(raw: object, path: Path) -> InterpreterConfig:
    """Check plain data that stand in ``path``; raises ``ConfigError``."""
    file = check(raw, InterpretersFile, path)
    for name in file.default:
        if name not in file.interpreters:
            raise ConfigError(f"{path}: default: {name!r} is not among the interpreters")
    known = {
        name: WantedInterpreter(
            name,
            **entry.said() | {"executable": Path(entry.executable) if entry.executable else None},
            source=str(path),
        )
        for name, entry in file.interpreters.items()
    }
    return InterpreterConfig(known, file.default, str(path))
