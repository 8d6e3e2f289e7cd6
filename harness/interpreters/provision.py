"""Get an interpreter that is not on the machine: a ready-made one from uv, else a build."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.interpreters import source_build
from harness.interpreters.cache import exclusive
from harness.interpreters.find import Found, Places, Search, search
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.steps import Steps

_UV_SECONDS = 900.0


def say(text: str) -> None:
    """Tell the user something; standard output belongs to results."""
    print(text, file=sys.stderr, flush=True)


def find_uv() -> str | None:
    """Return uv's executable: the one of the pipeline's environment, else from PATH."""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def install_with_uv(wanted: WantedInterpreter, cache: Path, steps: Steps, uv: str | None) -> None:
    """Let uv download the interpreter into the cache; InterpreterError when it cannot."""
    if uv is None:
        raise InterpreterError("uv is not installed")
    steps.run(
        "asking uv",
        [
            *(uv, "python", "install", "--no-bin"),
            *("--install-dir", str(cache / "uv"), wanted.short),
        ],
        cwd=Path("/"),
        limit_seconds=_UV_SECONDS,
    )


def provision(
    wanted: WantedInterpreter,
    where: Places,
    make_steps: Callable[[int, Path], Steps],
    environ: Mapping[str, str],
    *,
    install: Callable[[WantedInterpreter, Path, Steps, str | None], None] = install_with_uv,
    build: Callable[[WantedInterpreter, Path, Steps], Path] = source_build.build,
) -> Found:
    """Provide `wanted` and return it, verified by the same search that did not find it before.

    `make_steps` gets the lock's descriptor and the log's path. Raises InterpreterError with
    the outcome of both ways and what a user can do instead.
    """
    cache = where.cache
    started = time.strftime("%Y%m%d-%H%M%S")
    log = cache / "logs" / f"{wanted.build}-{started}.log"
    with exclusive(cache, wanted.build, say) as lock:
        # Another process may have provided it while this one waited for the lock.
        found = search(wanted, where, environ).found
        if found:
            return found
        steps = make_steps(lock, log)
        failures: list[str] = []
        for name, attempt in (
            ("uv", lambda: install(wanted, cache, steps, find_uv())),
            ("a build from source", lambda: build(wanted, cache, steps)),
        ):
            try:
                attempt()
            except InterpreterError as error:
                failures.append(f"{name}: {error}")
                continue
            result = search(wanted, where, environ)
            if result.found:
                steps.progress.done(f"ready: {result.found.probe.base_executable}")
                return result.found
            failures.append(f"{name}: " + rejected(result))
        steps.progress.done("not provided")
        raise InterpreterError("\n".join(failures))


def rejected(result: Search) -> str:
    """Return the search's rejections as text."""
    return "; ".join(map(str, result.rejections)) or "no candidate on PATH, in pyenv, uv or conda"
