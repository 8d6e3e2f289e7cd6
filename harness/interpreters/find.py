"""Find an interpreter that is already on the machine.

The places are tried in a fixed order and the first match wins: the path the user names, PATH,
pyenv, uv, conda, our own cache. The order puts what the user set up before what we built.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.interpreters.cache import expanded, is_complete
from harness.interpreters.interpreter import InterpreterError, Probe, WantedInterpreter
from harness.interpreters.probe import ProbeError, probe


@dataclass(frozen=True)
class Places:
    """Where to look; built once from the user's environment."""

    path: tuple[Path, ...]
    pyenv_versions: Path
    uv_folders: tuple[Path, ...]
    conda_prefixes: tuple[Path, ...]
    cache: Path


@dataclass(frozen=True)
class Candidate:
    """An executable worth asking, and the place that offered it."""

    executable: Path
    source: str


@dataclass(frozen=True)
class Rejection:
    """A candidate that was asked and is not what is wanted."""

    candidate: Candidate
    reason: str

    def __str__(self) -> str:
        return f"{self.candidate.executable} ({self.candidate.source}): {self.reason}"


@dataclass(frozen=True)
class Found:
    """The first candidate that matched."""

    candidate: Candidate
    probe: Probe


@dataclass(frozen=True)
class Search:
    """Outcome of a search: `found` is None when every candidate was rejected."""

    found: Found | None
    rejections: tuple[Rejection, ...]


def places(environ: Mapping[str, str], home: Path, cache: Path) -> Places:
    """Work out where interpreters may lie; touches no file but conda's list of environments."""
    data_home = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv_default = Path(environ.get("UV_PYTHON_INSTALL_DIR") or data_home / "uv" / "python")
    return Places(
        path=tuple(Path(item) for item in environ.get("PATH", "").split(os.pathsep) if item),
        pyenv_versions=Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        uv_folders=(uv_default, cache / "uv"),
        conda_prefixes=_conda_prefixes(environ, home),
        cache=cache,
    )


def _conda_prefixes(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """List conda's environments: the active one, those conda recorded, those of usual roots."""
    prefixes = [Path(environ["CONDA_PREFIX"])] if environ.get("CONDA_PREFIX") else []
    recorded = home / ".conda" / "environments.txt"
    with suppress(OSError):  # there is none, or it is not this user's
        lines = recorded.read_text(encoding="utf-8", errors="replace").splitlines()
        prefixes += [Path(line.strip()) for line in lines if line.strip()]
    roots = [home / name for name in ("miniforge3", "mambaforge", "miniconda3", "anaconda3")]
    if environ.get("MAMBA_ROOT_PREFIX"):
        roots.insert(0, Path(environ["MAMBA_ROOT_PREFIX"]))
    for root in roots:
        prefixes += [root, *sorted((root / "envs").glob("*"))]
    return tuple(dict.fromkeys(prefixes))


def executable_names(wanted: WantedInterpreter) -> tuple[str, ...]:
    """Return file names under which the wanted interpreter may be installed."""
    plain = f"python{wanted.version}"
    # Some installers name the free-threaded build without the t.
    return (plain + "t", plain) if wanted.free_threaded else (plain,)


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def key(folder: Path) -> tuple[list[int], str]:
        return [int(number) for number in re.findall(r"\d+", folder.name)][:3], folder.name

    return sorted(folders, key=key, reverse=True)


def candidates(
    wanted: WantedInterpreter, where: Places, environ: Mapping[str, str]
) -> Iterator[Candidate]:
    """Yield the executables that exist, in the order of this file's docstring, each path once."""
    seen: set[Path] = set()
    for candidate in _every_candidate(wanted, where, environ):
        # The path itself is compared, not its target: a virtual environment's python is a
        # link to its base and both answer with the same base executable.
        if candidate.executable not in seen and os.access(candidate.executable, os.X_OK):
            seen.add(candidate.executable)
            yield candidate


def _every_candidate(
    wanted: WantedInterpreter, where: Places, environ: Mapping[str, str]
) -> Iterator[Candidate]:
    explicit = named_by_user(wanted, environ)
    if explicit:
        yield explicit
        return
    names = executable_names(wanted)
    version = wanted.version
    folders: list[tuple[str, list[Path]]] = [
        ("PATH", list(where.path)),
        ("pyenv", [f / "bin" for f in _newest_first(where.pyenv_versions.glob(f"{version}*"))]),
        *(
            ("uv", [f / "bin" for f in _newest_first(folder.glob(f"cpython-{version}*"))])
            for folder in where.uv_folders
        ),
        ("conda", [prefix / "bin" for prefix in where.conda_prefixes]),
    ]
    built = built_prefix(where.cache, wanted)
    if is_complete(built):
        folders.append(("own build", [built / "bin"]))
    for source, paths in folders:
        for folder in paths:
            for name in names:
                yield Candidate((folder / name).absolute(), source)


def named_by_user(wanted: WantedInterpreter, environ: Mapping[str, str]) -> Candidate | None:
    """Return the executable the user insists on, by variable or by configuration."""
    variable = wanted.environment_variable
    if environ.get(variable):
        return Candidate(expanded(Path(environ[variable])), variable)
    if wanted.executable is not None:
        return Candidate(expanded(wanted.executable), wanted.source)
    return None


def built_prefix(cache: Path, wanted: WantedInterpreter) -> Path:
    """Return the folder into which a build from source is installed."""
    return cache / "interpreters" / wanted.build


def why_not(  # noqa: PLR0911 (one return for each reason)
    wanted: WantedInterpreter, seen: Probe
) -> str | None:
    """Return the reason why `seen` is not what is wanted, None if it is."""

    def offered(what: str) -> str:
        return f"{what} was offered where {wanted.short} is wanted"

    if seen.implementation != "CPython":
        return offered(f"{seen.implementation} {seen.version}")
    if seen.feature_version != wanted.version:
        return offered(seen.version)
    if seen.free_threaded and not wanted.free_threaded:
        return offered(f"free-threaded {seen.version}")
    if wanted.free_threaded and not seen.free_threaded:
        return offered(f"{seen.version} with a GIL")
    if seen.debug:
        return offered(f"a debug build of {seen.version}")
    if seen.missing_modules:
        return f"it was compiled without {', '.join(seen.missing_modules)}"
    if seen.gil_enabled != wanted.expects_gil:
        state = "on" if seen.gil_enabled else "off"
        expected = "on" if wanted.expects_gil else "off"
        return f"its GIL is {state} at start-up where it has to be {expected}"
    return None


def search(
    wanted: WantedInterpreter,
    where: Places,
    environ: Mapping[str, str],
    ask: Callable[[Path, Mapping[str, str]], Probe] = probe,
) -> Search:
    """Ask each candidate until one matches.

    Raises InterpreterError when the user named an executable and that one does not serve:
    silently measuring another would be worse than stopping.
    """
    rejections: list[Rejection] = []
    for candidate in candidates(wanted, where, environ):
        try:
            answer = ask(candidate.executable, wanted.environment)
            reason = why_not(wanted, answer)
        except ProbeError as error:
            reason = str(error)
        else:
            if reason is None:
                return Search(Found(candidate, answer), tuple(rejections))
        rejections.append(Rejection(candidate, reason))
    explicit = named_by_user(wanted, environ)
    if explicit:
        reason = rejections[0].reason if rejections else "is no executable file"
        raise InterpreterError(
            f"{wanted.name}: {explicit.executable}, named by {explicit.source}, {reason}; "
            f"name a CPython {wanted.short} there or remove the setting"
        )
    return Search(None, tuple(rejections))
