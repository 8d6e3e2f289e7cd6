"""What the micro-benchmarks say: seconds per call, one value per process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyperf

from harness.analysis.estimate.statistics import Interval, Scale, mean_interval


@dataclass(frozen=True, slots=True)
class MicroBenchmark:
    """A benchmark of an interpreter: microseconds per call, from the means of its processes.

    ``problem`` says why a file could not be read; the benchmark's name is then empty.
    """

    interpreter: str
    name: str
    cost_us: Interval
    problem: str = ""


def read_micro_benchmarks(folder: Path | None) -> Iterator[MicroBenchmark]:
    """Every benchmark in the files ``micro-INTERPRETER.json`` of a folder; none without one."""
    for file in sorted(folder.glob("micro-*.json")) if folder is not None else ():
        interpreter = file.stem.removeprefix("micro-")
        try:
            suite = pyperf.BenchmarkSuite.load(str(file))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            problem = f"{file.name} cannot be read: {error}"
            yield MicroBenchmark(interpreter, "", Interval(None, None, None, 0), problem)
            continue
        for benchmark in suite.get_benchmarks():
            runs = [run.values for run in benchmark.get_runs() if run.values]
            means = [1e6 * sum(values) / len(values) for values in runs]
            cost = mean_interval(means, Scale.POSITIVE)
            yield MicroBenchmark(interpreter, benchmark.get_name(), cost)
