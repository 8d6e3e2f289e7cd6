"""Which CPUs there are for measuring, and which of them a pinning uses."""

import os
from collections.abc import Sequence


def available_cpus() -> tuple[int, ...]:
    """The CPUs this process may use, in ascending order."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def pin_to(cores: int, cpus: Sequence[int]) -> list[int]:
    """Which CPUs a pinning of ``cores`` uses: the highest-numbered; CPU 0 serves interrupts."""
    return list(cpus)[-cores:]
