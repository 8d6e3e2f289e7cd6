"""What runs on the measured side needs the standard library alone, on every interpreter."""

import os
import subprocess

import pytest

from tests import ROOT
from tests.runtime.interpreters import NAMES, interpreter

pytestmark = pytest.mark.real

# The micro-benchmarks need pyperf, which every worker environment has.
SCRIPT = """
import importlib, pkgutil, sys
import harness.profile, harness.random_task, harness.runtime, harness.strategies
import harness.trial, harness.workload
for package in (harness.runtime, harness.strategies, harness.trial):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(("__main__", "trial.micro")):
            importlib.import_module(module.name)
known = sys.stdlib_module_names | {"harness", "__main__", "__mp_main__"}
print(*sorted({name.partition(".")[0] for name in sys.modules} - known))
print(*sorted(name for name in sys.modules if name.startswith("harness.")))
"""
LEAN = (
    *("base", "machine", "profile", "random_task", "runtime", "strategies", "trial", "workload"),
)


@pytest.mark.parametrize("name", NAMES)
def test_the_measured_side_loads_nothing_but_the_standard_library(name: str) -> None:
    chosen = interpreter(name)
    if chosen is None:
        pytest.skip(f"{name} is not on this machine")
    python, environment = chosen
    done = subprocess.run(
        [python, "-S", "-c", SCRIPT],  # -S: whatever is installed is out of reach
        env={**os.environ, **dict(environment), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    foreign, own = done.stdout.splitlines()
    assert foreign == ""
    assert {module.split(".")[1] for module in own.split()} <= set(LEAN)


def test_the_profiler_does_not_load_the_command_line() -> None:
    code = "import sys, harness.profile; print(*(m for m in sys.modules if 'harness.' in m))"
    chosen = interpreter("running")
    assert chosen is not None
    loaded = subprocess.run(
        [chosen[0], "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {module.split(".")[1] for module in loaded} == {"profile", "runtime"}
