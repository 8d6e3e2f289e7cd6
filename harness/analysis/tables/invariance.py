"""Is beta* a property of the task, and the decision right, whatever else changes?

Of every task CPU time and waits are configured, so beta* has a known value, wait / (wait + cpu):
no base measurement is needed to judge by, though the deviation from the base is given as well
where a change should make no difference.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from harness.analysis.data.trials import Cell, cells
from harness.analysis.estimate.statistics import Interval, mean_interval, scale_of
from harness.analysis.tables.columns import (
    BLOCKS,
    EFFICIENCY,
    Columns,
    Row,
    Text,
    capitalised,
    view,
)
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table
from harness.store.parameter_text import parse_parameters

PREFIX = "invariance"
HELD = "adaptive_held"
FREE = "adaptive"
#: beta* passes when it is within this of its value, a decision with this efficiency
BETA_BOUND = 0.05
EFFICIENCY_BOUND = 0.9
PASS, FAIL, UNCLEAR, NOT_MEASURED = "pass", "fail", "unclear", "not measured"
BASES = ("mixed_1_10", "mixed_4_4")
#: what a workload changes, by how its name begins, and the base that it changes
FACTORS = {
    "whole_": ("clock speed (whole task)", "mixed_1_10"),
    "cpu_": ("CPU work (clock speed)", "mixed_1_10"),
    "wait_exponential": ("distribution of waits", "mixed_1_10"),
    "wait_pareto": ("distribution of waits", "mixed_1_10"),
    "wait_": ("length of waits", "mixed_1_10"),
    "segments_": ("length of phases", "mixed_4_4"),
}
IDENTITY = ["factor", "experiment", "workload", "interpreter", "cores"]
BETA_STAR = Columns.of("beta_star")
BETA_NAIVE = Columns.of("beta_naive")
FINAL_WORKERS = Columns.of("final_workers")
REACHED = Columns.of("efficiency")
COLUMNS = [
    *IDENTITY,
    *["kind", "concurrency", "expected_beta", *BETA_STAR.names, "n_blocks", "deviation"],
    *["from_base", *BETA_NAIVE.names, *FINAL_WORKERS.names, *REACHED.names, "verdict", "status"],
]


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if anything was changed."""
    found = invariance_table(inputs.trials, inputs.efficiency)
    if len(found):
        yield Table(
            "invariance",
            "Invariance of beta* and of the decision",
            found,
            capitalised(view(found, *TEXTS), inputs.titles),
            f"beta* passes within {BETA_BOUND:g} of wait / (wait + cpu), a decision with "
            f"{100 * EFFICIENCY_BOUND:g} % of the best fixed pool, with the whole interval. "
            f"{verdict_counts(found)}. {inputs.note}",
        )


@dataclass(frozen=True, slots=True)
class Variant:
    """A cell of an invariance experiment: what it changes, of which base."""

    factor: str
    base: str


def variant(experiment: str, workload: str) -> Variant:
    """What is changed: the conditions of the whole experiment, or the task."""
    if experiment != PREFIX:
        condition = experiment.removeprefix(f"{PREFIX}_").replace("_", " ")
        return Variant(condition, workload)
    if workload in BASES:
        return Variant("base", workload)
    for start, (factor, base) in FACTORS.items():
        if workload.startswith(start):
            return Variant(factor, base)
    return Variant("other", "")


def expected_beta(parameters: Mapping[str, object]) -> float | None:
    """wait / (wait + cpu), both configured in milliseconds; None where they are not."""
    cpu, wait = parameters.get("cpu_ms"), parameters.get("wait_ms")
    if not isinstance(cpu, (int, float)) or not isinstance(wait, (int, float)) or cpu + wait <= 0:
        return None
    return wait / (wait + cpu)


def invariance_table(trials: pd.DataFrame, efficiency: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and size at which the runtime was held (``kind`` is ``beta*``), and per
    cell for what it decides when it is free (``decision``).

    ``deviation`` is beta* less its expected value; ``from_base`` beta* less that of the base at
    the same size, where both should be equal. Verdicts: ``pass`` or ``fail`` when the whole
    interval is within or outside of the bound, ``unclear`` otherwise.
    """
    concerned = [str(name).startswith(PREFIX) for name in trials["experiment"]]
    chosen = trials[pd.Series(concerned, trials.index, dtype=bool)]
    found = [(cell, variant(cell.name.experiment, cell.name.workload)) for cell in cells(chosen)]
    rows = [row for cell, what in found for row in _rows(cell, what, efficiency)]
    _add_from_base(rows, found)
    table = pd.DataFrame(rows, columns=COLUMNS)
    for column in ("cores", "concurrency", "n_blocks"):
        table[column] = table[column].astype("Int64")
    return table


def _rows(cell: Cell, what: Variant, efficiency: pd.DataFrame) -> Iterator[dict[str, object]]:
    identity: dict[str, object] = {
        "factor": what.factor,
        "experiment": cell.name.experiment,
        "workload": cell.name.workload,
        "interpreter": cell.name.interpreter,
        "cores": cell.name.cores,
        "status": cell.not_run_reason or "",
    }
    if cell.not_run_reason is not None:
        yield identity | {"verdict": NOT_MEASURED}
    texts = cell.trials["parameters"] if "parameters" in cell.trials else pd.Series(dtype=object)
    expected = expected_beta(parse_parameters(next(iter(texts.dropna()), "")))
    for strategy, size, label, _ in cell.configurations():
        if label or strategy not in (HELD, FREE):
            continue
        yield identity | (
            _beta_row(cell, size, expected)
            if strategy == HELD
            else _decision_row(cell, size, efficiency)
        )


def _beta_row(cell: Cell, size: int | None, expected: float | None) -> dict[str, object]:
    beta, naive = (
        mean_interval(cell.series(name, HELD, size), scale_of(name))
        for name in ("beta_star", "beta_naive")
    )
    off = None
    if beta.estimate is not None and expected is not None:
        off = beta.estimate - expected
    return {
        "kind": "beta*",
        "concurrency": size,
        "expected_beta": expected,
        **BETA_STAR.holding(beta),
        "n_blocks": beta.n,
        "deviation": off,
        **BETA_NAIVE.holding(naive),
        "verdict": beta_verdict(beta, expected),
    }


def beta_verdict(beta: Interval, expected: float | None) -> str:
    """Whether beta* lies within ``BETA_BOUND`` of what it should be, all of its interval."""
    if beta.estimate is None or expected is None:
        return NOT_MEASURED
    if beta.low is None or beta.high is None:
        return UNCLEAR
    low, high = expected - BETA_BOUND, expected + BETA_BOUND
    if low <= beta.low and beta.high <= high:
        return PASS
    return FAIL if beta.high < low or beta.low > high else UNCLEAR


def _decision_row(cell: Cell, size: int | None, efficiency: pd.DataFrame) -> dict[str, object]:
    column = "final_workers"
    final = mean_interval(cell.series(column, FREE, size), scale_of(column))
    name = cell.name
    row = efficiency[
        (efficiency["experiment"] == name.experiment)
        & (efficiency["workload"] == name.workload)
        & (efficiency["interpreter"] == name.interpreter)
        & (efficiency["cores"] == name.cores)
        & (efficiency["strategy"] == FREE)
        & (efficiency["concurrency"] == size)
    ]
    center, low, high = (
        None if row.empty or pd.isna(row.iloc[0][name]) else float(row.iloc[0][name])
        for name in EFFICIENCY.names
    )
    reached = Interval(center, low, high, final.n)
    return {
        "kind": "decision",
        "concurrency": size,
        **FINAL_WORKERS.holding(final),
        **REACHED.holding(reached),
        "n_blocks": final.n,
        "verdict": decision_verdict(reached),
    }


def decision_verdict(reached: Interval) -> str:
    """Whether the efficiency is at least ``EFFICIENCY_BOUND``, all of its interval."""
    if reached.estimate is None:
        return NOT_MEASURED
    if reached.low is None or reached.high is None:
        return UNCLEAR
    if reached.low >= EFFICIENCY_BOUND:
        return PASS
    return FAIL if reached.high < EFFICIENCY_BOUND else UNCLEAR


def _add_from_base(rows: list[dict[str, object]], found: list[tuple[Cell, Variant]]) -> None:
    """Fill ``from_base`` where base and variant should have the same beta*."""
    bases = {cell.name.workload: what.base for cell, what in found}
    place = ["workload", "interpreter", "cores", "concurrency"]
    known = {
        tuple(row[name] for name in place): row
        for row in rows
        if row["factor"] == "base" and row.get("kind") == "beta*"
    }
    for row in rows:
        if row.get("kind") != "beta*" or row["factor"] == "base":
            continue
        key = (bases[str(row["workload"])], *(row[name] for name in place[1:]))
        base = known.get(key)
        if base is None or not _close(base["expected_beta"], row["expected_beta"]):
            continue
        one, other = row["beta_star"], base["beta_star"]
        if isinstance(one, float) and isinstance(other, float):
            row["from_base"] = one - other


def _close(one: object, other: object) -> bool:
    return isinstance(one, float) and isinstance(other, float) and abs(one - other) < 1e-9


def verdict_counts(table: pd.DataFrame) -> str:
    """A sentence: how many rows pass, by what is judged."""
    parts = []
    for kind in ("beta*", "decision"):
        verdicts = table.loc[table["kind"] == kind, "verdict"]
        if len(verdicts):
            counts = [f"{int((verdicts == word).sum())} {word}" for word in (PASS, FAIL, UNCLEAR)]
            parts.append(f"{kind}: {', '.join(counts)} of {len(verdicts)}")
    return "; ".join(parts)


def _what(row: Row) -> str:
    return row["kind"] if isinstance(row["kind"], str) else ""


TEXTS = (
    *(Text(name, name) for name in IDENTITY),
    Text("what", _what),
    Text("N", "concurrency"),
    Text("beta* should be", "expected_beta", 3),
    Text("beta*", BETA_STAR, decimals=3),
    Text("deviation", "deviation", 3),
    Text("from base", "from_base", 3),
    Text("naive beta", BETA_NAIVE, decimals=3),
    Text("final N", FINAL_WORKERS, decimals=1),
    Text("efficiency", REACHED, decimals=2),
    Text("verdict", "verdict"),
    BLOCKS,
    Text("status", "status"),
)
