"""How a run keeps others off the machine."""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.machine import lock
from harness.machine.lock import LockRefusedError, machine_lock
from tests.samples import ROOT

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
