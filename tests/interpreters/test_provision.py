"""Provisioning: the order of ways, what is rebuilt, and messages that name the fix."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.interpreters import source_build
from harness.interpreters.apt_sources import AptEntry
from harness.interpreters.cache import MARKER, is_complete, mark_complete
from harness.interpreters.find import Places, built_prefix
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.obtain import not_available
from harness.interpreters.provision import install_with_uv, provision
from harness.interpreters.steps import Display, Steps
from tests.interpreters.conftest import FakeMaker, write_script

pytestmark = pytest.mark.real

WANTED = WantedInterpreter(
    "cpython-3.13t", "3.13", free_threaded=True, source_package="python3.13", suite="trixie"
)


@pytest.fixture
def where(tmp_path: Path) -> Places:
    """A machine without interpreters."""
    cache = tmp_path / "cache"
    return Places((), tmp_path / "pyenv", (cache / "uv",), (), cache)


def make_steps(lock: int, log: Path) -> Steps:
    return Steps(log, Display("x", io.StringIO()), lock)


def fails(message: str) -> Callable[..., Path]:
    def attempt(*_arguments: object) -> Path:
        raise InterpreterError(message)

    return attempt


def test_uv_is_asked_first(where: Places, fake: FakeMaker) -> None:
    def install(*_arguments: object) -> None:
        fake(where.cache / "uv" / "cpython-3.13.5+freethreaded-linux" / "bin" / "python3.13t")

    found = provision(WANTED, where, make_steps, {}, install=install, build=fails("not reached"))
    assert found.candidate.source == "uv"


def test_then_it_is_built(where: Places, fake: FakeMaker) -> None:
    def build(wanted: WantedInterpreter, cache: Path, _steps: Steps) -> Path:
        prefix = built_prefix(cache, wanted)
        mark_complete(fake(prefix / "bin" / "python3.13t").parents[1], {})
        return prefix

    found = provision(WANTED, where, make_steps, {}, install=fails("offline"), build=build)
    assert found.candidate.source == "own build"
    # The next one finds it and neither installs nor builds.
    again = provision(WANTED, where, make_steps, {}, install=fails("x"), build=fails("y"))
    assert again == found


def test_both_outcomes_are_told(where: Places, fake: FakeMaker) -> None:
    def build(wanted: WantedInterpreter, cache: Path, _steps: Steps) -> Path:
        prefix = built_prefix(cache, wanted)
        mark_complete(fake(prefix / "bin" / "python3.13t", gil_enabled=True).parents[1], {})
        return prefix

    with pytest.raises(InterpreterError) as caught:
        provision(WANTED, where, make_steps, {}, install=fails("offline"), build=build)
    first, second = str(caught.value).splitlines()
    assert first == "uv: offline"
    assert "its GIL is on at start-up where it has to be off" in second


def test_uv_installs_into_the_cache(where: Places, tmp_path: Path) -> None:
    uv = write_script(tmp_path / "uv", 'echo "$@"; exit 2')
    steps = Steps(tmp_path / "log", Display("x", io.StringIO()))
    with pytest.raises(InterpreterError, match="asking uv failed with status 2"):
        install_with_uv(WANTED, where.cache, steps, str(uv))
    assert f"--install-dir {where.cache / 'uv'} 3.13t" in steps.log.read_text()
    with pytest.raises(InterpreterError, match="uv is not installed"):
        install_with_uv(WANTED, where.cache, steps, None)


def source_package(place: Path) -> None:
    """Put a package whose configure and makefile make a fake interpreter."""
    tree = place / "tree" / "Python-3.13.5"
    write_script(
        tree / "configure",
        'for word; do case $word in --prefix=*) echo "P=${word#--prefix=}" > where;; esac; done',
    )
    rules = (
        "include where\nall:\n\techo cc -c a.o\n"
        "altinstall:\n\tmkdir -p $(P)/bin\n\techo new > $(P)/bin/python3.13t\n"
    )
    (tree / "Makefile").write_text(rules)
    with tarfile.open(place / "python3.13_3.13.5.orig.tar.xz", "w:xz") as archive:
        archive.add(tree, tree.name)
    (place / "python3.13_3.13.5.orig.tar.xz.asc").write_text("signature")
    (place / "python3.13_3.13.5-2.debian.tar.xz").write_text("patches")


@pytest.fixture
def offline_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that delivers the package, and a machine with one dead and one live mirror."""
    package = tmp_path / "package"
    package.mkdir()
    source_package(package)
    script = write_script(
        tmp_path / "bin" / "apt-get",
        "case $* in\n"
        "*update) grep -q dead parts/*.sources && { echo 'E: unreachable'; exit 100; }; exit 0;;\n"
        f"*python3.13/trixie) cp {package}/python3.13_* .;;\n*) exit 9;; esac",
    )
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    dead, live = (AptEntry(f"http://{name}.test/debian", ("trixie",)) for name in ("dead", "live"))
    monkeypatch.setattr(source_build.apt_sources, "read_machine", lambda: [dead, live])
    monkeypatch.setattr(source_build, "missing_packages", lambda *_: [])
    monkeypatch.setattr(source_build, "NEEDED_BYTES", 0)
    return package


@pytest.mark.usefixtures("offline_apt")
def test_an_unfinished_build_is_removed_and_built_anew(where: Places, tmp_path: Path) -> None:
    prefix = built_prefix(where.cache, WANTED)
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "leftover").touch()
    (where.cache / "build" / "cpython-3.13t-killed").mkdir(parents=True)
    (where.cache / "build" / "cpython-3.13-running").mkdir()
    steps = Steps(tmp_path / "log", Display("x", io.StringIO()))
    executable = source_build.build(WANTED, where.cache, steps)
    assert executable == prefix / "bin" / "python3.13t"
    assert executable.read_text() == "new\n"
    assert is_complete(prefix)
    assert not (prefix / "bin" / "leftover").exists()
    left = [path.name for path in (where.cache / "build").iterdir()]
    assert left == ["cpython-3.13-running"]  # another build's, which may be at work
    assert "E: unreachable" in steps.log.read_text()  # the first mirror was tried, then the next


@pytest.mark.usefixtures("offline_apt")
def test_a_build_that_fails_leaves_no_marker(where: Places, offline_apt: Path) -> None:
    for file in offline_apt.glob("*.orig.tar.xz"):
        file.write_bytes(b"not a tarball")
    prefix = built_prefix(where.cache, WANTED)
    mark_complete_folder(prefix)
    steps = Steps(where.cache / "log", Display("x", io.StringIO()))
    with pytest.raises(InterpreterError, match="cannot be unpacked"):
        source_build.build(WANTED, where.cache, steps)
    assert not (prefix / MARKER).exists()


def mark_complete_folder(folder: Path) -> None:
    folder.mkdir(parents=True)
    mark_complete(folder, {})


def test_configure_disables_the_gil_only_where_it_is_to_be_off() -> None:
    prefix = Path("/c/p")
    free = source_build.configure_arguments(WANTED, prefix)
    plain = source_build.configure_arguments(
        dataclasses.replace(WANTED, free_threaded=False), prefix
    )
    assert free[0] == "--disable-gil"
    assert free[1:] == plain
    assert "LDFLAGS=-Wl,-rpath,/c/p/lib" in plain


def test_a_wrong_hash_is_refused_with_both_values(tmp_path: Path) -> None:
    tarball = tmp_path / "p.orig.tar.xz"
    tarball.write_bytes(b"content")
    actual = hashlib.sha256(b"content").hexdigest()
    source_build.check_sha256(tarball, WANTED)  # none configured
    source_build.check_sha256(tarball, dataclasses.replace(WANTED, sha256=actual))
    with pytest.raises(InterpreterError, match=f"has sha256 {actual}.*wants {'0' * 64}"):
        source_build.check_sha256(tarball, dataclasses.replace(WANTED, sha256="0" * 64))


def test_missing_packages_are_named_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_script(tmp_path / "apt-get", "")
    compiler = write_script(tmp_path / "cc", "read line; case $line in *ffi.h*) exit 1;; esac")
    write_script(tmp_path / "make", "")
    assert source_build.missing_packages(str(compiler), "make") == ["libffi-dev"]
    assert source_build.missing_packages(None, "make")[0] == "build-essential"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(source_build.os, "geteuid", lambda: 1000)
    with pytest.raises(InterpreterError, match=r"\n  sudo apt-get install libffi-dev$"):
        source_build.check_tools()
    (tmp_path / "apt-get").unlink()
    with pytest.raises(InterpreterError, match="no apt-get"):
        source_build.check_tools()


def test_what_cannot_be_built_says_so(tmp_path: Path) -> None:
    steps = Steps(tmp_path / "log", Display("x", io.StringIO()))
    with pytest.raises(InterpreterError, match="names no source_package and suite for"):
        source_build.build(WantedInterpreter("cpython-3.12", "3.12"), tmp_path, steps)
    with pytest.raises(InterpreterError, match=r"holds a blank.*set EDGE_GIL_HARNESS_CACHE"):
        source_build.build(WANTED, tmp_path / "a b", steps)


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("gcc -c -O3 -o Objects/a.o Objects/a.c\n", True),
        ("gcc -shared -o a.so a.o\n", False),
        ("checking for -c -o... yes\n", False),
    ],
)
def test_compilations_are_counted(line: str, is_one: bool) -> None:
    assert source_build.is_compilation(line) is is_one


def test_the_final_message_names_every_way_out() -> None:
    text = not_available(WANTED, "nothing", "\nuv: offline")
    for expected in (
        "cpython-3.13t: no CPython 3.13t on this machine: nothing.\nuv: offline",
        "uv python install 3.13t",
        "EDGE_GIL_HARNESS_CPYTHON_3_13T=",
        "config/interpreters.yaml",
        "leave cpython-3.13t out",
    ):
        assert expected in text
