"""The interpreters on this machine that the runtime is meant for; none is provisioned."""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.interpreters import config
from harness.interpreters.cache import cache_root
from harness.interpreters.find import places, search
from tests import ROOT

CONFIG = ROOT / "config" / "interpreters.yaml"
RUNNING = "running"
#: the interpreter that runs the tests, then those of the configuration that may differ from it
NAMES = (
    RUNNING,
    "cpython-3.13",
    "cpython-3.13t",
    "cpython-3.13t-gil",
    "cpython-3.14",
    "cpython-3.14t",
)


@cache
def interpreter(name: str) -> tuple[Path, tuple[tuple[str, str], ...]] | None:
    """Executable and environment variables of an interpreter; None: not on this machine."""
    if name == RUNNING:
        return Path(sys.executable), ()
    wanted = config.load(CONFIG).known.get(name)
    if wanted is None:
        return None
    where = places(os.environ, Path.home(), cache_root(os.environ, Path.home()))
    found = search(wanted, where, os.environ).found
    if found is None:
        return None
    return Path(found.probe.base_executable), tuple(wanted.environment.items())


def run_script(
    name: str, script: str, arguments: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder with a named interpreter, or skip the test."""
    chosen = interpreter(name)
    if chosen is None:
        pytest.skip(f"{name} is not on this machine")
    python, environment = chosen
    return subprocess.run(
        [python, Path(__file__).parent / script, *arguments],
        env={**os.environ, **dict(environment), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
