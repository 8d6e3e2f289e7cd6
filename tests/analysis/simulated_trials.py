"""A whole trials.csv with known truth: what a run of the harness would have measured."""

import numpy as np
import pandas as pd

PROFILES = {  # CPU and waiting milliseconds of a task; share of the CPU part that holds the GIL
    "vision": (16.0, 35.0, 0.4),
    "voice": (24.0, 25.0, 0.3),
    "sensor_fusion": (2.7, 22.0, 1.0),
    "rag": (2.7, 42.0, 1.0),
    "slm": (20.0, 5.3, 0.1),
    "analytics": (7.5, 30.0, 0.8),
    "onnx_mobilenet": (8.8, 50.0, 0.05),
}
INTERPRETERS = ("cpython-3.12", "cpython-3.13t")
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
CLIFF_SIZES = (1, 8, 32, 128, 512, 2048)
# Strategy, concurrency, share of the best pool's throughput, megabytes.
OTHERS = (
    ("processes", 4, 0.7, 260.0),
    ("asyncio", 64, 0.97, 42.0),
    ("asyncio_threads", 32, 0.92, 55.0),
    ("queue_scaler", 64, 0.88, 60.0),
    ("paper_algorithm1", 64, 0.93, 58.0),
)
TWIN_SIZE = 32
NOISE = 0.03


def pool_rate(cpu_ms, wait_ms, gil_share, size, cores, gil):
    """Tasks a second of a fixed pool, with a soft knee and a slow decline past it."""
    capacity = min(cores, 1 / gil_share) if gil else cores
    offered = size / (cpu_ms + wait_ms)
    served = capacity / cpu_ms
    rate = 1000 / (offered**-4 + served**-4) ** 0.25
    return rate / (1 + (0.12 if gil else 0.07) * np.log2(max(size / 16, 1)))


def _row(experiment, workload, interpreter, cores, strategy, size, block, rate, memory, **more):
    latency = 1000 * (size or 1) / rate
    cpu_ms, wait_ms = more.pop("task", (1.0, 1.0))
    return {
        "experiment": experiment,
        "workload": workload,
        "interpreter": interpreter,
        "cores": cores,
        "strategy": strategy,
        "concurrency": size,
        "label": "",
        "block": block,
        "status": "ok",
        "reason": "",
        "excluded": False,
        "exclusion_reason": "",
        "throughput_tps": rate,
        "window_s": 2.0,
        "warmup_s": 0.5,
        "latency_p99_ms": 1.3 * latency,
        "cpu_ms_per_task": cpu_ms,
        "beta_naive": wait_ms / (cpu_ms + wait_ms),
        "pss_peak_mb": memory,
        "attempt": 0,
    } | more


def simulate_trials(seed=1, blocks=5, noise=NOISE):
    """All cells of a run on two cores, shuffled in time; returns rows as trials.csv has them."""
    rng = np.random.default_rng(seed)
    rows = []
    for workload, (cpu_ms, wait_ms, share) in PROFILES.items():
        for interpreter in INTERPRETERS:
            for cores in (1, 2):
                rows += _cell(
                    rng, workload, interpreter, cores, blocks, noise, cpu_ms, wait_ms, share
                )
            rows.append(_not_run("profiles", workload, interpreter))
    for interpreter in INTERPRETERS:
        for cores in (1, 2):
            for block in range(1, blocks + 1):
                speed = rng.normal(0, 0.1)
                for size in CLIFF_SIZES:
                    rate = 8000 * (1 + (cores - 1) * interpreter.endswith("t"))
                    rate /= (1 + 6 / size) * (1 + size / 2000) ** (0.6 * cores)
                    rate *= np.exp(speed + rng.normal(0, noise))
                    memory = 30 + 0.05 * size
                    rows.append(
                        _row(
                            "cliff", "micro", interpreter, cores, "fixed", size, block, rate, memory
                        )
                    )
        rows.append(_not_run("cliff", "micro", interpreter))
    frame = pd.DataFrame(rows)
    frame["sequence"] = np.arange(len(frame))
    frame["started_at"] = 1.7e9 + 3.0 * frame["sequence"]
    frame["ended_at"] = frame["started_at"] + 2.9
    frame.loc[frame["status"] == "not_run", ["started_at", "ended_at", "attempt"]] = np.nan
    return frame


def _cell(rng, workload, interpreter, cores, blocks, noise, cpu_ms, wait_ms, share):
    gil = not interpreter.endswith("t")
    rates = {size: pool_rate(cpu_ms, wait_ms, share, size, cores, gil) for size in SIZES}
    best = max(rates.values())
    rows = []
    for block in range(1, blocks + 1):
        speed = rng.normal(0, 0.1)

        def measured(rate, speed=speed):
            return rate * np.exp(speed + rng.normal(0, noise))

        cell = ("profiles", workload, interpreter, cores)
        task = (cpu_ms, wait_ms)
        for size, rate in rates.items():
            memory = (35 + 0.08 * size) * np.exp(rng.normal(0, 0.01))
            rows.append(_row(*cell, "fixed", size, block, measured(rate), memory, task=task))
        twin = measured(rates[TWIN_SIZE])
        rows.append(_row(*cell, "fixed", TWIN_SIZE, block, twin, 37.5, task=task, label="aa_twin"))
        for strategy, size, factor, memory in OTHERS:
            peak = memory * np.exp(rng.normal(0, 0.02))
            rows.append(
                _row(*cell, strategy, size, block, measured(factor * best), peak, task=task)
            )
    return rows


def _not_run(experiment, workload, interpreter):
    return {
        "experiment": experiment,
        "workload": workload,
        "interpreter": interpreter,
        "cores": 4,
        "block": 0,
        "status": "not_run",
        "reason": "not run: 2 cores",
        "excluded": False,
    }
