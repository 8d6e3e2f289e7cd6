"""What leaves the session of a trial does not outlive it for long, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest

from harness.machine import orphans
from harness.machine.lock import machine_lock
from harness.measure.watch import TrialHost, ZygoteError
from harness.trial import __main__ as trial_main
from harness.trial.execute import tell
from tests.samples import an_order
from tests.trial.conftest import carriers

pytestmark = pytest.mark.measures

DETACHING = """
import os, subprocess
def setup(wait_ms):
    for _ in range(3):
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
    {then}
    class W:
        variants = 1
        def task(self, index):
            yield wait_ms / 1e3
    return W()
"""
MEASURE = """
import sys
from pathlib import Path
from harness.measure.watch import TrialHost
from tests.samples import an_order
path = Path(sys.argv[1])
order = an_order(path, concurrency=2, population=8, warmup_s=60, window_s=60, time_limit_s=60)
original = TrialHost._watch_window
def tell(self, seen, pid, open_at, close_at):
    print('in the window', flush=True)
    return original(self, seen, pid, open_at, close_at)
TrialHost._watch_window = tell
TrialHost(Path(sys.executable), path, environment=dict(ENGINE_TEST=sys.argv[2])).measure(order)
"""


def workload(tmp_path: Path, then: str = "pass") -> Path:
    path = tmp_path / "detaching.py"
    path.write_text(DETACHING.format(then=then))
    return path


def test_a_killed_zygote_leaves_nothing_once_its_host_is_closed(tmp_path: Path) -> None:
    path = workload(tmp_path, then="os.kill(os.getppid(), 9)")
    mark = tmp_path.name
    order = an_order(path, concurrency=2, population=8, window_s=0.1, time_limit_s=10)
    with TrialHost(Path(sys.executable), path, environment={"ENGINE_TEST": mark}) as host:
        with pytest.raises(ZygoteError, match="the zygote ended"):
            host.measure(order)
        assert carriers(mark), "what left the session outlives the zygote"
    assert carriers(mark) == []


def test_what_a_killed_run_left_behind_is_ended_before_the_next_measures(tmp_path: Path) -> None:
    mark = f"{tmp_path.name}-{os.getpid()}"
    runner = subprocess.Popen(
        [sys.executable, "-c", MEASURE, str(workload(tmp_path)), mark],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    assert runner.stdout.readline() == "in the window\n"
    with machine_lock("beside a living run", path=tmp_path / "lock", stream=StringIO()):
        assert len([c for c in carriers(mark) if c.startswith("sleep")]) == 3, "it is not touched"
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    assert len([c for c in carriers(mark) if c.startswith("sleep")]) == 3
    said = StringIO()
    with machine_lock("the next run", path=tmp_path / "lock", stream=said):
        assert carriers(mark) == []
    assert "of a run that was killed" in said.getvalue()


@pytest.mark.parametrize(
    "mark",
    ["", "x", "pid:[1] 1 1", "pid:[1]", orphans.runner_mark(), "a b c d"],
    ids=["none", "a word", "another container", "cut", "this runner", "too long"],
)
def test_marks_of_living_runners_of_other_containers_and_of_nobody_are_respected(
    mark: str,
) -> None:
    marked = subprocess.Popen(["sleep", "60"], env={orphans.VARIABLE: mark})
    try:
        assert marked.pid not in orphans.end_orphans()
        assert marked.poll() is None
    finally:
        marked.kill()
        marked.wait()


def test_a_pid_that_was_given_to_another_process_is_no_living_runner() -> None:
    namespace = orphans.runner_mark().partition(" ")[0]
    marked = subprocess.Popen(["sleep", "60"], env={orphans.VARIABLE: f"{namespace} 1 1"})
    try:
        assert marked.pid in orphans.end_orphans()
        assert marked.wait(10) == -signal.SIGKILL
    finally:
        marked.kill()


def test_a_trial_says_nothing_before_its_start_has_been_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The child of a fork often runs first; its messages still come second."""
    fork = os.fork

    def fork_that_lets_the_child_run_first() -> int:
        pid = fork()
        if pid != 0:
            time.sleep(0.3)
        return pid

    def say_at_once(_: object, control_fd: int, __: int) -> None:
        tell(control_fd, {"event": "report"})

    monkeypatch.setattr(os, "fork", fork_that_lets_the_child_run_first)
    monkeypatch.setattr(trial_main, "run_trial", say_at_once)
    read, write = os.pipe()
    pid = trial_main._fork_trial(an_order(Path("never-opened.py")), write, -1, 1.0)
    os.close(write)
    said = b""
    while b"report" not in said:
        said += os.read(read, 4096)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read)
    assert [json.loads(line)["event"] for line in said.splitlines() if line] == [
        "started",
        "report",
    ]
