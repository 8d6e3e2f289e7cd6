"""Which disturbances leave a trial out: the rules of config.yaml, fixed before anything runs."""

from pydantic import Field

from harness.base.models import Entry, Number


class Exclusion(Entry):
    """The rules; one that is not given, None, is off.

    Shares are of the trial's CPU capacity, that is measured seconds x cores. ``speed`` rules
    are ratios above 1, either way.
    """

    max_foreign_cpu_share: Number | None = Field(
        None,
        gt=0,
        le=1000,
        description="a trial is left out when others used more than this share of the capacity of "
        "its CPUs, that is window times cores",
    )
    max_steal_share: Number | None = Field(
        None,
        gt=0,
        le=1000,
        description="likewise for time the hypervisor gave to somebody else",
    )
    max_quota_throttled_share: Number | None = Field(
        None,
        gt=0,
        le=1000,
        description="likewise for time that a CPU quota around the harness held it back",
    )
    max_thermal_throttles: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="times a core may have been slowed because of heat",
    )
    max_speed_drift: Number | None = Field(
        None,
        gt=1,
        le=1000,
        description="by which factor the machine's speed after a trial may differ from before, "
        "either way",
    )
    max_speed_departure: Number | None = Field(
        None,
        gt=1,
        le=1000,
        description="by which factor the speed in the window may differ from the median of the "
        "cell, either way",
    )
    max_clock_step_ms: Number | None = Field(
        None,
        gt=0,
        le=86_400_000,
        description="by how much the wall clock may move against the monotonic one",
    )
    max_swap_mb: Number | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="how much memory the machine may swap in and out during a window",
    )
