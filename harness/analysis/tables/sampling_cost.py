"""What measuring costs: the paper's clocks around every task, and the runtime's own sampling."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from harness.analysis.data.paired import log_ratios, pooled, ratio_interval
from harness.analysis.data.pyperf_results import MicroBenchmark, read_micro_benchmarks
from harness.analysis.data.trials import Cell, cells
from harness.analysis.estimate.statistics import Interval
from harness.analysis.tables.columns import Columns, Row, Text, capitalised, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table, number, with_interval

EXPERIMENT = "instrumentation"
INSTRUMENTED = "fixed_instrumented"
THROUGHPUT = "throughput ratio"
MICROSECONDS = "µs"
#: what is benchmarked, by the names of harness/trial/micro.py
CALLS = (
    (r"paper_instrumentation", "the paper's four calls and beta, per task"),
    (r"window_(\d+)_workers", "runtime: a window over {} workers"),
    (r"sample", "runtime: a look at what a few workers wait for"),
    (r"settled_decision_(\d+)_workers", "runtime: a decision at {} workers, settled"),
    (r"model_size_ratio_(\d+)", "runtime: N* computed anew, a = {}"),
    (r"submit_to_result_(\d+)_workers", "ThreadPoolExecutor: submit to result, {} workers"),
    (r"adaptive_submit_to_result_(\d+)_workers", "adaptive: submit to result, {} workers"),
)
VALUE = Columns.of("value")
COLUMNS = [
    *["interpreter", "workload", "cores", "concurrency", "what", "unit"],
    *[*VALUE.names, "n", "n_of", "status"],
]


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if anything of it was measured."""
    found = sampling_cost_table(inputs.trials, inputs.micro)
    if len(found):
        yield Table(
            "sampling_cost",
            "What measuring costs",
            found,
            capitalised(view(found, *TEXTS), inputs.titles),
            "Throughput ratios are within a block, over blocks; calls cost microseconds, over "
            f"processes of pyperf. {inputs.note}",
        )


def sampling_cost_table(trials: pd.DataFrame, micro: Path | None) -> pd.DataFrame:
    """Throughput with the paper's instrumentation over that without, in the same block, and
    the cost of calls from the micro-benchmarks in ``micro``.

    ``n`` counts blocks or processes, as ``n_of`` says.
    """
    rows = list(_paired_rows(trials[trials["experiment"] == EXPERIMENT]))
    rows += _micro_rows(read_micro_benchmarks(micro))
    table = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("cores", "concurrency"):
        table[column] = table[column].astype("Int64")
    return table


def _paired_rows(trials: pd.DataFrame) -> Iterator[dict[str, object]]:
    for cell in cells(trials):
        found = {
            size: log_ratios(cell, (INSTRUMENTED, size), ("fixed", size))
            for size in _instrumented_sizes(cell)
        }
        identity: dict[str, object] = {
            "interpreter": cell.name.interpreter,
            "workload": cell.name.workload,
            "cores": cell.name.cores,
            "what": "four clock calls and beta around every task",
            "unit": THROUGHPUT,
            "n_of": "blocks",
        }
        for size, ratios in found.items():
            yield identity | {"concurrency": size} | _entries(ratio_interval(ratios))
        if len(found) > 1:
            what = {"what": f"{identity['what']}, all sizes"}
            yield identity | what | _entries(pooled(list(found.values())))


def _instrumented_sizes(cell: Cell) -> list[int]:
    return [
        size
        for strategy, size, label, _ in cell.configurations()
        if strategy == INSTRUMENTED and size is not None and not label
    ]


def _micro_rows(benchmarks: Iterable[MicroBenchmark]) -> Iterator[dict[str, object]]:
    for benchmark in benchmarks:
        what = describe(benchmark.name)
        if what or benchmark.problem:
            yield {
                "interpreter": benchmark.interpreter,
                "what": what,
                "unit": MICROSECONDS,
                "n_of": "processes",
                **_entries(benchmark.cost_us),
                "status": benchmark.problem,
            }


def describe(name: str) -> str:
    """What a micro-benchmark measures; empty for those that say nothing of sampling."""
    for pattern, text in CALLS:
        if found := re.fullmatch(pattern, name):
            return text.format(*found.groups())
    return ""


def _entries(found: Interval) -> dict[str, object]:
    status = "" if found.n else "no pair of usable trials"
    return VALUE.holding(found) | {"n": found.n, "status": status}


def _value(row: Row) -> str:
    unit = "process" if row["n_of"] == "processes" else "block"
    return with_interval(*(row[n] for n in VALUE.names), decimals=3, n=row["n"], unit=unit)


TEXTS = (
    Text("interpreter", "interpreter"),
    Text("workload", lambda row: row["workload"] if isinstance(row["workload"], str) else ""),
    Text("cores", "cores"),
    Text("N", "concurrency"),
    Text("what", "what"),
    Text("unit", "unit"),
    Text("value", _value),
    Text("n", lambda row: f"{number(row['n'])} {row['n_of']}"),
    Text("status", "status"),
)
