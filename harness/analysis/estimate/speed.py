"""Taking the machine's changes of speed out of throughput, with a covariate.

On a shared machine the same code runs at 1x or 1.6x from second to second, which makes the
ratio of two neighbouring trials as noisy as the machine. Each trial therefore carries the
speed of its CPUs during its window (``speed_window``), sampled by a process of its own in a
way that does not depend on what the trial does: a covariate, as in the analysis of covariance
(R. A. Fisher 1932; for experiments: D. R. Cox and N. Reid 2000, section 2.3).

How much of a change in speed v shows in throughput X follows from the operational laws: a
saturated pool is as fast as the CPU (d log X / d log v = 1), a lone worker that computes for C
and waits for Z gains only in C, so the derivative is C / (C + Z), which is its use of the
CPU. The elasticity of a configuration is thus its CPU use over the largest of the cell. It is
computed, not fitted: nothing in it can be tuned towards a result. A task that computes until a
clock says so (``clocked_cpu_ms``) takes that time at any speed: of its CPU use only what is
beyond counts.

Every throughput of a run is taken to one and the same speed, the geometric mean of
``speed_window`` over all its trials that ended well, set aside by a rule or not:

    log X adjusted = log X - elasticity * log (v / mean v of the run)

So any two throughputs of a run can be compared, of one cell or of two with different
elasticities and speeds, and the unit in which speed is counted cancels. Taking each cell to its
own mean would leave the difference between the means in the ratio of two cells; taking all to a
speed of 1 would make that ratio depend on the unit.
"""

import numpy as np
import pandas as pd

CONFIGURATION = ["strategy", "concurrency"]
#: speed in the window over the run's mean speed
RELATIVE = "relative_speed"
NEEDED = (RELATIVE, "cpu_ms_per_task", "throughput_tps")
#: of the logarithm: far below what can be measured, and above what changes with the unit
DIGITS = 9


def relative_speeds(trials: pd.DataFrame) -> "pd.Series[float]":
    """Speed in each trial's window over the run's mean speed, indexed like ``trials``, which
    are all of the run; NaN where it is unknown."""
    speeds = pd.to_numeric(trials["speed_window"], errors="coerce").astype(float)
    logs = np.log(speeds.where((speeds > 0) & (speeds < np.inf)))
    mean = logs[trials["status"] == "ok"].mean()
    relative: pd.Series[float] = np.exp((logs - mean).round(DIGITS))
    return relative


def elasticities(usable: pd.DataFrame) -> "pd.Series[float]":
    """Elasticity of each trial's configuration, between 0 and 1, indexed like ``usable``.

    ``usable`` holds the usable trials of one cell. CPU use is in cores: CPU seconds per task
    times tasks per second, averaged over a configuration's trials. Zero where it is unknown.
    """
    cpu_ms, per_ms = usable["cpu_ms_per_task"], usable["throughput_tps"] / 1e3
    clocked_ms = usable["clocked_cpu_ms"].fillna(0.0) if "clocked_cpu_ms" in usable else 0.0
    varying_ms = (cpu_ms - clocked_ms).clip(lower=0.0)
    used = pd.DataFrame({"all": cpu_ms * per_ms, "varying": varying_ms * per_ms})
    groups = [usable[name] for name in CONFIGURATION]
    means = used.groupby(groups, dropna=False).transform("mean")
    capacity = means["all"].max()
    if not np.isfinite(capacity) or capacity <= 0:
        return pd.Series(0.0, usable.index)
    shares: pd.Series[float] = (means["varying"] / capacity).clip(0.0, 1.0).fillna(0.0)
    return shares


def has_covariate(trials: pd.DataFrame) -> bool:
    """Whether every trial that ended well carries the speed of its CPUs; ``trials`` are
    normalised.

    Correcting some trials of a cell and not others would set them apart: it is all or none.
    """
    usable = trials[trials["status"] == "ok"]
    if usable.empty or any(name not in usable for name in NEEDED):
        return False
    return bool((usable[RELATIVE] > 0).all())


def log_corrections(
    usable: pd.DataFrame, elasticity: "pd.Series[float]", target: float = 1.0
) -> "pd.Series[float]":
    """What to add to each trial's log throughput to have it at a relative speed of ``target``;
    indexed like ``usable``, which must have the covariate (see :func:`has_covariate`)."""
    corrections: pd.Series[float] = -elasticity * np.log(usable[RELATIVE] / target)
    return corrections
