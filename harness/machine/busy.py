"""Is somebody else using this machine right now? A short look before measuring."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import RefusedError
from harness.machine.counters import difference, process_cpu_seconds, read_text
from harness.machine.noise import EXACT_RESOLUTION_S, Roots, read_noise

MOST_NAMED = 3


class BusyMachineError(RefusedError):
    """Others use the machine, and configuration says not to measure then."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A process and the CPUs it kept busy: 1.0 is one whole CPU."""

    pid: int
    name: str
    cpus: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What others did on some CPUs for ``seconds``; None where the machine does not tell.

    ``foreign_cpu_share``: CPU time of others over the capacity of the CPUs;
    ``pressure_share``: share of the time that some task on the machine waited for a CPU.
    """

    seconds: float
    foreign_cpu_share: float | None
    pressure_share: float | None
    consumers: tuple[Consumer, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def is_busy(self, limit: float) -> bool:
        """Whether others used more than ``limit`` of the CPUs, as far as can be told."""
        return self.foreign_cpu_share is not None and self.foreign_cpu_share > limit

    def describe(self) -> str:
        """In words, with the largest consumers."""
        if self.foreign_cpu_share is None:
            return "CPU use of others: unavailable"
        names = ", ".join(f"{c.name} (pid {c.pid}) {c.cpus:.0%} of a CPU" for c in self.consumers)
        return f"others use {self.foreign_cpu_share:.0%} of the CPUs" + (
            f": {names}" if names else ""
        )


ADVICE = (
    "end them and start again, or expect trials to be left out by the rules of config.yaml "
    "(busy_start.refuse_busy: true stops a run here)"
)


def take_sample(
    cpus: Sequence[int],
    seconds: float,
    *,
    roots: Roots | None = None,
    own: Sequence[int] = (),
    pause: Callable[[float], None] = time.sleep,
) -> Sample:
    """Look at the machine for ``seconds``. ``own`` processes are not foreign, nor is the caller.

    A tick per CPU, which the clocks may be behind, is not held against anybody.
    """
    roots = roots or Roots()
    own = (os.getpid(), *own)
    processes = _process_seconds(roots.proc, own)
    own_before, before = process_cpu_seconds(own), read_noise(cpus, roots)
    pause(seconds)
    after, own_after = read_noise(cpus, roots), process_cpu_seconds(own)
    span = after.monotonic_s - before.monotonic_s
    busy = difference(after.busy_s, before.busy_s)
    pressure = difference((after.pressure_s or {}).get("cpu"), (before.pressure_s or {}).get("cpu"))
    share = None
    if busy is not None and span > 0:
        doubt = EXACT_RESOLUTION_S * len(cpus)
        share = max(0.0, busy - (own_after - own_before) - doubt) / (span * len(cpus))
    return Sample(
        seconds=span,
        foreign_cpu_share=share,
        pressure_share=None if pressure is None or span <= 0 else pressure / span,
        consumers=_largest(processes, _process_seconds(roots.proc, own), span, roots.proc),
    )


def _process_seconds(proc: Path, own: Sequence[int]) -> dict[int, float]:
    """CPU seconds of every process but one's own."""
    pids = [int(path.name) for path in proc.glob("[0-9]*")]
    return {pid: process_cpu_seconds([pid]) for pid in pids if pid not in own}


def _largest(
    before: dict[int, float], after: dict[int, float], span: float, proc: Path
) -> tuple[Consumer, ...]:
    used = {pid: after[pid] - before.get(pid, 0.0) for pid in after}
    largest = sorted(used, key=lambda pid: -used[pid])[:MOST_NAMED]
    return tuple(
        Consumer(pid, (read_text(proc / str(pid) / "comm") or "?").strip(), used[pid] / span)
        for pid in largest
        if span > 0 and used[pid] / span >= 0.05
    )


def warn_or_refuse(sample: Sample, limit: float, refuse: bool) -> str:
    """The warning that a busy machine deserves, empty for a quiet one.

    Raises ``BusyMachineError`` with it when measuring is to be refused.
    """
    if not sample.is_busy(limit):
        return ""
    text = f"this machine is busy: {sample.describe()}; {ADVICE}"
    if refuse:
        raise BusyMachineError(f"refused: {text}")
    return text
