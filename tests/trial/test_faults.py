"""Trials that end badly: each is one typed record, and no process is left."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine.counters import descendants
from harness.measure.summarise import summarise
from harness.measure.watch import TrialHost
from tests.trial.conftest import Trial

pytestmark = pytest.mark.measures

TEMPLATE = """
import ctypes, os, signal, subprocess, sys, time
CONTROL = int(next(a for a in sys.argv if a.startswith("--control-fd=")).partition("=")[2])
RECORDER = int(next(a for a in sys.argv if a.startswith("--recorder-fd=")).partition("=")[2])
class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for you")
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
    "returns a list": ("return [1]", "error", "WrongResultError"),
    "raises half a surrogate pair": ("raise ValueError(chr(0xD800))", "error", "ud800"),
    "raises what cannot be shown": (
        "raise Unprintable()",
        "error",
        "Unprintable: (cannot be shown)",
    ),
    "asks to exit": ("raise SystemExit(0)", "error", "SystemExit"),
    "calls os._exit": ("os._exit(3)", "crash", "exited with code 3"),
    "calls os._exit with success": ("os._exit(0)", "crash", "exited with code 0 before its"),
    "says why it dies": (
        "os.write(2, b'out of tea'); os.abort()",
        "crash",
        "SIGABRT; last output: out of tea",
    ),
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


def once(fault: str, folder: Path) -> str:
    """Code that does ``fault`` in the first trial only, so that the next shows what is left."""
    mark = str(folder / "done")
    return f"os.path.exists({mark!r}) or (open({mark!r}, 'w').close(), {fault})"


def assert_the_next_trial_is_ok(run_trial: Trial, source: str) -> None:
    seen = run_trial(source, again=True)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert (result["status"], result["reason"]) == ("ok", "")
    assert result["metrics"]["completed"] > 10


GARBAGE = {
    "noise": r"os.write(CONTROL, b'\xff\x00 beep\n')",
    "no line end": "os.write(CONTROL, b'beep')",
    "half a message": """os.write(CONTROL, b'{"event": "rep')""",
    "a number": r"os.write(CONTROL, b'5\n')",
    "a message of no known kind": r"""os.write(CONTROL, b'{"event": "beep"}\n')""",
    "a report without a status": r"""os.write(CONTROL, b'{"event": "report"}\n')""",
    "a second start": r"""os.write(CONTROL, b'{"event":"started","pid":1,"speed_before":1}\n')""",
    "deep brackets": r"os.write(CONTROL, b'[' * 100000 + b'\n')",
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_on_the_control_channel_is_an_error_of_that_trial(
    run_trial: Trial, tmp_path: Path, kind: str
) -> None:
    source = TEMPLATE.format(fault=once(GARBAGE[kind], tmp_path))
    seen = run_trial(source)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "error"
    assert "told the runner what is no message" in result["reason"]
    assert seen.ended, "the zygote has seen the trial's end"
    assert_the_next_trial_is_ok(run_trial, source)


@pytest.mark.parametrize(
    "fault", ["os.ftruncate(RECORDER, 0)", "os.pwrite(RECORDER, b'garbage!', 0)"]
)
def test_a_trial_that_destroys_its_recorder_harms_only_itself(
    run_trial: Trial, tmp_path: Path, fault: str
) -> None:
    source = TEMPLATE.format(fault=once(fault, tmp_path))
    result = summarise(run_trial(source), expect_gil=True)
    assert result["status"] == "error"
    assert "told the runner what is no message: a recorder of" in result["reason"]
    assert result["metrics"].get("throughput_tps") is None
    assert_the_next_trial_is_ok(run_trial, source)


def test_a_task_that_never_returns_is_a_timeout_whatever_it_does_to_signals(
    run_trial: Trial,
) -> None:
    source = TEMPLATE.format(fault="threading.Event().wait()").replace(
        "def setup(wait_ms):",
        "import threading\ndef setup(wait_ms):\n"
        "    for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "        signal.signal(s, signal.SIG_IGN)",
    )
    seen = run_trial(source, time_limit_s=0.5)
    result = summarise(seen, expect_gil=seen.hello["gil_enabled"])
    assert result["status"] == "timeout"
    assert "no task ended within the window of 0.2 s" in result["reason"]


def test_a_trial_that_never_gets_ready_is_a_timeout(run_trial: Trial) -> None:
    source = "import signal, time\ndef setup(wait_ms):\n"
    source += "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(3600)\n"
    seen = run_trial(source, time_limit_s=0.5)
    result = summarise(seen, expect_gil=True)
    assert (result["status"], result["reason"]) == ("timeout", "not ready after 0.5 s")


def test_flooding_the_output_blocks_nothing_and_keeps_the_end(run_trial: Trial) -> None:
    flood = "sys.stdout.write('x' * 100000); sys.stdout.flush(); os.write(2, b'last words')"
    seen = run_trial(TEMPLATE.format(fault=flood), concurrency=1)  # whose last write is the last
    assert summarise(seen, expect_gil=seen.hello["gil_enabled"])["status"] == "ok"
    assert seen.output_tail.endswith("xlast words")
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
from harness.measure import watch as h
from harness.machine.counters import descendants
from harness.measure.watch import TrialHost
from tests.samples import an_order
order = an_order(Path({str(workload)!r}), kind='processes',
    strategy_parameters=dict(start_method='spawn'), concurrency=2, population=8, warmup_s=60,
    window_s=60, time_limit_s=60)
original = h.TrialHost._watch_window
def tell(self, seen, pid, open_at, close_at):
    print(*descendants(os.getpid())[1:], flush=True)
    return original(self, seen, pid, open_at, close_at)
h.TrialHost._watch_window = tell
h.TrialHost(Path({sys.executable!r}), Path({str(workload)!r}), environment={{}}).measure(order)
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
