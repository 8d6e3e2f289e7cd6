"""Trials in pyperf's format, for ``pyperf stats``, ``compare_to`` and ``hist``.

One file per interpreter and pinning, because a pyperf benchmark refuses runs of several
Python versions and ``compare_to`` matches the benchmarks of two files by name. One benchmark
per configuration, one run per trial; its value is seconds per task, 1 / throughput.
"""

import os
import tempfile
from pathlib import Path

import pandas as pd
import pyperf

from harness.analysis.data.trials import Cell, cells, normalised
from harness.analysis.tables.efficiency import series_name


def export(trials: pd.DataFrame, folder: Path) -> list[str]:
    """Write INTERPRETER-Ncore.json files into ``folder``; returns their names.

    Only usable trials with completions are exported: pyperf's values must be above zero. An
    interpreter without any has no file. Existing files are replaced, each in one step.
    """
    suites: dict[str, list[pyperf.Benchmark]] = {}
    for cell in cells(normalised(trials)):
        benchmarks = _benchmarks(cell)
        if benchmarks:
            name = f"{cell.name.interpreter}-{cell.name.cores}core.json"
            suites.setdefault(name, []).extend(benchmarks)
    folder.mkdir(parents=True, exist_ok=True)
    for name, benchmarks in suites.items():
        _write(pyperf.BenchmarkSuite(benchmarks), folder / name)
    return sorted(suites)


def _benchmarks(cell: Cell) -> list[pyperf.Benchmark]:
    benchmarks = []
    for strategy, concurrency, label, _ in cell.configurations():
        rates = cell.series("throughput_tps", strategy, concurrency, label)
        name = series_name(strategy, label)
        size = f"-{concurrency}" if concurrency is not None else ""
        shared: dict[str, str | int] = {
            "name": f"{cell.name.experiment}/{cell.name.workload}/{name}{size}",
            "unit": "second",
            "experiment": cell.name.experiment,
            "workload": cell.name.workload,
            "interpreter": cell.name.interpreter,
            "cores": cell.name.cores,
            "strategy": name,
        }
        if concurrency is not None:
            shared["concurrency"] = concurrency
        runs = [
            pyperf.Run(
                [1.0 / float(rate)],
                metadata=shared | {"block": block},
                collect_metadata=False,
            )
            for block, rate in zip(cell.blocks, rates, strict=True)
            if rate > 0
        ]
        if runs:
            benchmarks.append(pyperf.Benchmark(runs))
    return benchmarks


def _write(suite: pyperf.BenchmarkSuite, path: Path) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".json")
    os.close(handle)
    try:
        suite.dump(name, replace=True)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
