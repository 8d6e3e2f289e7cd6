"""The worker environment: a virtual environment with the pinned libraries for one interpreter.

It lies in the cache under a name derived from everything that decides its content, so an
interpreter upgraded in place or an edited requirements file leads to a new one.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.base.whole_files import write_json
from harness.interpreters.cache import exclusive, mark_complete, read_marker
from harness.interpreters.find import Found
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.probe import ProbeError, run_json
from harness.interpreters.provision import find_uv, say
from harness.interpreters.steps import Steps

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
_INSTALL_SECONDS = 3600.0
_VERIFY_SECONDS = 300.0
_VERIFY_SCRIPT = Path(__file__).with_name("verify_script.py")
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)


def normalise(name: str) -> str:
    """Return a library's name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(compiled: str) -> dict[str, str]:
    """Return library -> version of a compiled requirements file."""
    return {normalise(name): version for name, version in _PIN.findall(compiled)}


def direct(source: str) -> list[str]:
    """Return the libraries a requirements source (`*.in`) names."""
    return [normalise(name) for name in _NAME.findall(source)]


def folder_name(wanted: WantedInterpreter, found: Found, compiled: bytes) -> str:
    """Return the environment's name: the build's, and a hash of what decides the content."""
    identity = [str(found.probe.base_executable.resolve()), found.probe.build_text]
    digest = hashlib.sha256("\0".join(identity).encode() + b"\0" + compiled).hexdigest()
    return f"{wanted.build}-{digest[:16]}"


def ensure_environment(
    wanted: WantedInterpreter,
    found: Found,
    cache: Path,
    make_steps: Callable[[int, Path], Steps],
    requirements: Path = REQUIREMENTS,
) -> tuple[Path, dict[str, str]]:
    """Return the environment's python and the versions of its libraries, creating it if needed.

    Raises InterpreterError when the libraries cannot be installed, imported, or switch the
    GIL to another state than the interpreter's entry asks for.
    """
    compiled = (requirements / "worker.txt").read_bytes()
    modules = direct((requirements / "worker.in").read_text(encoding="utf-8"))
    folder = cache / "envs" / folder_name(wanted, found, compiled)
    python = folder / "bin" / "python"
    with exclusive(cache, folder.name, say) as lock:
        if read_marker(folder) is None or not python.exists():
            steps = make_steps(lock, cache / "logs" / f"{folder.name}.log")
            create(folder, found.probe.base_executable, requirements / "worker.txt", steps)
            mark_complete(folder, {"interpreter": found.probe.build_text})
            steps.progress.done("worker environment ready")
        # Entries that share a binary share the environment, yet each is verified as it is run.
        answer = _verified(folder, python, wanted, modules)
    pinned = pins(compiled.decode())
    check(wanted, answer, pinned, modules, folder)
    return python, _libraries(answer, pinned)


def create(folder: Path, base: Path, requirements: Path, steps: Steps) -> None:
    """Create the environment with uv; with pip where uv is missing or does not succeed.

    The two read different configuration: a package index that only pip was told of is no
    reason to fail.
    """
    uv = find_uv()
    if uv:
        try:
            _reset(folder)
            _create_with_uv(uv, folder, base, requirements, steps)
            return
        except InterpreterError as error:
            say(f"uv could not create the worker environment, trying pip: {error}")
    _reset(folder)
    _create_with_pip(folder, base, requirements, steps)


def _reset(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)


def _create_with_uv(uv: str, folder: Path, base: Path, requirements: Path, steps: Steps) -> None:
    cwd = folder.parent
    steps.run(
        "creating the worker environment",
        [uv, "venv", "--no-project", "--python", str(base), str(folder)],
        cwd=cwd,
        limit_seconds=_INSTALL_SECONDS,
    )
    steps.run(
        "installing the worker libraries",
        [
            *(uv, "pip", "install", "--python", str(folder / "bin" / "python")),
            *("--require-hashes", "--no-build", "--compile-bytecode", "-r", str(requirements)),
        ],
        cwd=cwd,
        limit_seconds=_INSTALL_SECONDS,
    )


def _create_with_pip(folder: Path, base: Path, requirements: Path, steps: Steps) -> None:
    cwd = folder.parent
    python = str(folder / "bin" / "python")
    phases = (
        ("creating the worker environment", [str(base), "-m", "venv", str(folder)]),
        (
            "installing the worker libraries",
            [
                *(python, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:"),
                *("--no-compile", "-r", str(requirements)),
            ],
        ),
        # Explicitly: the user may have told Python not to write bytecode, and without it every
        # trial would spend seconds on compiling its imports.
        ("compiling bytecode", [python, "-m", "compileall", "-q", "-j", "0", str(folder / "lib")]),
    )
    for phase, command in phases:
        steps.run(phase, command, cwd=cwd, limit_seconds=_INSTALL_SECONDS)


def _verified(
    folder: Path, python: Path, wanted: WantedInterpreter, modules: list[str]
) -> dict[str, Any]:
    """Import everything once under the entry's environment; later calls read the record."""
    key = hashlib.sha256(repr(sorted(wanted.environment.items())).encode()).hexdigest()[:8]
    record = folder / f"verified-{key}.json"
    known = read_marker(folder, record.name)
    if known is not None:
        return known
    try:
        answer = run_json(
            [str(python), "-s", "-c", _VERIFY_SCRIPT.read_text(encoding="utf-8"), *modules],
            {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | dict(wanted.environment),
            _VERIFY_SECONDS,
        )
    except ProbeError as error:
        raise InterpreterError(
            f"{wanted.name}: importing the worker libraries {error}; remove {folder} to rebuild it"
        ) from None
    if not answer["failures"]:
        write_json(record, answer)
    return answer


def _libraries(answer: Mapping[str, Any], pinned: Mapping[str, str]) -> dict[str, str]:
    installed = {normalise(name): str(version) for name, version in answer["installed"].items()}
    return {name: installed[name] for name in sorted(pinned) if name in installed}


def check(
    wanted: WantedInterpreter,
    answer: Mapping[str, Any],
    pinned: Mapping[str, str],
    modules: list[str],
    folder: Path,
) -> None:
    """Raise InterpreterError unless the environment imports, holds the pins and keeps the GIL."""
    remedy = f"remove {folder} to rebuild it"
    for module, failure in answer["failures"].items():
        raise InterpreterError(f"{wanted.name}: {module} cannot be imported ({failure}); {remedy}")
    installed = {normalise(name): version for name, version in answer["installed"].items()}
    for library, version in pinned.items():
        if library not in installed and library not in modules:
            continue  # pinned for another platform or Python
        if installed.get(library) != version:
            raise InterpreterError(
                f"{wanted.name}: {library} is {installed.get(library)} where "
                f"requirements/worker.txt pins {version}; {remedy}"
            )
    if answer["gil_enabled"] != wanted.expects_gil:
        state = "on" if answer["gil_enabled"] else "off"
        raise InterpreterError(
            f"{wanted.name}: after importing the worker libraries the GIL is {state}; a library "
            "in requirements/worker.txt changed it, pin a version that does not"
        )
