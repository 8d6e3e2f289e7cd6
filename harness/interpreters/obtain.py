"""From names to interpreters that can be measured: find, provision, equip, compare."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.interpreters import config
from harness.interpreters.cache import cache_root, home_folder
from harness.interpreters.environment import ensure_environment
from harness.interpreters.find import Found, Places, places, search
from harness.interpreters.interpreter import Interpreter, InterpreterError, WantedInterpreter
from harness.interpreters.provision import provision as provide
from harness.interpreters.provision import rejected
from harness.interpreters.steps import Display, Steps


def ensure(
    names: Sequence[str],
    config_path: Path,
    *,
    provision: bool = True,
    allow_version_differences: bool = False,
) -> list[Interpreter]:
    """Return the named interpreters, verified and equipped, in the given order.

    With `provision` false nothing is downloaded or compiled to obtain an interpreter; worker
    environments are created all the same. Different libraries are refused unless
    ``allow_version_differences``. Progress goes to stderr. Raises InterpreterError
    that lists every interpreter that could not be had, and what to do about it.
    """
    where = _here()
    ready: list[Interpreter] = []
    problems: list[str] = []
    for wanted in config.load(config_path).select(names):
        try:
            found = _obtain(wanted, where, provision)
            ready.append(_equip(wanted, found, where.cache))
        except InterpreterError as error:
            problems.append(str(error))
    if problems:
        raise InterpreterError("\n".join(problems))
    problem = differing_wheels({item.name: item.wheels for item in ready})
    if problem and not allow_version_differences:
        raise InterpreterError(problem)
    return ready


def look_for(config_path: Path) -> tuple[list[str], list[str]]:
    """Names of the default interpreters that are on this machine, and of those that are not.

    Nothing is made or downloaded.
    """
    where = _here()
    found: list[str] = []
    missing: list[str] = []
    known = config.load(config_path)
    for wanted in known.select(known.default):
        try:
            there = search(wanted, where, os.environ).found is not None
        except InterpreterError:
            there = False
        (found if there else missing).append(wanted.name)
    return found, missing


def _here() -> Places:
    """Where this user's interpreters may lie."""
    home = home_folder(os.environ)
    return places(os.environ, home, cache_root(os.environ, home))


def _obtain(wanted: WantedInterpreter, where: Places, provision: bool) -> Found:
    """Find the interpreter or provide it."""
    result = search(wanted, where, os.environ)
    if result.found:
        return result.found
    outcome = ""
    if provision:
        try:
            return provide(wanted, where, _steps_for(wanted.build), os.environ)
        except InterpreterError as error:
            outcome = f"\n{error}"
    raise InterpreterError(not_available(wanted, rejected(result), outcome))


def not_available(wanted: WantedInterpreter, looked: str, outcome: str) -> str:
    """Return the message for an interpreter that is neither there nor to be had."""
    return (
        f"{wanted.name}: no CPython {wanted.short} on this machine: {looked}.{outcome}\n"
        f"Either install CPython {wanted.short} (for instance `uv python install {wanted.short}`), "
        f"or name one with {wanted.environment_variable}=/path/to/python or as `executable` in "
        f"{wanted.source}, or run with fewer: leave {wanted.name} out of the preset's "
        "`interpreters` list"
    )


def _equip(wanted: WantedInterpreter, found: Found, cache: Path) -> Interpreter:
    python, wheels = ensure_environment(wanted, found, cache, _steps_for(wanted.build))
    return Interpreter(
        name=wanted.name,
        executable=found.probe.base_executable,
        python=python,
        version=found.probe.version,
        gil_enabled=wanted.expects_gil,  # verified by ensure_environment
        free_threaded=found.probe.free_threaded,
        found_by=found.candidate.source,
        config_args=found.probe.config_args,
        compiler=found.probe.compiler,
        soabi=found.probe.soabi,
        environment=wanted.environment,
        wheels=wheels,
    )


def _steps_for(title: str) -> Callable[[int, Path], Steps]:
    def make(lock: int, log: Path) -> Steps:
        return Steps(log, Display(title, sys.stderr), lock)

    return make


def differing_wheels(wheels: Mapping[str, Mapping[str, str]]) -> str | None:
    """Return what differs between the interpreters' libraries, None when nothing does.

    Comparing interpreters with different libraries would compare the libraries.
    """
    libraries = sorted({library for installed in wheels.values() for library in installed})
    differences = []
    for library in libraries:
        versions = {name: installed.get(library, "none") for name, installed in wheels.items()}
        if len(set(versions.values())) > 1:
            told = ", ".join(f"{version} on {name}" for name, version in versions.items())
            differences.append(f"{library}: {told}")
    if not differences:
        return None
    return (
        "the interpreters would run different libraries ("
        + "; ".join(differences)
        + "); pin versions in requirements/worker.in that all of them have wheels for and run "
        "`make requirements`; to compare them all the same, set allow_version_differences: true in "
        "config/config.yaml"
    )


def build_differences(interpreters: Sequence[Interpreter]) -> str | None:
    """Return a warning when some interpreters were compiled with PGO or LTO and some not."""
    optimised = [item.name for item in interpreters if item.optimised]
    plain = [item.name for item in interpreters if not item.optimised]
    if not optimised or not plain:
        return None
    return (
        f"{', '.join(optimised)} was compiled with profile-guided or link-time optimisation, "
        f"{', '.join(plain)} was not: part of any difference between them comes from that"
    )
