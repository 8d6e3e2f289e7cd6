"""Locks and markers of the cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.interpreters import cache
from harness.interpreters.cache import (
    MARKER,
    cache_root,
    exclusive,
    expanded,
    home_folder,
    is_complete,
    mark_complete,
    read_marker,
)
from harness.interpreters.interpreter import InterpreterError
from tests import ROOT

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "/home/u/.cache/edge-gil-harness"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/edge-gil-harness"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/u/.cache/edge-gil-harness"),
        ({"XDG_CACHE_HOME": "/x", "EDGE_GIL_HARNESS_CACHE": "/own"}, "/own"),
    ],
)
def test_the_cache_lies_where_the_user_says(environ: dict[str, str], expected: str) -> None:
    assert cache_root(environ, Path("/home/u")) == Path(expected)


def test_a_folder_is_complete_only_with_a_readable_marker(tmp_path: Path) -> None:
    assert not is_complete(tmp_path)
    (tmp_path / MARKER).write_text('{"trunc')
    assert not is_complete(tmp_path)
    mark_complete(tmp_path, {"a": 1})
    assert read_marker(tmp_path) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_the_second_waits_says_so_and_then_proceeds(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        def say(text: str) -> None:
            said.append(text)
            waiting.set()

        with exclusive(tmp_path, "key", say):
            order.append("second")

    with exclusive(tmp_path, "key", said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert said == [f"key: waiting for process {os.getpid()}, which is setting it up"]


def test_different_keys_do_not_wait_for_each_other(tmp_path: Path) -> None:
    said: list[str] = []
    with exclusive(tmp_path, "a", said.append), exclusive(tmp_path, "b", said.append):
        assert said == []


def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, signal\n"
        "from harness.interpreters.cache import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), 'key', print):\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n"
    )
    root = ROOT
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], cwd=root, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        holder.kill()
    said: list[str] = []
    with exclusive(tmp_path, "key", said.append):
        assert said == []


def test_a_child_that_inherited_the_lock_keeps_it(tmp_path: Path) -> None:
    waited = threading.Event()
    with exclusive(tmp_path, "key", print) as descriptor:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(descriptor,))

    def say(_text: str) -> None:
        waited.set()
        assert child.stdin
        child.stdin.close()  # ends the child, which frees the lock

    with exclusive(tmp_path, "key", say):
        assert waited.is_set()
    child.wait(60)


@pytest.mark.parametrize(
    ("environ", "entry", "expected"),
    [
        ({"HOME": "/h"}, "/p", "/h"),
        ({"HOME": ""}, "/p", "/p"),
        ({}, "/p", "/p"),
        ({}, None, "/nonexistent"),
        ({"HOME": "h"}, "/p", "/nonexistent"),
        ({}, "", "/nonexistent"),
    ],
)
def test_a_user_may_have_no_home(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], entry: str | None, expected: str
) -> None:
    def of(_: int) -> SimpleNamespace:
        if entry is None:
            raise KeyError
        return SimpleNamespace(pw_dir=entry)

    monkeypatch.setattr(cache.pwd, "getpwuid", of)
    assert home_folder(environ) == Path(expected)


def test_a_home_that_is_not_known_is_named() -> None:
    with pytest.raises(InterpreterError, match="~nobody-of-this-name/x: the home folder"):
        expanded(Path("~nobody-of-this-name/x"))
    with pytest.raises(InterpreterError, match="write the path out, or set HOME"):
        cache_root({"EDGE_GIL_HARNESS_CACHE": "~nobody-of-this-name/x"}, Path("/h"))


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "cache"
    with (
        pytest.raises(InterpreterError, match=f"{place}: .*set EDGE_GIL_HARNESS_CACHE"),
        exclusive(place, "key", print),
    ):
        pass
