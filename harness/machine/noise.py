"""What disturbs a measurement on some CPUs, as the kernel counts it: readings, no judgement.

A probe that this machine does not have reads as None, never as zero. Where CPU time comes
from is a ladder, since kernels differ in what they count exactly:

1. ``cpuacct``: ``cpuacct.usage_percpu`` of the root cgroup (cgroup v1), nanoseconds;
2. ``schedstat``: field 7 of the ``cpu`` lines of ``/proc/schedstat``, nanoseconds
   (Documentation/scheduler/sched-stats.rst);
3. ``ticks``: the ``cpu`` lines of ``/proc/stat``, which charge a whole tick to whoever runs as
   the clock interrupt strikes, and are thus a sample.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.machine.counters import pressure_totals, read_text, vmstat

#: what a task that is on a CPU may have run since it was last charged: a tick at 250 Hz
EXACT_RESOLUTION_S = 0.004
USER_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Roots:
    """Where the kernel's files lie; tests point them elsewhere."""

    proc: Path = Path("/proc")
    cpu: Path = Path("/sys/devices/system/cpu")
    cgroup: Path = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Noise:
    """Counters at ``monotonic_s`` (``perf_counter``) and ``wall_s`` (Unix seconds).

    ``busy_s``: CPU seconds of all tasks on the CPUs asked for, by ``busy_source``; ``steal_s``
    what the hypervisor gave to others on them; ``pressure_s`` seconds during which some task
    waited, per resource; pages swapped in and out and processes killed for want of memory on
    the whole machine; ``thermal_throttles`` events on the CPUs; ``quota_throttled_s`` seconds
    that the cgroups around this process were held back by their CPU quota; ``frequency_mhz``
    mean over the CPUs at this moment.
    """

    monotonic_s: float
    wall_s: float
    busy_s: float | None = None
    busy_source: str = ""
    steal_s: float | None = None
    pressure_s: Mapping[str, float] | None = None
    pages_swapped_in: int | None = None
    pages_swapped_out: int | None = None
    oom_kills: int | None = None
    thermal_throttles: int | None = None
    quota_throttled_s: float | None = None
    frequency_mhz: float | None = None


def read_noise(cpus: Sequence[int], roots: Roots | None = None) -> Noise:
    """Read everything that concerns ``cpus``, the CPU clocks first."""
    roots = roots or Roots()
    busy, source = busy_seconds(cpus, roots)
    monotonic_s, wall_s = time.perf_counter(), time.time()
    lines = stat_lines(roots.proc)
    counts = vmstat(roots.proc)
    return Noise(
        monotonic_s=monotonic_s,
        wall_s=wall_s,
        busy_s=busy,
        busy_source=source,
        steal_s=_over_cpus(cpus, lambda cpu: _steal(lines.get(cpu))),
        pressure_s=pressure_totals(roots.proc) or None,
        pages_swapped_in=counts.get("pswpin"),
        pages_swapped_out=counts.get("pswpout"),
        oom_kills=counts.get("oom_kill"),
        thermal_throttles=_thermal_throttles(cpus, roots.cpu),
        quota_throttled_s=quota_throttled_seconds(roots),
        frequency_mhz=_frequency(cpus, roots.cpu),
    )


def busy_seconds(cpus: Sequence[int], roots: Roots) -> tuple[float | None, str]:
    """CPU seconds that tasks used on ``cpus`` since boot, and where that comes from."""
    for source, read in _BUSY_LADDER.items():
        found = read(cpus, roots)
        if found is not None:
            return found, source
    return None, ""


def stat_lines(proc: Path) -> dict[int, list[int]]:
    """Per CPU the fields of ``/proc/stat``: user nice system idle iowait irq softirq steal …"""
    found = {}
    for line in (read_text(proc / "stat") or "").splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            found[int(name[3:])] = [int(field) for field in fields]
    return found


def _over_cpus(cpus: Sequence[int], read: Callable[[int], float | None]) -> float | None:
    """The sum over CPUs; None when one of them has no value."""
    values = [read(cpu) for cpu in cpus]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _busy_cpuacct(cpus: Sequence[int], roots: Roots) -> float | None:
    for folder in ("cpuacct", "cpu,cpuacct"):
        if not (roots.cgroup / folder / "release_agent").exists():
            continue  # not the root: a container sees its own share only
        fields = (read_text(roots.cgroup / folder / "cpuacct.usage_percpu") or "").split()
        if fields and max(cpus) < len(fields):
            return sum(int(fields[cpu]) for cpu in cpus) / 1e9
    return None


def _busy_schedstat(cpus: Sequence[int], roots: Roots) -> float | None:
    lines = {}
    for line in (read_text(roots.proc / "schedstat") or "").splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and len(fields) >= 7:
            lines[name] = int(fields[6]) / 1e9
    return _over_cpus(cpus, lambda cpu: lines.get(f"cpu{cpu}"))


def _busy_ticks(cpus: Sequence[int], roots: Roots) -> float | None:
    lines = stat_lines(roots.proc)

    def busy(cpu: int) -> float | None:
        fields = lines.get(cpu)
        return None if fields is None else (sum(fields[:3]) + sum(fields[5:7])) * USER_TICK_S

    return _over_cpus(cpus, busy)


_BUSY_LADDER: Mapping[str, Callable[[Sequence[int], Roots], float | None]] = {
    "cpuacct": _busy_cpuacct,
    "schedstat": _busy_schedstat,
    "ticks": _busy_ticks,
}


def _steal(fields: Sequence[int] | None) -> float | None:
    return fields[7] * USER_TICK_S if fields is not None and len(fields) > 7 else None


def _number(path: Path) -> int | None:
    text = (read_text(path) or "").strip()
    return int(text) if text.isdigit() else None


def _thermal_throttles(cpus: Sequence[int], folder: Path) -> int | None:
    """Times the cores were slowed because of heat (x86: thermal_throttle)."""
    found = _over_cpus(
        cpus, lambda cpu: _number(folder / f"cpu{cpu}" / "thermal_throttle/core_throttle_count")
    )
    return None if found is None else int(found)


def _frequency(cpus: Sequence[int], folder: Path) -> float | None:
    total = _over_cpus(cpus, lambda cpu: _number(folder / f"cpu{cpu}" / "cpufreq/scaling_cur_freq"))
    return None if total is None else total / len(cpus) / 1e3


def quota_throttled_seconds(roots: Roots) -> float | None:
    """Seconds that the cgroups this process lies in were held back by a CPU quota.

    Every cgroup up to the root counts: a container's limit is set on an outer one. None
    where none of them says, as in a machine without quotas.
    """
    seen: list[float] = []
    for line in (read_text(roots.proc / "self" / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            bases = [roots.cgroup, roots.cgroup / "unified"]
        elif "cpu" in controllers.split(","):
            bases = [roots.cgroup / controllers, roots.cgroup / "cpu"]
        else:
            continue
        base = next((base for base in bases if (base / "cgroup.procs").exists()), None)
        if base is not None:
            folder = base / path.lstrip("/")
            around = (f for f in (folder, *folder.parents) if f.is_relative_to(base))
            seen += [seconds for f in around if (seconds := throttled(f)) is not None]
    return sum(seen) if seen else None


def throttled(cgroup: Path) -> float | None:
    """Seconds of throttling in ``cpu.stat``: v2 counts microseconds, v1 nanoseconds."""
    units = {"throttled_usec": 1e-6, "throttled_time": 1e-9}
    for line in (read_text(cgroup / "cpu.stat") or "").splitlines():
        key, _, value = line.partition(" ")
        if key in units:
            return int(value) * units[key]
    return None
