"""The per-user cache: where it lies, who may write, and what in it is complete.

Invariant: a folder without its marker is worthless and may be removed by whoever holds the
folder's lock. The marker is written last, so a build cut short never looks finished.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.base.whole_files import write_json
from harness.interpreters.interpreter import InterpreterError

MARKER = "complete.json"
CACHE_VARIABLE = "EDGE_GIL_HARNESS_CACHE"
#: what the password database names for users that have no home folder
NO_HOME = Path("/nonexistent")


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's home folder; ``NO_HOME`` where neither HOME nor the password database
    names one, as in a job or a container of an unknown user."""
    named = environ.get("HOME", "")
    if not named:
        with contextlib.suppress(KeyError):
            named = pwd.getpwuid(os.getuid()).pw_dir
    return Path(named) if named.startswith("/") else NO_HOME


def expanded(path: Path) -> Path:
    """Return an absolute path for one that may begin with ``~``.

    Raises InterpreterError where that home folder is not known.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise InterpreterError(
            f"{path}: the home folder is not known; write the path out, or set HOME"
        ) from None


def cache_root(environ: Mapping[str, str], home: Path) -> Path:
    """Return the cache folder (not created): own variable, XDG, then ~/.cache."""
    own = environ.get(CACHE_VARIABLE)
    if own:
        return expanded(Path(own))
    xdg = environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    base = Path(xdg) if xdg.startswith("/") else home / ".cache"
    return base / "edge-gil-harness"


def read_marker(folder: Path, name: str = MARKER) -> dict[str, Any] | None:
    """Return the content of a marker, None when it is absent or unreadable."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None


def is_complete(folder: Path) -> bool:
    """Whether the folder's contents were finished."""
    return read_marker(folder) is not None


def mark_complete(folder: Path, content: Mapping[str, Any]) -> None:
    """Declare the folder finished."""
    write_json(folder / MARKER, content)


@contextlib.contextmanager
def exclusive(cache: Path, key: str, say: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock `key` of this cache; yields its file descriptor.

    Waits while another process holds it, and says so. The kernel frees the lock when its last
    holder dies. Pass the descriptor to children that write into the cache: an orphaned build
    then keeps others out until it has really ended. Raises InterpreterError where the cache
    cannot be written.
    """
    folder = cache / "locks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InterpreterError(
            f"{cache}: interpreters cannot be kept there: {error.strerror}; "
            f"set {CACHE_VARIABLE} to a folder that can be written"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            say(f"{key}: waiting for process {holder or '?'}, which is setting it up")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
