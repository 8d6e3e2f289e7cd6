"""Trials that end badly: each is one typed record, and no process is left."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine.counters import descendants
from harness.measure.host import TrialHost
from harness.measure.summarise import summarise
from tests.engine.conftest import Trial

TEMPLATE = """
import ctypes, os, signal, subprocess, sys, time
def setup(wait_ms):
    class Faulty:
        variants = 1
        def __init__(self):
            self.runs = 0
        def task(self, index):
            self.runs += 1
            if self.runs > 5:
                {fault}
            yield wait_ms / 1e3
            return 1
    return Faulty()
"""
# the reference run is the first task; faults strike later, in the pool
FAULTS = {
    "raises": ("raise ValueError('broken sensor')", "error", "broken sensor"),
    "returns something else": ("return 2", "error", "WrongResultError"),
    "segfaults": ("ctypes.string_at(0)", "crash", "SIGSEGV"),
    "aborts": ("os.abort()", "crash", "SIGABRT"),
    "calls os._exit": ("os._exit(3)", "crash", "exited with code 3"),
    "kills itself": ("os.kill(os.getpid(), signal.SIGKILL)", "crash", "SIGKILL"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_task_becomes_a_typed_record(run_trial: Trial, fault: str) -> None:
    code, status, reason = FAULTS[fault]
    seen = run_trial(TEMPLATE.format(fault=code))
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == status
    assert reason in result["reason"]
    assert seen.ended, "the zygote has seen the trial's end"


def test_a_trial_that_never_gets_ready_is_a_timeout(run_trial: Trial) -> None:
    source = "import signal, time\ndef setup(wait_ms):\n"
    source += "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(3600)\n"
    seen = run_trial(source, time_limit_s=0.5)
    result = summarise(seen, expect_gil=True)
    assert (result["status"], result["reason"]) == ("timeout", "not ready after 0.5 s")


def test_flooding_the_output_blocks_nothing_and_keeps_the_end(run_trial: Trial) -> None:
    flood = "sys.stdout.write('x' * 100000); sys.stdout.flush(); sys.stderr.write('last words')"
    seen = run_trial(TEMPLATE.format(fault=flood))
    assert summarise(seen, expect_gil=seen.hello["gil_enabled"])["status"] == "ok"
    assert seen.output_tail.endswith("last words") or "x" in seen.output_tail
    assert len(seen.output_tail) <= 4000


def test_grandchildren_that_leave_the_session_are_killed(run_trial: Trial) -> None:
    stray = "subprocess.Popen(['sleep', '3600'], start_new_session=True)"
    seen = run_trial(TEMPLATE.format(fault=f"self.runs < 8 and {stray}"))
    assert seen.ended["strays_killed"] >= 1


def test_a_killed_process_pool_worker_is_a_crash_not_a_hang(run_trial: Trial) -> None:
    seen = run_trial(
        TEMPLATE.format(fault="os.kill(os.getpid(), signal.SIGKILL)"),
        kind="processes",
        parameters={"start_method": "spawn"},
        concurrency=2,
    )
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "crash"
    assert "pool worker died" in result["reason"]


def test_closing_a_host_leaves_no_process(python: Path, tmp_path: Path) -> None:
    before = set(descendants(os.getpid()))
    workload = tmp_path / "empty.py"
    workload.write_text("")
    with TrialHost(python, workload, environment={}):
        assert set(descendants(os.getpid())) - before
    assert not set(descendants(os.getpid())) - before


def test_a_trial_dies_when_its_runner_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the runner in the middle of a trial leaves no process."""
    workload = tmp_path / "endless.py"
    workload.write_text(
        "def setup(wait_ms):\n    class W:\n        variants = 1\n"
        "        def task(self, index):\n            yield wait_ms / 1e3\n    return W()\n"
    )
    script = f"""
import os
from pathlib import Path
from harness.measure import host as h
from harness.machine.counters import descendants
from harness.measure.host import TrialHost
spec = dict(workload=dict(name='w', path={str(workload)!r}, parameters=dict(wait_ms=1.0)),
    strategy=dict(kind='processes', parameters=dict(start_method='spawn')), concurrency=2,
    population=8, cpus=[0], io='sleep', remote_port=None, warmup_s=60, window_s=60,
    time_limit_s=60)
original = h.TrialHost._watch_window
def tell(self, seen, pid, open_at, close_at):
    print(*descendants(os.getpid())[1:], flush=True)
    return original(self, seen, pid, open_at, close_at)
h.TrialHost._watch_window = tell
h.TrialHost(Path({sys.executable!r}), Path({str(workload)!r}), environment={{}}).measure(spec)
"""
    runner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert runner.stdout is not None
    pids = [int(pid) for pid in runner.stdout.readline().split()]
    assert len(pids) >= 3
    watched = [os.pidfd_open(pid) for pid in pids]
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    for descriptor in watched:
        ready, _, _ = select.select([descriptor], [], [], 20)
        assert ready, "a measured process outlived its runner"
        os.close(descriptor)
