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
computed, not fitted: nothing in it can be tuned towards a result.

    log X adjusted = log X - elasticity * (log v - mean over the cell of log v)
"""

import numpy as np
import pandas as pd

CONFIGURATION = ["strategy", "concurrency"]
NEEDED = ("speed_window", "cpu_ms_per_task", "throughput_tps")


def elasticities(usable: pd.DataFrame) -> "pd.Series[float]":
    """Elasticity of each trial's configuration, between 0 and 1, indexed like ``usable``.

    ``usable`` holds the usable trials of one cell. CPU use is in cores: CPU seconds per task
    times tasks per second, averaged over a configuration's trials. Zero where it is unknown.
    """
    use = usable["cpu_ms_per_task"] * usable["throughput_tps"] / 1e3
    means = use.groupby([usable[name] for name in CONFIGURATION], dropna=False).transform("mean")
    capacity = means.max()
    if not np.isfinite(capacity) or capacity <= 0:
        return pd.Series(0.0, usable.index)
    shares: pd.Series[float] = (means / capacity).clip(0.0, 1.0).fillna(0.0)
    return shares


def has_covariate(trials: pd.DataFrame) -> bool:
    """Whether every trial that ended well carries the speed of its CPUs.

    Correcting some trials of a cell and not others would set them apart: it is all or none.
    """
    usable = trials[trials["status"] == "ok"]
    if usable.empty or any(name not in usable for name in NEEDED):
        return False
    return bool((pd.to_numeric(usable["speed_window"]) > 0).all())


def log_corrections(usable: pd.DataFrame) -> "pd.Series[float]":
    """What to add to each trial's log throughput, indexed like ``usable``, which must have the
    covariate (see :func:`has_covariate`)."""
    logs = np.log(pd.to_numeric(usable["speed_window"]))
    corrections: pd.Series[float] = -elasticities(usable) * (logs - logs.mean())
    return corrections
