"""Trials with known truth for the experiments that the claims read, and their judgement."""

import numpy as np
import pandas as pd

from harness.analysis.claims.data import Data
from harness.analysis.claims.judge import Views, claims_table
from harness.analysis.data.trials import normalised
from harness.design import claims
from tests import ROOT

CATALOGUE = claims.read(ROOT / "config")
TRIAL = {
    "label": "",
    "status": "ok",
    "reason": "",
    "excluded": False,
    "exclusion_reason": "",
    "attempt": 1,
}


def trials_of(
    rates,
    *,
    experiment="cliff_batch",
    workload="micro",
    interpreter="cpython-3.12",
    cores=1,
    blocks=5,
    noise=0.01,
    seed=1,
    **columns,
):
    """Rows of one cell; ``rates`` maps (strategy, size) to tasks/s, ``columns`` name further
    columns, given as a value or as a function of strategy and size."""
    rng = np.random.default_rng(seed)
    rows = []
    for block in range(1, blocks + 1):
        machine = np.exp(rng.normal(0, 0.1))
        for (strategy, size), rate in rates.items():
            row = {
                **TRIAL,
                "experiment": experiment,
                "workload": workload,
                "interpreter": interpreter,
                "cores": cores,
                "strategy": strategy,
                "concurrency": size,
                "block": block,
                "throughput_tps": rate * machine * np.exp(rng.normal(0, noise)),
            }
            for name, value in columns.items():
                known = value(strategy, size) if callable(value) else value
                row[name] = None if known is None else known * np.exp(rng.normal(0, noise))
            rows.append(row)
    return pd.DataFrame(rows)


def cliff(loss_at_512, loss_at_2048, **options):
    """A cell with its peak at 32 threads and given losses past it."""
    rates = {1: 5000, 8: 20000, 32: 40000, 128: 39000}
    rates |= {512: 40000 * (1 - loss_at_512), 2048: 40000 * (1 - loss_at_2048)}
    pools = {("fixed", size): rate for size, rate in rates.items()}
    return trials_of(pools, latency_p99_ms=lambda _, size: 2 + size / 100, **options)


def not_run(experiment, cores, **names):
    """The row of a cell that the machine has too few cores for."""
    cell = {"workload": "micro", "interpreter": "cpython-3.12", **names}
    row = {"experiment": experiment, "cores": cores, "block": 0, "status": "not_run"}
    row |= {"reason": "not run: 2 cores", "excluded": False, "strategy": None}
    return pd.DataFrame([{**row, "concurrency": None, "label": None, **cell}])


def micro_results(folder, benchmarks):
    """pyperf files with one value per process; ``benchmarks`` maps a name to seconds."""
    import pyperf

    for interpreter in ("cpython-3.12",):
        suite = pyperf.BenchmarkSuite(
            [
                pyperf.Benchmark(
                    [
                        pyperf.Run(
                            [value], metadata={"name": name, "loops": 1}, collect_metadata=False
                        )
                        for value in values
                    ]
                )
                for name, values in benchmarks.items()
            ]
        )
        suite.dump(str(folder / f"micro-{interpreter}.json"))
    return folder


def controllers(algorithm1, adaptive, **columns):
    """The comparison of strategies on two cores; the best fixed pool does 20,000 tasks/s."""
    rates = {("fixed", 16): 19000, ("fixed", 32): 20000, ("fixed", 64): 19500}
    rates |= {("fixed", 256): 18000, ("paper_algorithm1", 64): algorithm1}
    rates |= {("adaptive", 256): adaptive, ("asyncio", 32): 30000, ("asyncio", 256): 43000}
    rates |= {("queue_scaler", 256): 17000, ("processes", 2): 5000, ("processes", 8): 6000}
    return trials_of(rates, experiment="baselines", cores=2, **columns)


def judged(*frames, only=None, micro=None):
    """The table of claims of these trials, by id and subject; of the claims in ``only``."""
    data = normalised(pd.concat(frames, ignore_index=True))
    views = Views(Data(data, micro), Data(data, micro, use_exclusions=False), Data(data, at=None))
    names = [None] if only is None else only.split()
    tables = [claims_table(CATALOGUE, views, only=name) for name in names]
    return pd.concat([table.astype(object) for table in tables]).set_index(["id", "subject"])


def verdict(table, name, subject="system"):
    return table.loc[(name, subject), "verdict"]
