"""Real trials of small workloads on every interpreter that is at hand without provisioning."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.interpreters.interpreter import InterpreterError
from harness.interpreters.obtain import ensure
from harness.measure.observation import Observation
from harness.measure.watch import TrialHost
from tests import ROOT
from tests.samples import an_order

CONFIG = ROOT / "config" / "interpreters.yaml"
FREE_THREADED = "cpython-3.13t"

COUNTING = """
def setup(wait_ms, iterations=200):
    class Counting:
        variants = 3
        def task(self, index):
            x = index % 3
            for _ in range(iterations):
                x += 1
            yield wait_ms / 1e3
            return x
    return Counting()
"""


def free_threaded_python() -> Path | None:
    """The worker python of the free-threaded build, if this machine has one already."""
    try:
        return ensure([FREE_THREADED], CONFIG, provision=False)[0].python
    except InterpreterError:
        return None


@pytest.fixture(scope="session", params=["running", FREE_THREADED])
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter to measure with: the one that runs the tests, then the free-threaded."""
    if request.param == "running":
        return Path(sys.executable)
    found = free_threaded_python()
    if found is None:
        pytest.skip(f"{FREE_THREADED} is not on this machine; make reproduce builds it")
    return found


@pytest.fixture
def workload_file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a workload's source to a file."""

    def write(source: str) -> Path:
        path = tmp_path / "workload.py"
        path.write_text(source)
        return path

    return write


Trial = Callable[..., Observation]


def carriers(mark: str) -> list[str]:
    """Command lines of living processes whose environment holds a text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture
def run_trial(python: Path, workload_file: Callable[[str], Path]) -> Iterator[Trial]:
    """Runs one short trial of a workload given as source; keyword arguments alter its spec.

    With ``again`` it runs in the host, and so in the zygote, of the trial before. Fails the
    test when a process is left over.
    """
    hosts: list[TrialHost] = []
    mark = uuid.uuid4().hex

    def run(
        source: str = COUNTING, *, kind: str = "fixed", again: bool = False, **changes: Any
    ) -> Observation:
        path = workload_file(source)
        environment = {"ENGINE_TEST": mark, **changes.pop("environment", {})}
        if not again:
            hosts.append(TrialHost(python, path, environment=environment))
        assert carriers(mark), "the mark is seen while processes live"
        order = an_order(
            path, kind=kind, strategy_parameters=changes.pop("parameters", {}), **changes
        )
        return hosts[-1].measure(order)

    yield run
    for host in hosts:
        host.close()
    assert carriers(mark) == []


@contextmanager
def remote(*options: str) -> Iterator[int]:
    """The port of a remote that answers waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.trial.remote", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def remote_port() -> Iterator[int]:
    """The port of a remote that answers all waits at once."""
    with remote() as port:
        yield port
