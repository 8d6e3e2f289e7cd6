"""A group of processes with limits of its own: cgroups, version 2 or 1, whatever there is.

The group lies below this process's own, so that limits around the harness (a container's)
stay in force. Version 2 forbids processes beside child groups: there the next group above
that hands out its controllers is taken, and limits of the one left behind are not kept.
What cannot be limited is said in words and never passed over. Kernel documentation:
admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.machine.counters import read_text
from harness.machine.noise import Roots, throttled

PREFIX = "edge-gil-harness-"
PERIOD_US = 100_000
MIB = 2**20
#: seconds a group's last processes may take to vanish
EMPTY_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a group may use; None limits nothing. ``cpu_cores`` is a quota: it alternates
    full speed and stalls, which is not what a slower clock does."""

    memory_mb: float | None = None
    cpu_cores: float | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What happened in a group so far; None where the kernel does not tell."""

    oom_kills: int | None = None
    memory_peak_mb: float | None = None
    pids_refused: int | None = None
    quota_throttled_s: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the cgroup file system in which groups with a controller can be made."""

    controller: str
    version: int
    folder: Path


def own_places(roots: Roots) -> list[Place]:
    """Where groups for memory, cpu and pids might be made, the most fitting first."""
    found: list[Place] = []
    for line in (read_text(roots.proc / "self" / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            for base in (roots.cgroup, roots.cgroup / "unified"):
                if (base / "cgroup.controllers").exists():
                    found += _places_v2(base, path)
            continue
        for name in controllers.split(","):
            if name not in ("memory", "cpu", "pids"):
                continue
            for mount in (controllers, name):
                folder = roots.cgroup / mount / path.lstrip("/")
                if (folder / "cgroup.procs").exists():
                    found.append(Place(name, 1, folder))
                    break
    return found


def _places_v2(base: Path, path: str) -> Iterator[Place]:
    own = base / path.lstrip("/")
    for folder in (own, *own.parents):
        if not folder.is_relative_to(base):
            break
        # A folder's controllers are what it may hand to its children.
        for name in (read_text(folder / "cgroup.controllers") or "").split():
            if name in ("memory", "cpu", "pids"):
                yield Place(name, 2, folder)


@dataclass
class Group:
    """Limits for the processes that join it; made by :func:`make_group`, removed by ``close``.

    ``join`` are the files a process writes ``0`` to, to become a member with all it starts.
    """

    enforced: list[str] = field(default_factory=list)
    not_enforced: list[str] = field(default_factory=list)
    folders: dict[str, Place] = field(default_factory=dict)

    @property
    def join(self) -> list[str]:
        folders = {place.folder for place in self.folders.values()}
        return [str(folder / "cgroup.procs") for folder in sorted(folders)]

    def usage(self) -> Usage:
        """Read what happened so far."""
        memory, pids, cpu = (self.folders.get(name) for name in ("memory", "pids", "cpu"))
        peak = None
        if memory is not None:
            name = "memory.peak" if memory.version == 2 else "memory.max_usage_in_bytes"
            text = (read_text(memory.folder / name) or "").strip()
            peak = int(text) / MIB if text.isdigit() else None
        events = "memory.events" if memory and memory.version == 2 else "memory.oom_control"
        return Usage(
            oom_kills=None if memory is None else counter(memory.folder / events, "oom_kill"),
            memory_peak_mb=peak,
            pids_refused=None if pids is None else counter(pids.folder / "pids.events", "max"),
            quota_throttled_s=None if cpu is None else throttled(cpu.folder),
        )

    def close(self) -> None:
        """End whatever is still inside and remove the group."""
        for folder in {place.folder for place in self.folders.values()}:
            remove(folder)
        self.folders.clear()

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def counter(path: Path, key: str) -> int | None:
    """The number behind ``key`` in a file of ``key number`` lines."""
    for line in (read_text(path) or "").splitlines():
        name, _, value = line.partition(" ")
        if name == key and value.strip().isdigit():
            return int(value)
    return None


def make_group(limits: Limits, label: str, roots: Roots | None = None) -> Group:
    """A new group with as many of the limits as this machine lets one set.

    A group is made for memory even without a limit on it, where possible: it is what tells
    that the kernel killed a process for want of memory.
    """
    roots = roots or Roots()
    places = own_places(roots)
    group = Group()
    name = f"{PREFIX}{os.getpid()}-{label}"
    wanted: Mapping[str, tuple[str, object]] = {
        "memory": (f"memory {limits.memory_mb} MB", limits.memory_mb),
        "pids": (f"{limits.pids} processes and threads", limits.pids),
        "cpu": (f"CPU quota of {limits.cpu_cores} cores", limits.cpu_cores),
    }
    for controller, (text, limit) in wanted.items():
        if limit is None and controller != "memory":
            continue
        place, reason = _make(places, controller, name, limits)
        if place is not None:
            group.folders[controller] = place
        if limit is not None and place is not None:
            group.enforced.append(f"{text} (cgroup v{place.version})")
        elif limit is not None:
            group.not_enforced.append(f"{text}: {reason}")
    memory = group.folders.get("memory")
    if memory is not None and limits.memory_mb is not None:
        bounded = _forbid_swap(memory, limits.memory_mb)
        (group.enforced if bounded else group.not_enforced).append(
            "no swap" if bounded else "no swap: the kernel does not account for it"
        )
    return group


def _make(
    places: list[Place], controller: str, name: str, limits: Limits
) -> tuple[Place | None, str]:
    """Make the folder for one controller and set its limits; the reason where that fails."""
    reason = f"no cgroup with the {controller} controller here"
    for place in places:
        if place.controller != controller:
            continue
        folder = place.folder / name
        made = False
        try:
            if place.version == 2:
                _hand_out(place)
            made = not folder.exists()
            folder.mkdir(exist_ok=True)
            _SET[place.version, controller](folder, limits)
        except OSError as error:
            reason = f"{place.folder}: {error.strerror or error}"
            if made:
                remove(folder)
            continue
        return Place(controller, place.version, folder), ""
    return None, reason


def _hand_out(place: Place) -> None:
    """Let the children of a v2 group use a controller."""
    control = place.folder / "cgroup.subtree_control"
    if place.controller not in (read_text(control) or "").split():
        control.write_text(f"+{place.controller}")


def _set_memory_v2(folder: Path, limits: Limits) -> None:
    if limits.memory_mb is not None:
        (folder / "memory.max").write_text(str(int(limits.memory_mb * MIB)))


def _set_memory_v1(folder: Path, limits: Limits) -> None:
    if limits.memory_mb is not None:
        (folder / "memory.limit_in_bytes").write_text(str(int(limits.memory_mb * MIB)))


def _set_pids(folder: Path, limits: Limits) -> None:
    if limits.pids is not None:
        (folder / "pids.max").write_text(str(limits.pids))


def _set_cpu_v2(folder: Path, limits: Limits) -> None:
    if limits.cpu_cores is not None:
        (folder / "cpu.max").write_text(f"{int(limits.cpu_cores * PERIOD_US)} {PERIOD_US}")


def _set_cpu_v1(folder: Path, limits: Limits) -> None:
    if limits.cpu_cores is not None:
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(int(limits.cpu_cores * PERIOD_US)))


_SET: Mapping[tuple[int, str], Callable[[Path, Limits], None]] = {
    (2, "memory"): _set_memory_v2,
    (1, "memory"): _set_memory_v1,
    (2, "pids"): _set_pids,
    (1, "pids"): _set_pids,
    (2, "cpu"): _set_cpu_v2,
    (1, "cpu"): _set_cpu_v1,
}


def _forbid_swap(memory: Place, memory_mb: float) -> bool:
    """Keep a group out of swap; False where the kernel does not offer it."""
    name, value = (
        ("memory.swap.max", "0")
        if memory.version == 2
        else ("memory.memsw.limit_in_bytes", str(int(memory_mb * MIB)))
    )
    file = memory.folder / name
    if not file.exists():
        return False
    try:
        file.write_text(value)
    except OSError:
        return False
    return True


def members(folder: Path) -> list[int]:
    """Processes in a group."""
    return [int(pid) for pid in (read_text(folder / "cgroup.procs") or "").split()]


def remove(folder: Path) -> None:
    """End whatever is in a group and remove it; a group that will not go is left behind."""
    deadline = time.monotonic() + EMPTY_LIMIT_S
    while folder.exists():
        for pid in members(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)


def remove_stale(roots: Roots | None = None) -> list[Path]:
    """Remove groups whose runner is gone, as a killed run leaves them; returns them."""
    stale = []
    for folder in {place.folder for place in own_places(roots or Roots())}:
        for left in folder.glob(f"{PREFIX}*"):
            owner = left.name.removeprefix(PREFIX).split("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                remove(left)
                stale.append(left)
    return stale
