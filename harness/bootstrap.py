"""Set up `.venv/` from the hash-pinned requirement files, unless it is up to date.

`python harness/bootstrap.py [--dev]` is what `make` runs first. It starts from a bare Python:
standard library only, and it imports nothing of the harness.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
# Pure Python packages published as source only; everything else has to come as a wheel, so
# that a missing wheel is an error at once and not an hour of compiling.
SOURCE_ONLY = ("connection-pool",)


class SetUpError(Exception):
    """The environment cannot be set up; the message names the fix."""


def digest(path: Path) -> str:
    """Return the file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_stamp(stamp: Path) -> dict[str, str]:
    """Return requirements file -> hash as installed; empty when nothing was finished."""
    try:
        content = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def up_to_date(stamp: dict[str, str], requirements: Path, dev: bool) -> bool:
    """Whether the installed files are the present ones; `dev` asks for the tests' packages too."""
    names = ["pipeline.txt", *(["dev.txt"] if dev else [])]
    return all(stamp.get(name) == digest(requirements / name) for name in names)


def requirement_block(compiled: str, name: str) -> str:
    """Return one package's lines (pin and hashes) of a compiled requirements file."""
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*\n", compiled, re.MULTILINE)
    if not found:
        raise SetUpError(f"the requirement files pin no {name}; run `make requirements`")
    return found.group()


def clean_environment() -> dict[str, str]:
    """Return the environment without what would divert Python, pip or uv to another place."""
    unwanted = ("PYTHON", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    return {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}


def run(command: list[str]) -> None:
    """Run one step; its output goes to stderr. SetUpError when it fails."""
    done = subprocess.run(command, env=clean_environment(), stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise SetUpError(f"`{' '.join(command)}` failed with status {done.returncode}")


def works(python: Path) -> bool:
    """Whether an environment's python runs and is recent enough."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        done = subprocess.run(
            [python, "-c", question], env=clean_environment(), capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def install(python: Path, file: Path) -> None:
    """Install a compiled requirements file: uv first, then the rest with it.

    Falls back to pip when uv does not succeed: the two read different configuration, and a
    package index that only pip was told of is no reason to fail.
    """
    options = ["--require-hashes", "--only-binary", ":all:"]
    options += [word for name in SOURCE_ONLY for word in ("--no-binary", name)]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(requirement_block(file.read_text(encoding="utf-8"), "uv"), "utf-8")
        run([*pip, *options[:3], "-r", str(only_uv)])
    try:
        uv = [str(python), "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
        run([*uv, *options, "--compile-bytecode", "-r", str(file)])
    except SetUpError as error:
        print(f"{error}; trying pip", file=sys.stderr)
        run([*pip, *options, "--no-compile", "-r", str(file)])
        library = python.parents[1] / "lib"
        run([str(python), "-m", "compileall", "-q", "-j", "0", str(library)])


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Let one set-up of this checkout run at a time; the kernel frees the lock with its holder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def set_up(environment: Path, requirements: Path, dev: bool) -> None:
    """Create or refresh `environment`; does nothing when it is up to date."""
    with only_one(requirements):
        python = environment / "bin" / "python"
        stamp = environment / "set-up.json"
        usable = works(python)
        if usable and up_to_date(read_stamp(stamp), requirements, dev):
            return
        if not usable:
            print(f"creating {environment} with Python {sys.version.split()[0]}", file=sys.stderr)
            venv.create(environment, clear=True, with_pip=True)
        stamp.unlink(missing_ok=True)
        file = requirements / ("dev.txt" if dev else "pipeline.txt")
        print(f"installing {file.name} into {environment}", file=sys.stderr)
        install(python, file)
        # dev.txt holds all that pipeline.txt does, at the same versions.
        names = ["pipeline.txt", *(["dev.txt"] if dev else [])]
        stamp.write_text(json.dumps({name: digest(requirements / name) for name in names}), "utf-8")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Set up .venv/ from the requirement files.")
    parser.add_argument("--dev", action="store_true", help="with the packages the tests need")
    options = parser.parse_args()
    try:
        set_up(ROOT / ".venv", ROOT / "requirements", options.dev)
    except (SetUpError, subprocess.CalledProcessError, OSError) as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
