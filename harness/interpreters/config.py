"""Read interpreters.yaml of a configuration's folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base import strict_yaml
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter

FILE = "interpreters.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_VERSION = re.compile(r"3\.\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*")


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
    """Read and check the file; InterpreterError names file, key and reason."""
    try:
        raw = strict_yaml.load(path)
    except strict_yaml.ConfigError as error:
        raise InterpreterError(str(error)) from None
    return parse(raw, str(path))


def parse(raw: object, source: str) -> InterpreterConfig:
    """Check plain data; `source` is how error messages call it."""
    top = _mapping(raw, source, allowed={"interpreters", "default"})
    entries = _mapping(top.get("interpreters"), f"{source}: interpreters")
    known = {str(name): _entry(name, value, source) for name, value in entries.items()}
    default = top.get("default")
    if not isinstance(default, list) or not default:
        raise InterpreterError(f"{source}: default: must be a list of interpreter names")
    for name in default:
        if not isinstance(name, str) or name not in known:
            raise InterpreterError(f"{source}: default: {name!r} is not among the interpreters")
    return InterpreterConfig(known, tuple(default), source)


def _mapping(raw: object, where: str, allowed: set[str] | None = None) -> dict[Any, Any]:
    if not isinstance(raw, dict):
        raise InterpreterError(f"{where}: must be a mapping")
    for key in raw:
        if allowed is not None and key not in allowed:
            raise InterpreterError(f"{where}: unknown key {key!r}; allowed: {sorted(allowed)}")
    return raw


def _entry(name: object, raw: object, source: str) -> WantedInterpreter:
    where = f"{source}: interpreters.{name}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InterpreterError(f"{where}: a name is lower-case letters, digits and . _ -")
    keys = set(WantedInterpreter.__dataclass_fields__) - {"name", "source"}
    entry = _mapping(raw, where, allowed=keys)
    free_threaded = entry.get("free_threaded", False)
    if not isinstance(free_threaded, bool):
        raise InterpreterError(f"{where}.free_threaded: must be true or false")
    version = _text(entry, "version", where, _VERSION, 'must be quoted, like "3.13"')
    if version is None:
        raise InterpreterError(f'{where}.version: is missing; write it quoted, like "3.13"')
    executable = _text(entry, "executable", where, re.compile(r".+"), "must be a path or null")
    environment = _mapping(entry.get("environment") or {}, f"{where}.environment")
    for key, value in environment.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise InterpreterError(f'{where}.environment.{key}: must be quoted text, like "1"')
    package = _text(entry, "source_package", where, _PACKAGE, "must be a package's name or null")
    suite = _text(entry, "suite", where, _PACKAGE, "must be a release's name or null")
    if package and not suite:
        raise InterpreterError(f"{where}.suite: is needed with source_package")
    return WantedInterpreter(
        name=name,
        version=version,
        free_threaded=free_threaded,
        executable=Path(executable) if executable else None,
        source_package=package,
        suite=suite,
        sha256=_text(entry, "sha256", where, _SHA256, "must be 64 hexadecimal digits or null"),
        environment=environment,
        source=source,
    )


def _text(
    entry: Mapping[str, object], key: str, where: str, pattern: re.Pattern[str], rule: str
) -> str | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InterpreterError(f"{where}.{key}: {value!r} {rule}")
    return value
