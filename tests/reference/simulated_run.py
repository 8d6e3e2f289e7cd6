"""A small run with every experiment that tables are made of, for the two paths to agree on.

Shapes are rough: what is tested is that both paths compute the same from the same numbers.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

BLOCKS = 3
PY, FT, FT_GIL = "cpython-3.12", "cpython-3.13t", "cpython-3.13t-gil"
PROFILES = ("vision", "voice", "sensor_fusion", "rag", "slm", "analytics", "onnx_mobilenet")


def _fixed(*sizes: int) -> list[tuple[str, int]]:
    return [("fixed", size) for size in sizes]


CONTROLLERS = [("paper_algorithm1", 64), ("adaptive", 120)]
PROCESSES = [(f"processes{way}", size) for way in ("", "_fork", "_forkserver") for size in (4, 8)]
#: experiment, workloads, interpreters, cores, configurations
CELLS = (
    ("profiles", PROFILES, (PY,), (1,), [*_fixed(8, 32), *CONTROLLERS, ("queue_scaler", 64)]),
    ("cliff", ("micro",), (PY, FT), (1, 2), _fixed(1, 8, 32, 512, 2048)),
    ("cliff_batch", ("micro",), (PY, FT), (1,), _fixed(1, 8, 32, 512, 2048)),
    ("pure_io", ("pure_io",), (PY,), (1,), _fixed(1, 4, 64, 256)),
    ("gil_nogil", ("mixed_10_50",), (PY, FT, FT_GIL), (1, 2), _fixed(1, 32)),
    ("single_thread", ("cpu_only", "cpu_objects"), (PY, FT, FT_GIL), (1,), _fixed(1)),
    (
        "baselines",
        ("micro",),
        (PY,),
        (1,),
        [
            *_fixed(16, 32, 256),
            *[("processes", 2), ("asyncio", 32), ("asyncio", 256), ("queue_scaler", 256)],
            *CONTROLLERS,
        ],
    ),
    ("mix_sweep", ("mix_100_1000us", "mix_10000_1us"), (PY,), (1,), [*_fixed(8, 64), *CONTROLLERS]),
    (
        "threshold",
        ("mix_100_1000us",),
        (PY,),
        (1,),
        [
            *_fixed(16, 64),
            *[(f"paper_algorithm1_t{t}", 128) for t in (20, 40, 70)],
            *[(f"adaptive_spare_{s}permille", 120) for s in (10, 50)],
        ],
    ),
    ("memory", ("mixed_10_50",), (PY,), (1,), [*_fixed(4, 32, 64), *PROCESSES, ("adaptive", 120)]),
    ("memory_512mb", ("mixed_10_50",), (PY,), (1,), [("adaptive", 120), ("processes", 16)]),
    (
        "timeline",
        ("micro",),
        (PY,),
        (1,),
        [("paper_algorithm1_published", 64), ("adaptive_cold", 9)],
    ),
    (
        "ablation",
        ("rag", "slm"),
        (PY,),
        (1,),
        [*_fixed(4, 64), ("adaptive", 120), ("adaptive_unverified", 120), ("adaptive_cold", 120)],
    ),
    ("phases", ("phase_steps",), (PY,), (1,), [*_fixed(2, 32), ("adaptive", 120)]),
    ("estimates", ("mixed_1_10",), (PY,), (1,), [("adaptive_held", 4), ("adaptive_held", 16)]),
    ("instrumentation", ("micro",), (PY,), (1,), [*_fixed(1, 32)]
        + [("fixed_instrumented", size) for size in (1, 32)]),
    ("shared_process", ("mixed_1_10",), (PY,), (1,), [*_fixed(4, 16), ("adaptive", 120),
        ("adaptive_two_pools", 120), ("adaptive_beside_loop", 120), ("fixed_beside_loop", 4),
        ("fixed_beside_loop", 16)]),
    ("generality", ("drawn_1234", "drawn_777777"), (PY,), (2,),
        [*_fixed(1, 4, 16, 64), ("paper_algorithm1", 64), ("adaptive", 64)]),
    ("failures", ("refusing", "patient"), (PY,), (1,), [*_fixed(4, 16), ("adaptive", 120)]),
    ("invariance", ("mixed_1_10", "wait_pareto", "cpu_2"), (PY,), (1,),
        [*_fixed(8, 32), ("adaptive_held", 8), ("adaptive", 120)]),
)  # fmt: skip
TASKS = {
    "io_a": {"cpu_ms": 0.2, "wait_ms": 20.0},
    "io_b": {"cpu_ms": 0.1, "wait_ms": 8.0, "remote_servers": 4096},
    "io_c": {"cpu_ms": 0.15, "wait_ms": 15.0, "held_out": True},
    "io_d": {"cpu_ms": 0.1, "wait_ms": 100.0, "held_out": True},
    "python_a": {"cpu_ms": 0.5, "wait_ms": 0.1},
    "python_b": {"cpu_ms": 6.0, "wait_ms": 4.0},
    "python_c": {"cpu_ms": 2.0, "wait_ms": 0.5, "held_out": True},
    "python_d": {"cpu_ms": 1.0, "wait_ms": 0.5, "held_out": True},
    "native_a": {"cpu_ms": 2.0, "wait_ms": 0.2, "releases_gil": True},
    "native_c": {"cpu_ms": 4.0, "wait_ms": 1.0, "releases_gil": True, "held_out": True},
    "lock_a": {"cpu_ms": 0.3, "wait_ms": 2.0, "lock": "waiting"},
    "lock_d": {"cpu_ms": 5.0, "wait_ms": 2.0, "lock": "computing", "held_out": True},
    "remote_a": {"cpu_ms": 0.2, "wait_ms": 5.0, "remote_servers": 1},
    "remote_c": {"cpu_ms": 0.2, "wait_ms": 8.0, "remote_servers": 2, "held_out": True},
}
INVARIANCE = {"mixed_1_10": (1, 10), "wait_pareto": (1, 10), "cpu_2": (2, 10)}


def simulate(seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """trials.csv, timelines.csv and decisions.csv."""
    rng = np.random.default_rng(seed)
    rows = []
    for experiment, workloads, interpreters, cores, pools in CELLS:
        for workload in workloads:
            for interpreter in interpreters:
                for pinned in cores:
                    cell = (experiment, workload, interpreter, pinned)
                    rows += _cell(rng, cell, pools)
    for name, task in TASKS.items():
        cell = ("discrimination", f"regime_{name}", PY, 1)
        pools = [
            (strategy, size) for strategy in ("adaptive_held", "fixed") for size in (4, 16, 64)
        ]
        text = ";".join(f"{key}={json.dumps(value)}" for key, value in sorted(task.items()))
        for row in _cell(rng, cell, pools):
            alone = task["cpu_ms"] + task["wait_ms"]
            fastest = 1e3 * min(row["concurrency"] / alone, 1 / task["cpu_ms"])
            rate = fastest * np.exp(rng.normal(0, 0.05))
            rows.append(row | {"parameters": text, "throughput_tps": rate})
    trials = pd.DataFrame(rows)
    count = len(trials)
    trials["spec_hash"] = [f"{number:08x}" for number in range(count)]
    struck = rng.random(count) < 0.03
    trials["excluded"] = struck
    trials["exclusion_reason"] = np.where(struck, "steal above 2 %", "")
    trials["reason"] = trials["exclusion_reason"]
    died = (trials["experiment"] == "memory_512mb") & (trials["strategy"] == "processes")
    trials.loc[died, ["status", "reason"]] = ["oom", "out of memory"]
    trials.loc[died, ["excluded", "exclusion_reason"]] = [False, ""]
    again = trials[trials["excluded"]].sample(frac=0.6, random_state=1)
    again = again.assign(attempt=2, excluded=False, exclusion_reason="", reason="")
    again["throughput_tps"] *= 1.03
    again["spec_hash"] += "-2"
    skipped = {"status": "not_run", "reason": "not run: 2 cores", "block": 0, "excluded": False}
    absent = pd.DataFrame(
        [
            dict(zip(("experiment", "workload", "interpreter", "cores"), cell, strict=True))
            | skipped
            for cell in (("cliff", "micro", PY, 4), ("cliff_batch", "micro", PY, 4))
        ]
    )
    whole = pd.concat([trials, again, absent], ignore_index=True)
    return whole, *_progress(rng, whole)


def _cell(
    rng: np.random.Generator, cell: tuple[str, str, str, int], pools: list[tuple[str, int]]
) -> list[dict[str, object]]:
    rows = []
    labels = [(*pool, "") for pool in pools]
    labels += [(*pool, "aa_twin") for pool in pools[:1] if pool[0] == "fixed"]
    for block in range(1, BLOCKS + 1):
        for strategy, size, label in labels:
            row = dict(zip(("experiment", "workload", "interpreter", "cores"), cell, strict=True))
            row |= {"strategy": strategy, "concurrency": size, "label": label, "block": block}
            rows.append(row | _measured(rng, *cell[:2], size))
    return rows


def _measured(
    rng: np.random.Generator, experiment: str, workload: str, size: int
) -> dict[str, object]:
    rate = 8000 / (1 + 9 / size) / (1 + size / 1500) * np.exp(rng.normal(0, 0.08))
    cpu_ms = 900 / 8000 * np.exp(rng.normal(0, 0.1))
    started = 1.7e9 + 1e4 * rng.random()
    batch = experiment == "cliff_batch"
    row = {
        "status": "ok",
        "attempt": 1,
        "notes": "tick 5 ms, published 500 ms" if experiment == "threshold" else "",
        "throughput_tps": rate,
        "cpu_ms_per_task": cpu_ms,
        "clocked_cpu_ms": cpu_ms * rng.uniform(0, 0.4) if experiment == "ablation" else np.nan,
        "speed_window": 50 * np.exp(rng.normal(0, 0.2)),
        "latency_p99_ms": 3 * np.exp(rng.normal(0, 0.2)) + size / 50,
        "run_queue_ms_per_task": 0.01 * size * rng.random(),
        "voluntary_switches_per_s": rate * (1 + size / 500) * np.exp(rng.normal(0, 0.05)),
        "involuntary_switches_per_s": rate * rng.random() / 10,
        "final_workers": float(rng.integers(1, min(size, 40) + 1)),
        "vetoes": float(rng.integers(0, 3)),
        "gil_enabled": True,
        "warmup_s": 0.5,
        "window_s": np.nan if batch else 2.0,
        "elapsed_s": 3.0 if batch else np.nan,
        "startup_s": 0.0002 * size * rng.random() if batch else np.nan,
        "shutdown_s": 0.0001 * size * rng.random() if batch else np.nan,
        "started_at": started,
        "ended_at": started + 2.9,
        "wakeup_lateness_ms": rng.exponential(0.5),
        "parameters": "",
        "conditions": "",
    }
    for name in ("beta_naive", "beta_star", "gil_wait_share", "gil_wait_share_true"):
        row[name] = rng.uniform(0.05, 0.95)
    for name in ("run_queue_share", "lock_wait_share"):
        row[name] = rng.uniform(0.05, 0.5)
    for name, base in (("pss", 30), ("uss", 20), ("rss", 40)):
        row[f"{name}_peak_mb"] = base + size * rng.uniform(0.1, 0.2)
    if experiment == "failures":
        failed = {"Refused": int(rng.integers(0, 900)), "Impatient": int(rng.integers(1, 90))}
        row["completed"], row["failed"] = round(2 * rate), sum(failed.values())
        row["failures_tps"] = row["failed"] / 2
        row["failures"] = ";".join(f"{name}={n}" for name, n in failed.items() if n)
    if experiment == "invariance":
        cpu, wait = INVARIANCE[workload]
        row["parameters"] = f"cpu_ms={cpu};wait_ms={wait}"
        row["beta_star"] = wait / (wait + cpu) - rng.uniform(0, 0.06)
    return row


def _progress(rng: np.random.Generator, trials: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    timelines, decisions = [], []
    for row in trials[trials["experiment"].isin(["profiles", "phases", "timeline"])].itertuples():
        if row.experiment == "profiles" and row.strategy == "fixed":
            continue
        for number in range(120 if row.experiment == "timeline" else 44):
            at = 0.05 * number
            bins = {"spec_hash": row.spec_hash, "from_s": at, "to_s": at + 0.05}
            phase = int(at >= 1.1) if row.experiment == "phases" else 0
            suits = 1.0 if row.concurrency > 2 or phase else 0.5
            done = int(rng.poisson(20 * suits * min(1, (at + 0.01) / 0.4)))
            timelines.append(bins | {"phase": phase, "completed": done})
            if row.experiment == "timeline" and not number % 5:
                workers = int(rng.integers(2, 20))
                decisions.append({"spec_hash": row.spec_hash, "at_s": at, "workers": workers})
    return pd.DataFrame(timelines), pd.DataFrame(decisions)


def micro_benchmarks(folder: Path, seed: int = 1) -> None:
    """micro-INTERPRETER.json as pyperf writes it."""
    import pyperf

    rng = np.random.default_rng(seed)
    names = ["clock_time", "noop", "paper_instrumentation", "sample"]
    for pattern in (
        "algorithm1_tick_{}_workers",
        "settled_decision_{}_workers",
        "window_{}_workers",
    ):
        names += [pattern.format(size) for size in (4, 64, 512)]
    suite = [
        pyperf.Benchmark(
            [
                pyperf.Run(
                    list(3e-7 * np.exp(rng.normal(0, 0.1, 3))),
                    metadata={"name": name},
                    collect_metadata=False,
                )
                for _ in range(4)
            ]
        )
        for name in names
    ]
    pyperf.BenchmarkSuite(suite).dump(str(folder / f"micro-{PY}.json"), replace=True)
