"""What tasks wait for, by construction: the truth that metrics are judged against.

Nothing measured by the runtime enters. A task of ``workloads/regimes.py`` asks each resource
for a known time; the operational laws say at how many workers which resource is the limit
(E. D. Lazowska et al., Quantitative System Performance, 1984, ch. 5): with demands D_r,
capacities c_r and R = cpu + wait, the asymptotes cross at N* = R / max_r(D_r / c_r). Far below
N* nobody queues and workers wait for their own I/O; far above, all but N* queue at the
bottleneck. In between both are true, and such trials are set aside.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.store.parameter_text import parse_parameters

IO_WAIT = "io_wait"
GIL_WAIT = "gil_wait"
RUN_QUEUE = "run_queue"
USER_LOCK = "user_lock"
REMOTE = "saturated_remote"
REGIMES = (IO_WAIT, GIL_WAIT, RUN_QUEUE, USER_LOCK, REMOTE)
TITLES = {
    IO_WAIT: "I/O wait",
    GIL_WAIT: "GIL wait",
    RUN_QUEUE: "run queue",
    USER_LOCK: "user lock",
    REMOTE: "saturated remote",
}
#: between these multiples of N* a trial is in no regime alone
CLEAR_BELOW = 0.5
CLEAR_ABOVE = 2.0
#: a bottleneck is in use, and anything is not the bottleneck, from or up to this utilisation
IN_USE = 0.75


@dataclass(frozen=True, slots=True)
class Construction:
    """What a task asks for, as configured; milliseconds. ``remote_servers`` 0: no limit."""

    cpu_ms: float
    wait_ms: float
    releases_gil: bool = False
    lock: str = "none"
    remote_servers: int = 0

    def loads(self, cores: int, gil: bool) -> dict[str, float]:
        """Milliseconds per task of each resource that can be the limit, over its capacity.

        In the order in which ties are decided: who holds the lock alone wants the GIL alone.
        """
        loads = {}
        if self.lock == "waiting":
            loads[USER_LOCK] = self.wait_ms
        elif self.lock == "computing":
            loads[USER_LOCK] = self.cpu_ms
        if self.remote_servers:
            loads[REMOTE] = self.wait_ms / self.remote_servers
        if gil and not self.releases_gil:
            loads[GIL_WAIT] = self.cpu_ms
        loads[RUN_QUEUE] = self.cpu_ms / cores
        return loads

    def regime(self, workers: int, cores: int, gil: bool) -> str | None:
        """What ``workers`` of them wait for; None where no single answer is right."""
        loads = self.loads(cores, gil)
        limit = max(loads, key=lambda name: loads[name])
        knee = (self.cpu_ms + self.wait_ms) / loads[limit]
        if workers >= CLEAR_ABOVE * knee:
            return limit
        if workers <= CLEAR_BELOW * knee and self.wait_ms > self.cpu_ms:
            return IO_WAIT
        return None

    def confirmed(self, regime: str, workers: int, cores: int, gil: bool, rate: float) -> bool:
        """Whether a throughput (tasks/s), seen from outside, agrees by the utilisation law U = XD.

        The bottleneck has to be in use; with I/O wait nothing may be, and the workers have to
        be as fast as their own task lets them (Little's law: X = N / R).
        """
        used = {name: rate * load / 1e3 for name, load in self.loads(cores, gil).items()}
        if regime == IO_WAIT:
            fastest = 1e3 * workers / (self.cpu_ms + self.wait_ms)
            return max(used.values()) < IN_USE and rate > IN_USE * fastest
        return used[regime] > IN_USE


def construction(parameters: dict[str, object]) -> Construction | None:
    """From the parameters of a workload; None for workloads of another kind."""
    if not {"cpu_ms", "wait_ms"} <= parameters.keys():
        return None
    fields = Construction.__dataclass_fields__.keys() & parameters.keys()
    return Construction(**{name: parameters[name] for name in fields})  # type: ignore[arg-type]


def with_truth(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials with columns ``regime`` (None for none), ``held_out`` and ``confirmed``."""
    regimes, held_out, confirmed = [], [], []
    for row in trials.to_dict("records"):
        parameters = parse_parameters(row.get("parameters"))
        task = construction(parameters)
        gil = _truth(row.get("gil_enabled"))
        workers, cores = int(row["concurrency"]), int(row["cores"])
        regime = task.regime(workers, cores, gil) if task is not None else None
        rate = float(row["throughput_tps"])
        regimes.append(regime)
        held_out.append(bool(parameters.get("held_out", False)))
        confirmed.append(
            task.confirmed(regime, workers, cores, gil, rate)
            if task is not None and regime is not None and np.isfinite(rate)
            else None
        )
    index = trials.index
    return trials.assign(
        regime=pd.Series(regimes, index, dtype=object),
        held_out=pd.Series(held_out, index, dtype=bool),
        confirmed=pd.Series(confirmed, index, dtype=object),
    )


def _truth(value: object) -> bool:
    return str(value).lower() in ("true", "1", "1.0")
