"""Files of the pipeline: written whole or not at all, read or refused by name."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.base.errors import ConfigError


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in one step and push it to the disk; readers see the old or the new one.

    On a full disk, or any other failure, the old file stays as it was and no part of the new
    one is left. A symbolic link at ``path`` is replaced, what it points to is not touched.
    Raises ``OSError`` that names the file.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror, str(path)) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all, keys in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(data, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """What an earlier step of the pipeline wrote; raises ``ConfigError`` that names the fix."""
    with refused_by_name(path):
        return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def refused_by_name(path: Path) -> Iterator[None]:
    """Raise ``ConfigError`` that names ``path`` where its content is not what is taken from it."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: is damaged ({error}); delete it and run the same command again"
        ) from None


def is_regular(path: Path) -> bool:
    """Whether it is a file itself: no link to one, no folder, no pipe. Raises ``OSError``."""
    return stat.S_ISREG(path.lstat().st_mode)


def refuse_detour(folder: Path) -> None:
    """Raise ``ConfigError`` unless ``folder`` is a folder, or absent: results go where they say."""
    if folder.is_symlink():
        raise ConfigError(
            f"{folder}: is a symbolic link; results are not written through one. Remove the link "
            "(to keep results on another disk, run there: snakemake --directory)"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is not a folder; move it away")
