"""Counterpart of Table 3: what reading the clocks costs, from pyperf's results."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyperf

from harness.analysis.paper_tables.inputs import Inputs
from harness.analysis.paper_tables.measured import Quantity
from harness.analysis.paper_tables.view import view
from harness.analysis.statistics import mean_t_interval
from harness.analysis.writing import Table

BENCHMARKS = {
    "clock_time": "time.time()",
    "clock_perf_counter": "time.perf_counter()",
    "clock_thread_time": "time.thread_time()",
    "paper_instrumentation": "four calls and beta",
    "noop": "an empty call",
}
COST = Quantity("cost_us", "Cost of a call [µs]", "mean_us", decimals=3)


def clock_tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if there are micro-benchmarks."""
    files = sorted(inputs.micro.glob("micro-*.json")) if inputs.micro is not None else []
    facts = inputs.printed.about("t3")
    facts = facts[facts["quantity"] == "mean_us"]
    means = dict(zip(facts["benchmark"], facts["value"], strict=True))
    rows = [row for file in files for row in _rows(file, means)]
    if not rows:
        return
    frame = pd.DataFrame(rows)
    texts = view(frame, (COST,), ("interpreter", "call"), titles=inputs.titles)
    yield Table(
        "paper_instrumentation",
        "Cost of the paper's instrumentation (Table 3)",
        frame,
        texts.rename(columns={"Blocks": "Processes"}),
        "Each process of pyperf counts once. Intervals: 95 %, over processes. The paper's "
        "numbers hold the cost of its own timing loop, which an empty call shows.",
    )


def _rows(file: Path, printed: Mapping[str, float]) -> Iterator[dict[str, object]]:
    interpreter = file.stem.removeprefix("micro-")
    try:
        suite = pyperf.BenchmarkSuite.load(str(file))
    except (ValueError, KeyError) as error:
        yield {"interpreter": interpreter, "call": "", "n_ok": 0} | {
            "status": f"{file.name} cannot be read: {error}"
        }
        return
    for benchmark in suite.get_benchmarks():
        name = benchmark.get_name()
        if name not in BENCHMARKS:
            continue
        means = [sum(run.values) / len(run.values) for run in benchmark.get_runs() if run.values]
        cost = mean_t_interval([1e6 * mean for mean in means])
        yield {
            "interpreter": interpreter,
            "call": BENCHMARKS[name],
            "benchmark": name,
            "cost_us": cost.estimate,
            "cost_us_low": cost.low,
            "cost_us_high": cost.high,
            "n_ok": cost.n,
            "status": "",
            "printed_mean_us": printed.get(name),
            "printed_mean_us_low": None,
            "printed_note": "raw data agree" if name in printed else "",
        }
