"""tables/efficiency.csv: one row per cell and configuration, with its status.

Rows of a cell: each fixed-pool size (strategy ``fixed``, judged by the same formula as any
other), each other strategy, and the A/A twin (strategy ``aa_twin``), whose efficiency is its
throughput over that of the fixed pool of the same size in the same block: the noise floor.
A cell that was not run, and a configuration whose trials all failed, is a row as well.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.analysis.data.trials import TWIN, Cell, cells, normalised, tally
from harness.analysis.estimate import optimum as best
from harness.analysis.estimate.statistics import (
    NOTHING,
    Array,
    Interval,
    bca_interval,
    geometric_mean_t_interval,
    indistinguishable_from_best,
    mean_t_interval,
)
from harness.analysis.tables.columns import EFFICIENCY, THROUGHPUT, Columns

OPTIMUM = Columns.of("optimum_tps", "optimum_ci")
RAW = Columns.of("raw_efficiency", "raw_ci")
COLUMNS = [
    *["workload", "interpreter", "cores", "strategy", "concurrency", *EFFICIENCY.names],
    *["n_blocks", "optimum_concurrency", *THROUGHPUT.names, "beta_star", "pss_peak_mb"],
    *["experiment", "indistinguishable_sizes", *OPTIMUM.names, "bound_tps"],
    *["n_ok", "n_excluded", "n_failed", "bca_low", "bca_high", "status", "notes"],
    *[*RAW.names, "raw_throughput_tps", "speed_elasticity"],
]
INTEGER_COLUMNS = ["cores", "concurrency", "n_blocks", "optimum_concurrency"]
INTEGER_COLUMNS += ["n_ok", "n_excluded", "n_failed"]
FLOAT_COLUMNS = [
    name
    for name in COLUMNS
    if name.endswith(("_low", "_high", "_tps", "_mb", "efficiency", "_star", "_elasticity"))
]
TEXT_COLUMNS = ["workload", "interpreter", "strategy", "experiment", "indistinguishable_sizes"]
TEXT_COLUMNS += ["status", "notes"]
OK = "ok"
TOO_FEW = "too few blocks"


@dataclass(frozen=True)
class Optimum:
    """What is known of a cell's fixed pools; None where there are too few trials.

    ``throughput`` (tasks/s) is that of the optimum in blocks it was not chosen on.
    ``cpu_seconds`` (C) and ``wait_seconds`` (Z) of a task and ``beta_star`` = Z / (C + Z) come
    from the pool with one worker, where no one contends: there naive beta is the intrinsic one.
    """

    concurrency: int | None
    indistinguishable: tuple[int, ...]
    throughput: Interval
    beta_star: float | None
    cpu_seconds: float | None

    @property
    def wait_seconds(self) -> float | None:
        if self.beta_star is None or self.cpu_seconds is None or self.beta_star >= 1:
            return None
        return self.cpu_seconds * self.beta_star / (1 - self.beta_star)

    def bound_tps(self, concurrency: int | None, cores: int) -> float | None:
        """The machine's bound min(N / (C + Z), c / C) in tasks/s (Denning and Buzen 1978,
        doi 10.1145/356733.356735).

        c is the number of cores with and without a GIL, because tasks may release it: for
        code that holds it, no bound but 1 / C can be reached. Without a pool size only c / C.
        """
        wait = self.wait_seconds
        if self.cpu_seconds is None or wait is None or self.cpu_seconds <= 0:
            return None
        rate = cores / self.cpu_seconds
        return rate if concurrency is None else min(rate, concurrency / (self.cpu_seconds + wait))


def efficiency_table(trials: pd.DataFrame, *, use_exclusions: bool = True) -> pd.DataFrame:
    """The table, from the rows of trials.csv; see the module's text and ``optimum``.

    ``use_exclusions=False`` counts the trials set aside by the exclusion rules as well.
    Where trials carry ``speed_window``, throughputs and efficiencies are at the run's mean
    machine speed (see ``speed``); the columns named ``raw_`` are as measured.
    ``throughput_tps`` is the geometric mean over the ``n_ok`` blocks with a usable trial.
    ``efficiency`` rests on the ``n_blocks`` in which the reference's trial is usable as well.
    ``optimum_tps`` is the optimum's throughput without the winner's curse, which the largest
    ``throughput_tps`` has.
    """
    rows: list[dict[str, object]] = []
    for cell in cells(normalised(trials), use_exclusions=use_exclusions):
        rows += _cell_rows(cell, cell.at_speed(None))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in INTEGER_COLUMNS:
        frame[name] = frame[name].astype("Int64")
    for name in FLOAT_COLUMNS:
        frame[name] = pd.to_numeric(frame[name]).astype(float)
    for name in TEXT_COLUMNS:
        frame[name] = frame[name].astype("str")
    return frame


def series_name(strategy: str, label: str) -> str:
    """A series' name in tables: ``aa_twin`` for the twin, other labels behind the strategy's."""
    if label == TWIN:
        return TWIN
    return f"{strategy}_{label}" if label else strategy


def cell_optimum(cell: Cell) -> Optimum:
    """The optimum of a cell's fixed pools and what one worker tells about its tasks."""
    fixed = cell.fixed
    size = best.optimum(fixed, cell.sizes)
    alike = indistinguishable_from_best(fixed, cell.sizes, size) if size is not None else ()
    cpu = mean_t_interval(cell.series("cpu_ms_per_task", "fixed", 1)).estimate
    return Optimum(
        concurrency=size,
        indistinguishable=alike,
        throughput=best.log_optimum_throughput(fixed).exp() if cell.sizes else NOTHING,
        beta_star=mean_t_interval(cell.series("beta_naive", "fixed", 1)).estimate,
        cpu_seconds=None if cpu is None else cpu / 1000,
    )


def _cell_rows(cell: Cell, raw: Cell) -> list[dict[str, object]]:
    """Rows of one cell, given with and without its throughputs adjusted for speed."""
    identity: dict[str, object] = {
        "workload": cell.name.workload,
        "interpreter": cell.name.interpreter,
        "cores": cell.name.cores,
        "experiment": cell.name.experiment,
    }
    rows: list[dict[str, object]] = []
    if cell.not_run_reason is not None:
        nothing = {"n_blocks": 0, "n_ok": 0, "n_excluded": 0, "n_failed": 0, "notes": ""}
        rows.append(identity | nothing | {"status": cell.not_run_reason})
    facts = cell_optimum(cell)
    shared = identity | {
        "optimum_concurrency": facts.concurrency,
        "indistinguishable_sizes": " ".join(str(size) for size in facts.indistinguishable),
        "beta_star": facts.beta_star,
        **OPTIMUM.holding(facts.throughput),
    }
    for strategy, concurrency, label, planned in cell.configurations():
        row = _configuration_row(cell, strategy, concurrency, label, planned)
        unadjusted = _log_efficiency(raw, strategy, concurrency, label)[1].exp()
        rates = np.exp(raw.log_throughput(strategy, concurrency, label))
        row["raw_throughput_tps"] = geometric_mean_t_interval(rates).estimate
        row |= RAW.holding(unadjusted)
        row["bound_tps"] = facts.bound_tps(concurrency, cell.name.cores)
        rows.append(shared | row)
    return rows


def _log_efficiency(
    cell: Cell, strategy: str, concurrency: int | None, label: str
) -> tuple[Array, Interval]:
    """Log efficiency of a configuration: per block, shape (blocks,), and its mean."""
    logs = cell.log_throughput(strategy, concurrency, label)
    if label == TWIN:
        ratios = logs - cell.log_throughput(strategy, concurrency)
        return ratios, mean_t_interval(ratios)
    return best.log_ratios(cell.fixed, logs), best.log_efficiency(cell.fixed, logs)


def _configuration_row(
    cell: Cell, strategy: str, concurrency: int | None, label: str, planned: pd.DataFrame
) -> dict[str, object]:
    ratios, interval = _log_efficiency(cell, strategy, concurrency, label)
    efficiency = interval.exp()
    cross_check = bca_interval(ratios).exp()
    rate = geometric_mean_t_interval(np.exp(cell.log_throughput(strategy, concurrency, label)))
    failed = planned.loc[planned["status"] != "ok", "status"]
    excluded = planned[planned["excluded"] & (planned["status"] == "ok")]
    return {
        "strategy": series_name(strategy, label),
        "concurrency": concurrency,
        **EFFICIENCY.holding(efficiency),
        "n_blocks": efficiency.n,
        **THROUGHPUT.holding(rate),
        "pss_peak_mb": mean_t_interval(
            cell.series("pss_peak_mb", strategy, concurrency, label)
        ).estimate,
        "speed_elasticity": mean_t_interval(
            cell.series("speed_elasticity", strategy, concurrency, label)
        ).estimate,
        "n_ok": rate.n,
        "n_excluded": len(excluded),
        "n_failed": len(failed),
        "bca_low": cross_check.low,
        "bca_high": cross_check.high,
        "status": _status(efficiency, rate, bool(cell.sizes), failed, excluded),
        "notes": "; ".join(
            [*sorted(set(planned["notes"]) - {""}), *_notes(efficiency, rate, failed, excluded)]
        ),
    }


def _status(
    efficiency: Interval,
    rate: Interval,
    has_pools: bool,
    failed: "pd.Series[str]",
    excluded: pd.DataFrame,
) -> str:
    if rate.n == 0 and len(failed):
        return f"failed: {tally(failed)}"
    if rate.n == 0:
        rules = excluded["exclusion_reason"].replace("", "unnamed rule")
        return f"excluded: {tally(rules)}" if len(excluded) else "no completions"
    if not has_pools:
        return "no fixed pool to compare with"
    return OK if efficiency.low is not None else TOO_FEW


def _notes(
    efficiency: Interval, rate: Interval, failed: "pd.Series[str]", excluded: pd.DataFrame
) -> list[str]:
    notes = []
    if rate.n and len(failed):
        notes.append(f"failed: {tally(failed)}")
    if rate.n and len(excluded):
        notes.append(f"excluded or flagged: {tally(excluded['exclusion_reason'])}")
    if efficiency.n == 0 and rate.n:
        notes.append("no usable trial to compare with, or no other block to choose it on")
    return notes
