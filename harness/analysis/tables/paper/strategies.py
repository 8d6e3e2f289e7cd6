"""Counterparts of Tables 7, 8, 10 to 13: strategies against the best fixed pool."""

from collections.abc import Iterator

import pandas as pd

from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.beside import beside
from harness.analysis.tables.paper.measured import (
    BETA,
    EFFICIENCY,
    FINAL,
    P99,
    THROUGHPUT,
    VETOES,
    Quantity,
    configurations,
)
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

PSS = Quantity("pss_peak_mb", "PSS [MB]")
OPTIMUM = {"optimum_concurrency": "Optimum N", "indistinguishable_sizes": "Not told apart"}
PRINTED_OPTIMUM = OPTIMUM | {"printed_optimum_concurrency": "Optimum N, printed"}
CHOSEN = "The best fixed pool is chosen on other blocks than it is compared on."
NAIVE = 256
CONTROLLERS = ("paper_algorithm1", "adaptive")


def strategy_tables(inputs: Inputs) -> Iterator[Table]:
    """One table for each of the experiments that was run."""
    identity = ("interpreter", "cores", "strategy", "concurrency")
    yield from _table(
        inputs,
        "paper_baselines",
        "Threads, processes, asyncio and the queue scaler on the micro task (Table 10)",
        ("baselines",),
        ("t10",),
        (THROUGHPUT, EFFICIENCY, P99, FINAL, PSS),
        identity,
        OPTIMUM,
    )
    yield from _solution(inputs)
    yield from _table(
        inputs,
        "paper_mix_sweep",
        "Six mixes of CPU and I/O (Table 11)",
        ("mix_sweep",),
        ("t11",),
        (THROUGHPUT, EFFICIENCY, FINAL),
        ("workload", *identity),
        PRINTED_OPTIMUM,
    )
    yield from _table(
        inputs,
        "paper_threshold",
        "Threshold of the controller, with the controller running (Table 12)",
        ("threshold",),
        ("t12",),
        (THROUGHPUT, EFFICIENCY, FINAL, BETA),
        identity,
        OPTIMUM,
    )
    yield from _profiles(inputs)


def _table(
    inputs: Inputs,
    name: str,
    title: str,
    experiments: tuple[str, ...],
    sources: tuple[str, ...],
    quantities: tuple[Quantity, ...],
    identity: tuple[str, ...],
    extra: dict[str, str],
    chosen: "pd.DataFrame | None" = None,
) -> Iterator[Table]:
    """The table of ``chosen`` rows, or of all configurations; none without any."""
    rows = chosen
    if rows is None:
        rows = configurations(inputs.trials, inputs.efficiency, experiments, quantities)
    if rows.empty:
        return
    rows = beside(rows, inputs.printed.about(*sources))
    texts = view(rows, quantities, identity, titles=inputs.titles, extra=extra)
    remarks = "".join(map(inputs.printed.remark, sources))
    yield Table(name, title, rows, texts, f"{CHOSEN} {remarks}{inputs.note}")


def _solution(inputs: Inputs) -> Iterator[Table]:
    """Naive, optimal and adaptive pools only, each with its part in the comparison."""
    quantities = (THROUGHPUT, EFFICIENCY, P99, BETA, FINAL, VETOES)
    rows = configurations(inputs.trials, inputs.efficiency, ["baselines"], quantities)
    fixed = rows["strategy"] == "fixed"
    best = fixed & (rows["concurrency"] == rows["optimum_concurrency"]).fillna(False)
    naive = fixed & (rows["concurrency"] == NAIVE).fillna(False)
    paper = fixed & (rows["concurrency"] == 32).fillna(False)
    part = pd.Series("", rows.index)
    part[paper] = "the paper's optimum"
    part[naive] = "naive"
    part[best] = "optimum here"
    part[best & paper] = "optimum here and in the paper"
    part[rows["strategy"].isin(CONTROLLERS)] = "controller"
    kept = (part != "") | rows["strategy"].isna()
    yield from _table(
        inputs,
        "paper_solution",
        "Naive, optimal and adaptive pool (Tables 7 and 8)",
        ("baselines",),
        ("t7",),
        quantities,
        ("interpreter", "cores", "strategy", "concurrency"),
        {"part": "Part"},
        rows.assign(part=part)[kept],
    )


def _profiles(inputs: Inputs) -> Iterator[Table]:
    """The controllers only; the other strategies are in the efficiency tables."""
    quantities = (EFFICIENCY, FINAL)
    rows = configurations(inputs.trials, inputs.efficiency, ["profiles"], quantities)
    chosen = rows[rows["strategy"].isin(CONTROLLERS) | rows["strategy"].isna()]
    yield from _table(
        inputs,
        "paper_profiles",
        "Seven workload profiles: controllers against the best fixed pool (Table 13)",
        ("profiles",),
        ("t13",),
        quantities,
        ("workload", "interpreter", "cores", "strategy", "concurrency"),
        {"beta_star": "beta of one worker", "printed_beta_naive": "beta, printed"}
        | PRINTED_OPTIMUM
        | {"printed_raw_efficiency": "Efficiency in raw results"},
        chosen,
    )
