"""The cgroup a trial runs in, and what its device asks for."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.design.device import Device
from harness.machine.cgroups import Group, Limits, make_group
from harness.machine.counters import read_memory


@contextmanager
def enclosed(device: Device | None, pinned: int, parent: int) -> Iterator[Group]:
    """A group for one trial on ``pinned`` cores, forked from ``parent``; removed afterwards.

    Without a device it limits nothing and only tells whether memory ran out inside.
    """
    with make_group(Limits() if device is None else device.limits, "trial") as group:
        if device is not None:
            enforced, not_enforced = device.cores_in_words(pinned)
            group.enforced[:0] = enforced
            group.not_enforced += not_enforced
            shared = read_memory([parent])
            if shared is not None:
                group.not_enforced.append(
                    f"{shared.rss_mb:.0f} MB shared with the parent are not counted as memory"
                )
        yield group
