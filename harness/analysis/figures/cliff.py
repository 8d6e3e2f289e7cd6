"""Figure: throughput and tail latency against pool size, the saturation cliff."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.cliff import CLIFF, cliff_table
from harness.analysis.tables.columns import THROUGHPUT
from harness.analysis.tables.inputs import Inputs

SIZE = style.Columns("concurrency")
TAIL = style.Columns("p99_ms", "p99_ci_low", "p99_ci_high")


def draw_cliff(inputs: Inputs, folder: Path) -> list[str]:
    """One figure per workload of the cliff experiment; returns the names of the files."""
    trials = inputs.trials[inputs.trials["experiment"] == CLIFF]
    table = cliff_table(trials, inputs.efficiency)
    drawn = table[table["throughput_tps"].notna()]
    workloads = sorted(drawn["workload"].unique())
    names: list[str] = []
    for workload in workloads:
        name = "cliff" if len(workloads) == 1 else f"cliff_{workload}"
        rows = table[table["workload"] == workload]
        remarks = style.remarks_text(inputs, trials)
        draw = partial(_draw, rows, str(workload), inputs.titles, remarks)
        names += style.write(draw, rows, folder, name)
    return names


def _draw(rows: pd.DataFrame, workload: str, titles: Mapping[str, str], remarks: str) -> Figure:
    drawn = rows[rows["throughput_tps"].notna()]
    pinnings = sorted(int(cores) for cores in drawn["cores"].unique())
    look = style.looks(style.ordered(drawn["interpreter"], titles))
    figure = Figure(figsize=(style.FULL_WIDTH, 4.3))
    grid = figure.subplots(2, len(pinnings), sharex=True, sharey="row", squeeze=False)
    for column, cores in enumerate(pinnings):
        upper, lower = grid[0][column], grid[1][column]
        here = rows[(rows["cores"] == cores) & rows["interpreter"].isin(look)]
        style.draw_series(upper, here, "interpreter", SIZE, THROUGHPUT, look)
        style.draw_series(lower, here, "interpreter", SIZE, TAIL, look)
        style.mark_failures(upper, here, "interpreter", SIZE, THROUGHPUT, look)
        upper.set_title(f"{style.titled(workload, titles)}, {style.cores_text(cores)}")
        lower.set_yscale("log")
        style.log2_sizes(lower, [int(n) for n in drawn["concurrency"]], 9)
        for axes in (upper, lower):
            style.plain_y(axes)
    # The panels of a row share their axis: only now does it know all of them.
    for upper, lower in zip(*grid, strict=True):
        style.from_zero(upper, float(drawn["throughput_tps"].max()))
        style.cut_bars([lower], drawn[TAIL.value], "y")
    grid[0][0].set_ylabel("throughput [tasks/s]")
    grid[1][0].set_ylabel("P99 service time [ms]")
    style.legend_of(figure, style.handles(look), [style.titled(name, titles) for name in look])
    counts = style.blocks_text(list(drawn["n_ok"]))
    notes = f"{counts}; bars: 95% intervals over blocks; hollow: no interval; cross: all failed"
    style.footer(figure, "threads N", notes, remarks)
    return figure
