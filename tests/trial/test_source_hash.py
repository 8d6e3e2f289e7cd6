"""The hash of a record's code covers the files that real trials load, and no others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.measure.source_hash import measured_files, source_hash
from harness.measure.summarise import summarise
from tests import ROOT
from tests.trial.conftest import COUNTING, Trial
from tests.trial.test_batch import BATCH
from tests.trial.test_trials import STRATEGIES

pytestmark = pytest.mark.measures

# Notes each file whose code a process executes, that of modules included. Every Python that
# a trial starts imports it first, and forks inherit it.
TRACE = """
import os, sys
def note(event, arguments, log={log!r}):
    if event == "exec":
        name = getattr(arguments[0], "co_filename", "")
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, (name + "\\n").encode())
        os.close(descriptor)
sys.addaudithook(note)
"""
MORE: dict[str, tuple[str, dict[str, Any]]] = {
    "adaptive": ("adaptive", {}),
    "adaptive without /proc": ("adaptive", {"use_proc": False}),
    "instrumented": ("fixed", {"instrumented": True}),
}


@pytest.fixture(scope="session")
def python() -> Path:
    """Which files are loaded does not depend on the interpreter: the one that runs the tests."""
    return Path(sys.executable)


def test_the_hashed_files_are_those_that_trials_load(run_trial: Trial, tmp_path: Path) -> None:
    log = tmp_path / "log"
    (tmp_path / "sitecustomize.py").write_text(TRACE.format(log=str(log)))
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def run(kind: str, parameters: dict[str, Any], **changes: Any) -> None:
        seen = run_trial(kind=kind, parameters=parameters, environment=environment, **changes)
        result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
        assert (result["status"], result["reason"]) == ("ok", "")

    for kind, parameters in (STRATEGIES | MORE).values():
        run(kind, parameters, concurrency=2)
    for name in ("fixed", "spawned processes", "asyncio", "adaptive"):
        run(*(STRATEGIES | MORE)[name], concurrency=2, **BATCH)
    run("fixed", {}, conditions={"co_tenants": 1})
    run("fixed", {}, source="import harness.random_task\n" + COUNTING)
    remote = subprocess.Popen(
        [sys.executable, "-m", "harness.trial.remote"],
        stdout=subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        assert remote.stdout is not None
        run("fixed", {}, io="socket", remote_port=int(remote.stdout.readline()))
    finally:
        remote.kill()
        remote.communicate()

    executed = {Path(line) for line in log.read_text().splitlines()}
    loaded = {path for path in executed if path.is_relative_to(ROOT / "harness")}
    assert ROOT / "harness" / "trial" / "execute.py" in loaded, "the trace sees something"
    hashed = set(measured_files())
    assert loaded - hashed == set(), "loaded, but a change of them goes unseen"
    # The runtime is hashed whole: what it loads depends on the machine.
    surplus = {path for path in hashed - loaded if "runtime" not in path.parts}
    assert surplus == set(), "hashed, but a change of them changes no trial"


def test_a_change_of_any_hashed_file_changes_the_hash(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "harness", tmp_path / "harness")
    workload = tmp_path / "workload.py"
    workload.write_text("")
    files = [workload, *measured_files(tmp_path)]
    assert {"workload.py", "lifeline.py", "counters.py"} <= {path.name for path in files}
    seen = {source_hash(workload, tmp_path)}
    for path in files:
        path.write_text(path.read_text() + "\n")
        seen.add(source_hash(workload, tmp_path))
    assert len(seen) == len(files) + 1
    for other in ("trial/micro.py", "runtime/profile/report.py"):
        (tmp_path / "harness" / other).write_text("")
    assert source_hash(workload, tmp_path) in seen, "other code has no part in trials"
