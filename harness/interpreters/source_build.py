"""Build an interpreter from the distribution's source package into the user's cache.

Steps: check that compiler and headers are there, fetch the package with apt (private lists,
so the machine's own stay untouched; apt checks the archive's signature), check the tarball's
hash where the configuration gives one, configure, make, make install.

The prefix is compiled into the interpreter, so it is built where it will stay and the marker
written last says that it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.interpreters import apt_sources
from harness.interpreters.cache import CACHE_VARIABLE, MARKER, mark_complete
from harness.interpreters.find import built_prefix
from harness.interpreters.interpreter import InterpreterError, WantedInterpreter
from harness.interpreters.probe import clean_environment
from harness.interpreters.steps import Steps

# Header -> package that brings it. The standard library modules that need them are those the
# worker libraries and the workloads import.
HEADERS = {
    "bzlib.h": "libbz2-dev",
    "ffi.h": "libffi-dev",
    "lzma.h": "liblzma-dev",
    "openssl/ssl.h": "libssl-dev",
    "sqlite3.h": "libsqlite3-dev",
    "zlib.h": "zlib1g-dev",
}
NEEDED_BYTES = 1_500_000_000  # sources, objects and the installed tree
_APT_SECONDS, _CONFIGURE_SECONDS, _MAKE_SECONDS, _INSTALL_SECONDS = 900.0, 1800.0, 10800.0, 1800.0
_SAFE_PREFIX = re.compile(r"[\w./+@-]+")  # what CPython's makefile passes on unquoted


def build(wanted: WantedInterpreter, cache: Path, steps: Steps) -> Path:
    """Build `wanted` and return its executable. The caller holds the lock of the build.

    Raises InterpreterError whose message names what is missing and how to get it.
    """
    if not wanted.source_package or not wanted.suite:
        raise InterpreterError(
            f"{wanted.source} names no source_package and suite for {wanted.name}"
        )
    prefix = built_prefix(cache, wanted)
    if not _SAFE_PREFIX.fullmatch(str(prefix)):
        raise InterpreterError(
            f"an interpreter cannot be compiled into {prefix}: its path holds a blank or a "
            f"special character; set {CACHE_VARIABLE} to a plainer folder"
        )
    check_tools()
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if free < NEEDED_BYTES:
        raise InterpreterError(
            f"building {wanted.short} needs {NEEDED_BYTES / 1e9:.1f} GB in {cache}, where "
            f"{free / 1e9:.1f} GB are free; free some or set {CACHE_VARIABLE} to another disk"
        )
    if prefix.exists():  # a build that did not finish, or one that no longer serves
        (prefix / MARKER).unlink(missing_ok=True)
        shutil.rmtree(prefix)
    work = cache / "build"
    work.mkdir(exist_ok=True)
    for leftover in work.glob(f"{wanted.build}-*"):  # of a build that was killed
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=f"{wanted.build}-", dir=work) as folder:
        tarball = fetch(wanted, Path(folder), steps)
        source = unpack(tarball, Path(folder))
        compile_and_install(wanted, source, prefix, steps)
    executable = prefix / "bin" / f"python{wanted.short}"
    mark_complete(
        prefix,
        {
            "source_package": wanted.source_package,
            "suite": wanted.suite,
            "tarball": tarball.name,
            "configure": configure_arguments(wanted, prefix),
            "built_at": time.time(),
        },
    )
    return executable


def missing_packages(compiler: str | None, make: str | None) -> list[str]:
    """Return the packages whose compiler, make or headers are not there."""
    missing = ["build-essential"] if compiler is None or make is None else []
    if compiler is None:  # nothing can look for headers
        return [*missing, *HEADERS.values()]
    for header, package in HEADERS.items():
        looked = subprocess.run(
            [compiler, "-E", "-x", "c", "-"],
            input=f"#include <{header}>\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if looked.returncode != 0:
            missing.append(package)
    return missing


def check_tools() -> None:
    """Raise InterpreterError naming the command that installs what a build lacks."""
    if shutil.which("apt-get") is None:
        raise InterpreterError(
            "this machine has no apt-get, so there is no distribution source package to build"
        )
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    missing = missing_packages(compiler, shutil.which("make"))
    if missing:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise InterpreterError(
            "packages needed to compile an interpreter are missing; install them with\n"
            f"  {sudo}apt-get install {' '.join(missing)}"
        )


def fetch(wanted: WantedInterpreter, folder: Path, steps: Steps) -> Path:
    """Download the source package and return its checked upstream tarball.

    Each of the machine's archives that looks like Debian's is tried in turn.
    """
    entries = apt_sources.choose(apt_sources.read_machine())
    if not entries:
        raise InterpreterError(
            "the apt configuration names no Debian archive to take the sources of "
            f"{wanted.source_package} from"
        )
    assert wanted.source_package and wanted.suite
    failures = []
    for number, entry in enumerate(entries):
        place = folder / f"apt-{number}"
        options = _private_apt(place, apt_sources.render_source_entry(entry, wanted.suite))
        command = ["apt-get", *options, "-q"]
        try:
            steps.run(
                f"reading the package list of {wanted.suite}",
                # Without the option a mirror that cannot be reached is only a warning.
                [*command, "-o", "APT::Update::Error-Mode=any", "update"],
                cwd=place,
                limit_seconds=_APT_SECONDS,
            )
            steps.run(
                f"fetching {wanted.source_package}",
                [*command, "source", "--download-only", f"{wanted.source_package}/{wanted.suite}"],
                cwd=place,
                limit_seconds=_APT_SECONDS,
            )
        except InterpreterError as error:
            failures.append(str(error))
            continue
        tarball = _upstream_tarball(place)
        check_sha256(tarball, wanted)
        return tarball
    raise InterpreterError("\n".join(failures))


def _private_apt(place: Path, source_entry: str) -> list[str]:
    """Create apt's folders below `place`; return the options that make it use only them."""
    for part in ("lists/partial", "cache/archives/partial", "parts"):
        (place / part).mkdir(parents=True)
    (place / "parts" / "source.sources").write_text(source_entry, encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": place / "parts",
        "Dir::State::Lists": place / "lists",
        "Dir::Cache": place / "cache",
        # As root apt would change to a user who may not enter the cache.
        "APT::Sandbox::User": "root",
        "Acquire::Retries": 2,
        "Acquire::http::Timeout": 60,
        "Acquire::https::Timeout": 60,
        "Acquire::Languages": "none",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _upstream_tarball(place: Path) -> Path:
    found = sorted(place.glob("*.orig.tar.*[!c]"))  # not the signature, .asc
    if len(found) != 1:
        raise InterpreterError(f"the source package holds {len(found)} upstream tarballs, not one")
    return found[0]


def check_sha256(tarball: Path, wanted: WantedInterpreter) -> None:
    """Raise InterpreterError when the configuration names another hash; no hash, no check."""
    if wanted.sha256 is None:
        return
    with tarball.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != wanted.sha256:
        raise InterpreterError(
            f"{tarball.name} has sha256 {actual}, {wanted.source} wants {wanted.sha256}; "
            f"if {wanted.suite} moved to a newer release, set sha256 of {wanted.name} to the new "
            "value or to null"
        )


def unpack(tarball: Path, folder: Path) -> Path:
    """Unpack into `folder`; return the source tree, the tarball's only folder."""
    target = folder / "source"
    try:
        with tarfile.open(tarball) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise InterpreterError(f"{tarball.name} cannot be unpacked: {error}") from None
    trees = [path for path in target.iterdir() if (path / "configure").is_file()]
    if len(trees) != 1:
        raise InterpreterError(f"{tarball.name} holds no single tree with a configure script")
    return trees[0]


def configure_arguments(wanted: WantedInterpreter, prefix: Path) -> list[str]:
    """Return configure's arguments.

    No profile-guided optimisation: it takes many times longer and interpreters are only
    comparable when all of them have it or none.
    """
    return [
        *(["--disable-gil"] if wanted.free_threaded else []),
        "--enable-shared",
        f"--prefix={prefix}",
        f"--libdir={prefix / 'lib'}",
        "--without-ensurepip",
        "--disable-test-modules",
        f"LDFLAGS=-Wl,-rpath,{prefix / 'lib'}",
    ]


def compile_and_install(
    wanted: WantedInterpreter, source: Path, prefix: Path, steps: Steps
) -> None:
    """Run configure, make and make install."""
    steps.run(
        "configuring",
        ["./configure", *configure_arguments(wanted, prefix)],
        cwd=source,
        limit_seconds=_CONFIGURE_SECONDS,
    )
    jobs = len(os.sched_getaffinity(0))
    steps.run(
        f"compiling with {jobs} jobs",
        ["make", f"-j{jobs}"],
        cwd=source,
        limit_seconds=_MAKE_SECONDS,
        expected=count_objects(source),
        counts=is_compilation,
    )
    steps.run("installing", ["make", "altinstall"], cwd=source, limit_seconds=_INSTALL_SECONDS)


def is_compilation(line: str) -> bool:
    """Whether a line of make's output is the compilation of one object."""
    return " -c " in line and line.rstrip().endswith((".c", ".o"))


def count_objects(source: Path) -> int:
    """Estimate from a dry run how many objects make will compile; 0 if it cannot be told."""
    try:
        dry: Sequence[str] = subprocess.run(
            ["make", "--dry-run"],
            cwd=source,
            env=clean_environment(os.environ),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        ).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(map(is_compilation, dry))
