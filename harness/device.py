"""Named small devices: limits for a trial, from config/devices.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.machine.cgroups import Limits
from harness.schema import read_checked


@dataclass(frozen=True, slots=True)
class Device:
    """How many cores and how much memory a device has, and optional further limits.

    ``cpu_quota_cores`` takes CPU time away in stalls; ``pids`` counts processes and threads.
    """

    name: str
    title: str
    cores: int
    memory_mb: int
    cpu_quota_cores: float | None = None
    pids: int | None = None

    @property
    def limits(self) -> Limits:
        """What a cgroup is asked to enforce; cores are a matter of affinity."""
        return Limits(self.memory_mb, self.cpu_quota_cores, self.pids)

    def cores_in_words(self, pinned: int) -> tuple[list[str], list[str]]:
        """What a pinning to ``pinned`` cores does and does not enforce of the device."""
        if pinned == self.cores:
            return [f"cores {self.cores} (affinity)"], []
        return [], [f"cores {self.cores}: the trial is pinned to {pinned}"]


def read_devices(path: Path) -> Mapping[str, Device]:
    """The devices in a file; none where there is no such file. Raises ``ConfigError``."""
    if not path.exists():
        return {}
    entries = read_checked(path, "devices")["devices"]
    return {name: Device(name, **entry) for name, entry in entries.items()}
