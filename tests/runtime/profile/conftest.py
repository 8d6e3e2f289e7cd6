"""Runs small programs under the profiler, each on every interpreter that is at hand."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.trial.conftest import FREE_THREADED, free_threaded_python


@pytest.fixture(scope="session", params=["running", FREE_THREADED])
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter to profile on: the one that runs the tests, then the free-threaded."""
    if request.param == "running":
        return Path(sys.executable)
    found = free_threaded_python()
    if found is None:
        pytest.skip(f"{FREE_THREADED} is not on this machine; make reproduce builds it")
    return found


@dataclass(frozen=True)
class Outcome:
    """How a profiled program ended, and its profile if it was saved."""

    status: int
    out: str
    err: str
    profile: dict[str, Any] | None

    def pool(self, number: int = 1) -> dict[str, Any]:
        """A pool's row."""
        assert self.profile is not None, self.err
        found: dict[str, Any] = self.profile["pools"][number - 1]
        return found

    def function(self, name: str, pool: int = 1) -> dict[str, Any]:
        """A function's row."""
        rows: list[dict[str, Any]] = self.pool(pool)["functions"]
        return next(row for row in rows if row["name"] == name)


Profiled = Callable[..., Outcome]


@pytest.fixture
def profiled(python: Path, tmp_path: Path) -> Profiled:
    """Profiles a program given as source; ``options`` go before it, ``arguments`` after."""

    def run(source: str, *arguments: str, options: tuple[str, ...] = ()) -> Outcome:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(source))
        saved = tmp_path / "profile.json"
        if "--json" not in options:
            options = (*options, "--json", str(saved))
        done = subprocess.run(
            [python, "-m", "harness.profile", *options, str(script), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        content = json.loads(saved.read_text()) if saved.exists() else None
        return Outcome(done.returncode, done.stdout, done.stderr, content)

    return run
