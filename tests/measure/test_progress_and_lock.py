"""How a run tells about itself, and how it keeps others off the machine."""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.base.console import duration
from harness.design.plan import make_plan
from harness.design.plan_report import describe
from harness.machine import lock
from harness.machine.lock import LockRefusedError, machine_lock
from harness.measure.progress import LINE_EVERY_S, Progress
from tests.samples import ROOT, a_config, a_trial, an_experiment

OK = {"status": "ok", "reason": ""}


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_progress(
    clock: FakeClock, stream: io.StringIO, trials: int = 10, done_before: int = 0
) -> Progress:
    """Trials of 2 s each by the plan's estimate."""
    remaining = 2.0 * (trials - done_before)
    expected = {a_trial().spec_hash: 2.0}
    return Progress(trials, done_before, remaining, expected, stream, clock)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_eta_is_the_estimate_before_anything_is_known() -> None:
    assert a_progress(FakeClock(), io.StringIO()).eta_s() == pytest.approx(20)


@pytest.mark.parametrize(("took", "eta"), [(2.0, 18.0), (4.0, 36.0), (1.0, 9.0)])
def test_eta_is_scaled_by_the_pace_so_far(took: float, eta: float) -> None:
    clock = FakeClock()
    progress = a_progress(clock, io.StringIO())
    clock.now += took
    progress.trial_done(a_trial(), OK)
    assert progress.eta_s() == pytest.approx(eta)


def test_eta_never_goes_below_zero() -> None:
    clock = FakeClock()
    progress = a_progress(clock, io.StringIO(), trials=1)
    for _ in range(3):
        clock.now += 2
        progress.trial_done(a_trial(), OK)
    assert progress.eta_s() == 0


def test_line_counts_what_an_earlier_run_did() -> None:
    stream = io.StringIO()
    progress = a_progress(FakeClock(), stream, done_before=4)
    progress.trial_done(a_trial(), OK)
    assert "trial 5/10, block 1 of profiles, rag cpython-3.12 2 core(s) fixed N=8" in (
        stream.getvalue()
    )


def test_off_a_terminal_lines_come_now_and_then() -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = a_progress(clock, stream)
    for step in (0, LINE_EVERY_S - 1, 1, 1):
        clock.now += step
        progress.trial_done(a_trial(), OK)
    assert [line.partition(",")[0] for line in stream.getvalue().splitlines()] == [
        "trial 1/10",
        "trial 3/10",
    ]


def test_on_a_terminal_one_line_is_rewritten() -> None:
    stream = Terminal()
    progress = a_progress(FakeClock(), stream)
    progress.trial_done(a_trial(), OK)
    progress.trial_done(a_trial(), OK)
    assert stream.getvalue().count("\r") == 2
    assert "\n" not in stream.getvalue()


@pytest.mark.parametrize("status", ["timeout", "oom", "crash", "error", "invalid_gil", "refused"])
@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_trial_that_did_not_end_well_is_always_told(
    status: str, stream_type: type[io.StringIO]
) -> None:
    stream = stream_type()
    progress = a_progress(FakeClock(), stream)
    progress.trial_done(a_trial(), OK)
    progress.trial_done(a_trial(), {"status": status, "reason": "because"})
    assert f"{status}: rag cpython-3.12 2 core(s) fixed N=8: because\n" in stream.getvalue()


# --- the plan in words ---


def test_plan_report_tells_trials_time_disk_and_what_is_not_run() -> None:
    plan = make_plan(a_config(experiment=an_experiment(pinnings=(1, 2, 4))), (0, 1))
    text = describe(plan)
    assert text.startswith("preset tiny, seed 7\n")
    assert "profiles: 8 cells x 3 blocks, 120 trials, about " in text
    assert "    fixed: 1, 2, 8\n" in text
    assert "    asyncio: 8\n" in text
    assert "profiles: 4 cells pinned to 4 cores: not run: 2 cores" in text
    assert "in all 120 trials, about " in text
    assert "of it warm-up and measurement), 0 MB of records" in text


def test_plan_report_tells_on_what_and_how_an_experiment_runs() -> None:
    plain = an_experiment()
    assert ", on cpython-3.12, cpython-3.13t\n" in describe(
        make_plan(a_config(experiment=plain), (0, 1))
    )
    batch = an_experiment(
        interpreters=("cpython-3.13t",),
        protocol="batch",
        tasks=100,
        population=100,
        conditions={"switch_interval_ms": 20, "co_tenants": 1},
    )
    text = describe(make_plan(a_config(experiment=batch), (0, 1)))
    assert ", on cpython-3.13t\n" in text
    assert "    batches of 100 tasks, start-up and shutdown included\n" in text
    assert "    conditions: co_tenants 1, switch_interval_ms 20\n" in text


# --- the lock ---

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from harness.machine.lock import machine_lock
with machine_lock("other run", path=Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "machine.lock"


def start_holder(path: Path) -> "subprocess.Popen[bytes]":
    """Another process that holds the lock until its stdin closes or it is killed."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def end(holder: "subprocess.Popen[bytes]") -> None:
    holder.kill()
    holder.communicate()


def test_holder_is_written_into_the_lock_file(path: Path) -> None:
    with machine_lock("block 1", path=path) as descriptor:
        assert os.get_inheritable(descriptor) is False
        holder = json.loads(path.read_text())
    assert (holder["pid"], holder["purpose"]) == (os.getpid(), "block 1")


def test_lock_can_be_taken_again_after_it_was_freed(path: Path) -> None:
    for purpose in ("a much longer purpose than the next one", "b"):
        with machine_lock(purpose, path=path, wait=False):
            assert json.loads(path.read_text())["purpose"] == purpose


def test_lock_is_freed_when_the_work_fails(path: Path) -> None:
    with pytest.raises(RuntimeError), machine_lock("a", path=path):
        raise RuntimeError
    with machine_lock("b", path=path, wait=False):
        pass


def test_second_holder_is_refused_and_told_who_measures(path: Path) -> None:
    holder = start_holder(path)
    try:
        with (
            pytest.raises(LockRefusedError, match=r"measuring already: .*other run"),
            machine_lock("mine", path=path, wait=False),
        ):
            pass
    finally:
        end(holder)


def test_second_holder_waits_says_so_once_and_goes_on_when_the_first_is_killed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = start_holder(path)
    stream = io.StringIO()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            end(holder)  # SIGKILL

    monkeypatch.setattr(lock.time, "sleep", pause)
    with machine_lock("mine", path=path, stream=stream):
        assert json.loads(path.read_text())["purpose"] == "mine"
    assert len(pauses) == 3
    assert stream.getvalue().count("measuring already") == 1
    assert "other run" in stream.getvalue()
    assert stream.getvalue().endswith("waiting for it to finish\n")


def test_lock_lives_as_long_as_a_process_that_inherited_it(path: Path) -> None:
    with machine_lock("a", path=path) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    try:
        with pytest.raises(LockRefusedError), machine_lock("b", path=path, wait=False):
            pass
    finally:
        child.communicate()
    with machine_lock("b", path=path, wait=False):
        pass


def test_symbolic_link_is_refused_and_its_target_left_alone(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("content")
    path.symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"), machine_lock("a", path=path):
        pass
    assert target.read_text() == "content"


def test_other_users_may_take_the_lock_file(path: Path) -> None:
    before = os.umask(0o077)
    try:
        with machine_lock("a", path=path):
            pass
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666


ASK = "from harness.machine.lock import lock_file; print(lock_file())"
VARIABLES = ("TMPDIR", "TMP", "TEMP", "HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "PWD", "USER")


def test_the_environment_does_not_decide_where_the_lock_lies(tmp_path: Path) -> None:
    def asked(**extra: str) -> str:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **extra}
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    here = dict.fromkeys(VARIABLES, str(tmp_path))
    nowhere = dict.fromkeys(VARIABLES, "/nonexistent")
    assert asked() == asked(**here) == asked(**nowhere) == str(lock.LOCK_FILE)


def test_the_lock_lies_in_the_first_folder_that_is_for_everybody(tmp_path: Path) -> None:
    modes = {"one": 0o755, "two": 0o777, "three": 0o1777, "four": 0o1777}
    for name, mode in modes.items():
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    places = [str(tmp_path / name) for name in ("absent", *modes)]
    assert lock._shared_folder(places) == tmp_path / "three"
    assert lock._shared_folder(places[:2]) == tmp_path / "one", "opening the lock says why not"


@pytest.mark.parametrize("kind", ["folder", "pipe", "hard link", "link to nothing"])
def test_what_is_no_file_of_its_own_is_refused_by_name(path: Path, kind: str) -> None:
    precious = path.with_name("precious")
    precious.write_text("content")
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "hard link":
            path.hardlink_to(precious)
        case "link to nothing":
            path.symlink_to(path.with_name("nothing"))
    with (
        pytest.raises(OSError, match="one measurement at a time") as caught,
        machine_lock("a", path=path),
    ):
        pass
    assert caught.value.filename == str(path)
    assert lock.current_holder(path) == ""
    assert precious.read_text() == "content"
    assert not path.with_name("nothing").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become two users")
@pytest.mark.parametrize("mode", [0o666, 0o644, 0o600])
def test_the_file_of_another_user_is_locked_or_refused_by_name(tmp_path: Path, mode: int) -> None:
    path = Path(tempfile.mkdtemp()) / "machine.lock"  # other users may not enter tmp_path
    try:
        path.parent.chmod(0o1777)
        path.touch()
        path.chmod(mode)
        ask = HOLD.replace("with ", "import os\nos.setuid(65534)\nwith ", 1)
        holder = subprocess.run(
            [sys.executable, "-c", ask, str(path), str(ROOT)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if mode == 0o600:
            assert "Permission denied (this is the lock" in holder.stderr
        else:
            assert holder.stdout == "held\n", holder.stderr
    finally:
        shutil.rmtree(path.parent)


def test_a_lock_whose_file_was_tidied_away_is_taken_at_its_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = start_holder(path)
    newer: list[subprocess.Popen[bytes]] = []

    def pause(_: float) -> None:
        if not newer:
            path.unlink()
            newer.append(start_holder(path))
            end(holder)
        else:
            end(newer[0])

    monkeypatch.setattr(lock.time, "sleep", pause)
    with machine_lock("mine", path=path, stream=io.StringIO()):
        assert json.loads(path.read_text())["purpose"] == "mine"
    assert newer[0].returncode is not None, "it waited for the holder of the new file, too"
