"""Trials of the discrimination experiment with known truth: what an ideal runtime would see.

A closed network at its asymptotes: workers beyond the bottleneck's knee wait at it, and the
share of their time goes where the construction says. Naive beta follows from CPU time alone.
"""

import json

import numpy as np
import pandas as pd

from harness.analysis.data.regimes import GIL_WAIT, REMOTE, RUN_QUEUE, USER_LOCK, Construction

TASKS = {
    "io_a": ({"cpu_ms": 0.2, "wait_ms": 20.0}, False),
    "io_b": ({"cpu_ms": 0.1, "wait_ms": 8.0, "remote_servers": 4096}, False),
    "io_c": ({"cpu_ms": 0.15, "wait_ms": 15.0}, True),
    "io_d": ({"cpu_ms": 0.1, "wait_ms": 100.0}, True),
    "python_a": ({"cpu_ms": 0.5, "wait_ms": 0.1}, False),
    "python_b": ({"cpu_ms": 6.0, "wait_ms": 4.0}, False),
    "python_c": ({"cpu_ms": 2.0, "wait_ms": 0.5}, True),
    "native_a": ({"cpu_ms": 2.0, "wait_ms": 0.2, "releases_gil": True}, False),
    "native_c": ({"cpu_ms": 4.0, "wait_ms": 1.0, "releases_gil": True}, True),
    "lock_a": ({"cpu_ms": 0.3, "wait_ms": 2.0, "lock": "waiting"}, False),
    "lock_d": ({"cpu_ms": 5.0, "wait_ms": 2.0, "lock": "computing"}, True),
    "remote_a": ({"cpu_ms": 0.2, "wait_ms": 5.0, "remote_servers": 1}, False),
    "remote_c": ({"cpu_ms": 0.2, "wait_ms": 8.0, "remote_servers": 2}, True),
}
SIZES = (4, 16, 64)


def text_of(parameters):
    return ";".join(f"{key}={json.dumps(parameters[key])}" for key in sorted(parameters))


def simulate_regimes(seed=1, blocks=2, noise=0.03, strategies=("adaptive_held", "fixed")):
    """Rows as trials.csv has them."""
    rng = np.random.default_rng(seed)
    rows = []
    for name, (parameters, held_out) in TASKS.items():
        task = Construction(**parameters)
        for gil in (True, False):
            for cores in (1, 2):
                for block in range(1, blocks + 1):
                    for strategy in strategies:
                        for size in SIZES:
                            row = _row(rng, task, gil, cores, size, noise)
                            rows.append(
                                row
                                | {
                                    "experiment": "discrimination",
                                    "workload": f"regime_{name}",
                                    "parameters": text_of({**parameters, "held_out": held_out}),
                                    "interpreter": "cpython-3.12" if gil else "cpython-3.13t",
                                    "gil_enabled": gil,
                                    "cores": cores,
                                    "strategy": strategy,
                                    "concurrency": size,
                                    "block": block,
                                }
                            )
    return pd.DataFrame(rows)


def _row(rng, task, gil, cores, size, noise):
    loads = task.loads(cores, gil)
    limit = max(loads, key=lambda name: loads[name])
    least = task.cpu_ms + task.wait_ms
    rate = 1e3 * min(size / least, 1 / loads[limit])
    stay = 1e3 * size / rate
    queue = {limit: (stay - least) / stay}

    def seen(regime):
        return float(np.clip(queue.get(regime, 0.0) + rng.normal(0, noise), 0, 1))

    blocked = queue.get(USER_LOCK, 0) * stay + queue.get(REMOTE, 0) * stay + task.wait_ms
    return {
        "label": "",
        "status": "ok",
        "reason": "",
        "excluded": False,
        "exclusion_reason": "",
        "throughput_tps": rate * np.exp(rng.normal(0, noise)),
        "cpu_ms_per_task": task.cpu_ms,
        "beta_naive": 1 - task.cpu_ms / stay,
        "beta_star": blocked / (blocked + task.cpu_ms),
        "gil_wait_share": seen(GIL_WAIT),
        "run_queue_share": seen(RUN_QUEUE),
        "lock_wait_share": seen(USER_LOCK),
        "wakeup_lateness_ms": rng.exponential(0.5),
    }
