"""Named small devices: limits for a trial, from config/devices.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.base.models import Entry, Name, Number, read_model
from harness.machine.cgroups import Limits


class Device(Entry):
    """How many cores and how much memory a device has, and optional further limits."""

    title: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="how tables call it"
    )
    cores: int = Field(ge=1, le=1024, description="enforced by pinning")
    memory_mb: int = Field(ge=32, le=1_048_576, description="memory and swap together")
    cpu_quota_cores: Number | None = Field(
        None, ge=0.01, le=1024, description="takes CPU time away in stalls: no slower clock"
    )
    pids: int | None = Field(
        None, ge=2, le=4_194_304, description="most processes and threads together"
    )

    @property
    def limits(self) -> Limits:
        """What a cgroup is asked to enforce; cores are a matter of affinity."""
        return Limits(self.memory_mb, self.cpu_quota_cores, self.pids)

    def cores_in_words(self, pinned: int) -> tuple[list[str], list[str]]:
        """What a pinning to ``pinned`` cores does and does not enforce of the device."""
        if pinned == self.cores:
            return [f"cores {self.cores} (affinity)"], []
        return [], [f"cores {self.cores}: the trial is pinned to {pinned}"]


class Devices(Entry):
    """devices.yaml."""

    devices: dict[Name, Device]


def read_devices(path: Path) -> Mapping[str, Device]:
    """The devices in a file; none where there is no such file. Raises ``ConfigError``."""
    return read_model(path, Devices).devices if path.exists() else {}
