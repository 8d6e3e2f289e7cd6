"""The experiments that answer the paper's tables, simulated: every column, known shapes."""

import numpy as np
import pandas as pd

from tests.analysis.simulated_trials import _not_run, _row

ALL = ("cpython-3.12", "cpython-3.13t", "cpython-3.13t-gil")
MIXES = ("mix_100_1000us", "mix_500_500us", "mix_1000_100us", "mix_2000_50us", "mix_5000_10us")
MIXES += ("mix_10000_1us",)
TIMELINE_S = 12.0
BIN_S = 0.05


def _fixed(sizes):
    return [("fixed", size) for size in sizes]


CONTROLLERS = [("paper_algorithm1", 64), ("adaptive", 120)]
#: experiment, workloads, interpreters, cells' strategies and sizes
EXPERIMENTS = (
    ("cliff", ("micro",), ALL[:2], _fixed((1, 8, 32, 128, 512, 2048))),
    ("cliff_batch", ("micro",), ALL[:2], _fixed((1, 8, 32, 128, 512, 2048))),
    ("pure_io", ("pure_io",), ALL[:2], _fixed((1, 4, 16, 64, 256))),
    ("gil_nogil", ("mixed_10_50",), ALL, _fixed((1, 32, 256))),
    ("single_thread", ("cpu_only",), ALL, _fixed((1,))),
    (
        "baselines",
        ("micro",),
        ALL[:2],
        [
            *_fixed((16, 32, 64, 128, 256)),
            *[("processes", size) for size in (2, 4, 8)],
            *[("asyncio", size) for size in (32, 256)],
            *[("queue_scaler", size) for size in (64, 128, 256)],
            *CONTROLLERS,
        ],
    ),
    ("mix_sweep", MIXES, ALL[:2], [*_fixed((8, 16, 32, 64, 128, 256)), *CONTROLLERS]),
    (
        "threshold",
        ("mix_100_1000us",),
        ALL[:2],
        [
            *_fixed((16, 64, 256)),
            *[(f"paper_algorithm1_t{t}", 128) for t in (20, 30, 40, 50, 60, 70)],
            *[(f"adaptive_spare_{s}", 120) for s in ("00", "05", "10")],
        ],
    ),
    (
        "memory",
        ("mixed_10_50",),
        ALL[:2],
        [
            *_fixed((4, 32, 64)),
            *[
                (f"processes{way}", size)
                for way in ("", "_fork", "_forkserver")
                for size in (4, 8, 16)
            ],
            ("adaptive", 120),
        ],
    ),
    ("memory_512mb", ("mixed_10_50",), ALL[:1], [("adaptive", 120), ("processes", 16)]),
    (
        "timeline",
        ("micro",),
        ALL[:1],
        [("paper_algorithm1_published", 64), ("adaptive_cold", 120)],
    ),
)


def simulate_paper(seed=2, blocks=5, experiments=None):
    """Trials of the paper's experiments on one and two cores, rows as trials.csv has them."""
    rng = np.random.default_rng(seed)
    rows = []
    for experiment, workloads, interpreters, configurations in EXPERIMENTS:
        if experiments is not None and experiment not in experiments:
            continue
        for workload in workloads:
            for interpreter in interpreters:
                for cores in (1, 2):
                    for block in range(1, blocks + 1):
                        rows += _block(
                            rng, experiment, workload, interpreter, cores, configurations, block
                        )
                rows.append(_not_run(experiment, workload, interpreter))
    frame = pd.DataFrame(rows)
    frame["spec_hash"] = [f"{number:016x}" for number in range(len(frame))]
    frame["started_at"] = 1.7e9 + 3.0 * np.arange(len(frame))
    frame["ended_at"] = frame["started_at"] + 2.9
    small = frame["experiment"] == "memory_512mb"
    killed = small & (frame["strategy"] == "processes")
    frame.loc[killed, ["status", "throughput_tps"]] = ["oom", np.nan]
    return frame


def _block(rng, experiment, workload, interpreter, cores, configurations, block):
    speed = rng.normal(0, 0.05)
    for strategy, size in configurations:
        noise = np.exp(speed + rng.normal(0, 0.03))
        knee = 16.0 if workload == "micro" else 64.0
        rate = 8000 * (1 + 0.8 * (cores - 1) * interpreter.endswith("t"))
        settled = size
        if strategy.startswith("adaptive"):
            settled = 12
        elif strategy == "asyncio":
            rate *= 2
            settled = knee
        elif strategy.startswith("processes"):
            rate *= 0.35
            settled = knee
        if experiment == "gil_nogil":
            rate *= 95 / 8000
        if workload == "pure_io":
            rate, knee = rate * 3, 200.0
        rate *= min(1.0, settled / knee) / (1 + max(settled / knee, 1) / 60) * noise
        workers = size if strategy.startswith("processes") else 0
        shared = 18.0 if strategy != "processes" else 0.0
        controlled = strategy.startswith(("adaptive", "paper", "queue"))
        batch = experiment == "cliff_batch"
        yield _row(
            experiment,
            workload,
            interpreter,
            cores,
            strategy,
            size,
            block,
            rate,
            30 + 0.01 * size + workers * (22 - shared),
            uss_peak_mb=24 + 0.01 * size + workers * 15 + rng.normal(0, 0.1),
            rss_peak_mb=34 + 0.01 * size + workers * 24,
            final_workers=settled + rng.integers(0, 2) if controlled else np.nan,
            vetoes=0 if strategy.startswith("paper") else np.nan,
            protocol="batch" if batch else "steady",
            elapsed_s=20000 / rate if batch else np.nan,
            startup_s=0.0002 * size if batch else np.nan,
            shutdown_s=0.0001 * size if batch else np.nan,
        )


def simulate_progress(trials):
    """timelines.csv and decisions.csv of the timeline experiment's trials."""
    timelines, decisions = [], []
    chosen = trials[(trials["experiment"] == "timeline") & (trials["status"] == "ok")]
    for row in chosen.to_dict("records"):
        slow = row["strategy"].startswith("paper")
        for number in range(round(TIMELINE_S / BIN_S)):
            at = number * BIN_S
            size = min(64, 4 + int(at / 1.5)) if slow else min(14, 2 + int(at / 0.05))
            timelines.append(
                {
                    "spec_hash": row["spec_hash"],
                    "from_s": at,
                    "to_s": at + BIN_S,
                    "phase": 0,
                    "completed": int(400 * min(1, size / 14)),
                }
            )
            if number % (10 if slow else 1) == 0:
                decisions.append(
                    {
                        "spec_hash": row["spec_hash"],
                        "at_s": at,
                        "workers": size,
                        "backlog": 100,
                        "action": "grow",
                        "beta": 0.9,
                    }
                )
    return pd.DataFrame(timelines), pd.DataFrame(decisions)
