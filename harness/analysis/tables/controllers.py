"""What controllers do over time: their cold start, and what changing tasks cost them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import (
    MINIMUM,
    Array,
    Scale,
    geometric_mean_t_interval,
    mean_interval,
)
from harness.analysis.tables.columns import BLOCKS, CELL_TEXTS, Columns, Row, Text, titled, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

LOST = Columns.of("lost_s", "lost")
REACHED_AFTER = Columns.of("reached_s", "reached")
WORK_SHARE = Columns.of("work_share", "ci")
COLD_COLUMNS = [
    *CELL,
    *["strategy", *LOST.names, *REACHED_AFTER.names, "final_workers", "n_blocks"],
]
PHASE_COLUMNS = [
    *CELL,
    *["strategy", "concurrency", *WORK_SHARE.names, "n_blocks", "oracle_sizes"],
]
#: strategies whose trials start with the first submit or show how they got where they are
CONTROLLERS = ["adaptive", "adaptive_apart", "paper_algorithm1", "queue_scaler"]
REACHED = 0.97
#: a cold start is over when throughput stays reached for this long
STEADY_S = 0.5
SETTLED_S = 0.6
START_S = 1.0


def tables(inputs: Inputs) -> Iterator[Table]:
    """Cold starts and changing tasks; none where there are no timelines of them."""
    if inputs.timelines is None:
        return
    found = curves(inputs.trials, inputs.timelines)
    cold = cold_start_table(found[found["experiment"] == "profiles"], CONTROLLERS)
    if len(cold):
        yield Table(
            "cold_start",
            "From the first submit to settled throughput",
            cold,
            titled(view(cold, *COLD_TEXTS), inputs.titles),
            "Settled: the last 0.6 s of the same trial. Interval: 95 %, over blocks.",
        )
    phases = phases_table(found)
    if len(phases):
        yield Table(
            "phases",
            "Work done while tasks change their nature",
            phases,
            titled(view(phases, *PHASE_TEXTS), inputs.titles),
            "The oracle switches in no time to the fixed pool that does most in each phase. "
            "Throughputs as measured. Intervals: 95 %, over blocks.",
        )


def curves(trials: pd.DataFrame, timelines: pd.DataFrame) -> pd.DataFrame:
    """Timelines of usable trials with the columns that identify the trial."""
    usable = trials[(trials["status"] == "ok") & ~trials["excluded"] & (trials["label"] == "")]
    keys = [*CELL, "strategy", "concurrency", "block", "spec_hash", "final_workers"]
    return timelines.merge(usable[keys], on="spec_hash", how="inner")


def cold_start_table(found: pd.DataFrame, strategies: list[str]) -> pd.DataFrame:
    """One row per cell and strategy: how soon it gives what it settles at.

    Settled is the throughput of a trial's last ``SETTLED_S``. ``lost_s`` is the time of
    settled work not done in the first second, with an interval over blocks.
    ``reached_s`` is when throughput, summed over blocks, reaches 97 % of the settled one and
    keeps it for half a second on average; its bounds are the least and the largest when
    each block is left out in turn, where there are enough of them for an interval.
    """
    rows = []
    sizes = found.groupby([*CELL, "strategy"])["final_workers"].median()
    for key, matrix, width in settled_shares(found, strategies):
        reached = reached_at(matrix.mean(axis=0), width)
        known: list[float] = []
        for block in range(len(matrix) if len(matrix) >= MINIMUM else 0):
            without = np.delete(matrix, block, axis=0)
            time = reached_at(without.mean(axis=0), width) if len(without) else None
            known += [] if time is None else [time]
        done = matrix[:, : round(START_S / width)].sum(axis=1) * width
        lost = mean_interval(done, Scale.POSITIVE).moved(-1, START_S)
        rows.append(
            {
                **dict(zip([*CELL, "strategy"], key, strict=True)),
                **LOST.holding(lost),
                "reached_s": reached,
                "reached_low": min(known) if known else None,
                "reached_high": max(known) if known and len(known) == len(matrix) else None,
                "final_workers": float(sizes[key]),
                "n_blocks": len(matrix),
            }
        )
    return pd.DataFrame(rows, columns=COLD_COLUMNS)


def settled_shares(
    found: pd.DataFrame, strategies: list[str]
) -> Iterator[tuple[tuple[Any, ...], Array, float]]:
    """Cell and strategy, throughput over settled throughput, and the width of a bin in seconds.

    The shares have shape (blocks, bins); trials too short to settle are left out.
    """
    chosen = found[found["strategy"].isin(strategies)]
    for key, cell in _groups(chosen, [*CELL, "strategy"]):
        shares = []
        width = float((cell["to_s"] - cell["from_s"]).iloc[0])
        for _, trial in cell.groupby("block"):
            counts = trial.sort_values("from_s")["completed"].to_numpy(float)
            rate = counts[-round(SETTLED_S / width) :].mean()
            if rate > 0 and len(counts) * width >= START_S + SETTLED_S:
                shares.append(counts / rate)
        if shares:
            length = min(map(len, shares))
            yield key, np.array([share[:length] for share in shares]), width


def reached_at(share: Array, width: float) -> float | None:
    """Seconds from which the mean share over the next ``STEADY_S`` is at least ``REACHED``.

    ``share`` is throughput over settled throughput per bin, shape (bins,), each bin ``width``
    seconds; None when it never is.
    """
    bins = max(1, round(STEADY_S / width))
    if len(share) < bins:
        return None
    means = np.convolve(share, np.ones(bins) / bins, mode="valid")
    reached = np.flatnonzero(means >= REACHED)
    return float(reached[0] * width) if len(reached) else None


def phases_table(found: pd.DataFrame, experiment: str = "phases") -> pd.DataFrame:
    """One row per cell and configuration: its work as a share of an oracle's.

    The oracle runs, in every phase, the fixed pool that did most in that phase over the other
    blocks, and switches in no time: no strategy can be expected to reach it. Its work in a
    block is what those pools did in that block's phases.
    """
    rows = []
    chosen = found[found["experiment"] == experiment]
    for key, cell in _groups(chosen, CELL):
        work = cell.pivot_table(
            index="block", columns=["strategy", "concurrency", "phase"], values="completed",
            aggfunc="sum",
        )  # fmt: skip
        if "fixed" not in work.columns.get_level_values("strategy"):
            continue
        fixed = cast(pd.DataFrame, work["fixed"])
        oracle, sizes = _oracle(fixed)
        for (strategy, concurrency), group in _groups(cell, ["strategy", "concurrency"]):
            done = group.groupby("block")["completed"].sum().reindex(oracle.index)
            interval = geometric_mean_t_interval((done / oracle).to_numpy(float))
            rows.append(
                {
                    **dict(zip(CELL, key, strict=True)),
                    "strategy": strategy,
                    "concurrency": concurrency,
                    **WORK_SHARE.holding(interval),
                    "n_blocks": interval.n,
                    "oracle_sizes": sizes,
                }
            )
    return pd.DataFrame(rows, columns=PHASE_COLUMNS)


def _oracle(fixed: pd.DataFrame) -> tuple["pd.Series[float]", str]:
    """The oracle's work per block, and the sizes it chose most often, phase by phase."""
    phases = sorted(set(fixed.columns.get_level_values("phase")))
    total = pd.Series(0.0, index=fixed.index)
    sizes = []
    for phase in phases:
        columns = [column for column in fixed.columns if column[1] == phase]
        work = fixed[columns].to_numpy(float)  # shape (blocks, sizes)
        choices = [
            int(np.delete(work, block, axis=0).mean(axis=0).argmax())
            if len(work) > 1
            else int(work[0].argmax())
            for block in range(len(work))
        ]
        total += work[np.arange(len(work)), choices]
        usual = Counter(choices).most_common(1)[0][0]
        sizes.append(str(columns[usual][0]))
    return total, " ".join(sizes)


def _groups(
    frame: pd.DataFrame, names: list[str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    for key, group in frame.groupby(names, sort=True):
        yield cast(tuple[Any, ...], key), group


def _reached(row: Row) -> str:
    time, latest = (cast(float | None, row[name]) for name in ("reached_s", "reached_high"))
    if time is None or np.isnan(time):
        return "not reached"
    known = latest is not None and not np.isnan(latest)
    return f"{time:.2f} (≤ {latest:.2f})" if known else f"{time:.2f}"


STRATEGY = Text("strategy", "strategy")
COLD_TEXTS = (
    *CELL_TEXTS,
    STRATEGY,
    Text("97 % reached after [s]", _reached),
    Text("work lost in 1 s [s]", LOST, decimals=2),
    Text("final size", "final_workers"),
    BLOCKS,
)
PHASE_TEXTS = (
    *CELL_TEXTS,
    STRATEGY,
    Text("N", "concurrency"),
    Text("work / oracle's", WORK_SHARE, decimals=2),
    Text("oracle's sizes", "oracle_sizes"),
    BLOCKS,
)
