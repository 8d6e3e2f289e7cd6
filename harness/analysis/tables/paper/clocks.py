"""Counterpart of Table 3: what reading the clocks costs, from pyperf's results."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from harness.analysis.data.pyperf_results import MicroBenchmark, read_micro_benchmarks
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.measured import Quantity
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

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
    facts = inputs.printed.about("t3")
    facts = facts[facts["quantity"] == "mean_us"]
    means = dict(zip(facts["benchmark"], facts["value"], strict=True))
    rows = list(_rows(read_micro_benchmarks(inputs.micro), means))
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


def _rows(
    benchmarks: Iterable[MicroBenchmark], printed: Mapping[str, float]
) -> Iterator[dict[str, object]]:
    for found in benchmarks:
        name = found.name
        if found.problem:
            yield {"interpreter": found.interpreter, "call": "", "n_ok": 0, "status": found.problem}
        if name not in BENCHMARKS:
            continue
        yield {
            "interpreter": found.interpreter,
            "call": BENCHMARKS[name],
            "benchmark": name,
            **COST.columns.holding(found.cost_us),
            "n_ok": found.cost_us.n,
            "status": "",
            "printed_mean_us": printed.get(name),
            "printed_mean_us_low": None,
            "printed_note": "raw data agree" if name in printed else "",
        }
