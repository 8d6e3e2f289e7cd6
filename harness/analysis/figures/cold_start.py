"""Figure: throughput from the first submit on, as a share of what the trial settles at."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables.controllers import REACHED, curves, settled_shares
from harness.analysis.tables.inputs import Inputs

NAME = "cold_start"
COLUMNS = 4
SMOOTHED_BINS = 5


def draw_cold_start(inputs: Inputs, experiment: str | None, folder: Path) -> list[str]:
    """One panel per workload; lines are cells; none without timelines of adaptive trials."""
    if inputs.timelines is None:
        return []
    trials = inputs.trials[inputs.trials["experiment"] == experiment]
    found = curves(trials, inputs.timelines)
    rows = [
        {
            "workload": key[1],
            "interpreter": key[2],
            "cores": key[3],
            "at_s": at,
            "share": share,
            "n_blocks": len(matrix),
        }
        for key, matrix, width in settled_shares(found, ["adaptive"])
        for at, share in _smoothed(matrix.mean(axis=0), width)
    ]
    if not rows:
        return []
    frame = pd.DataFrame(rows)
    remarks = style.remarks_text(inputs, trials, as_measured=True)
    return style.write(lambda: _draw(frame, inputs.titles, remarks), frame, folder, NAME)


def _smoothed(
    share: "np.ndarray[tuple[int], np.dtype[np.float64]]", width: float
) -> list[tuple[float, float]]:
    kernel = np.ones(SMOOTHED_BINS) / SMOOTHED_BINS
    means = np.convolve(share, kernel, mode="valid")
    return [((i + SMOOTHED_BINS / 2) * width, float(value)) for i, value in enumerate(means)]


def _draw(frame: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    workloads = style.ordered(frame["workload"], titles)
    figure, grid = style.panels(len(workloads), COLUMNS, 1.6)
    look = style.looks_of_cells(frame)
    for axes, workload in zip(grid, workloads, strict=True):
        rows = frame[frame["workload"] == workload]
        for cell, line in style.groups(rows, ["interpreter", "cores"]).items():
            drawn = look[cell]
            axes.plot(line["at_s"], line["share"], color=drawn.colour, ls=drawn.dashes)
        axes.axhline(REACHED, color="#666666", lw=0.7, ls=(0, (3, 2)))
        axes.set_ylim(0, 1.35)
        axes.set_title(style.titled(workload, titles))
    names = [style.series_text(interpreter, cores, titles) for interpreter, cores in look]
    style.legend_of(figure, style.handles(look, marks=False), names)
    figure.supylabel("throughput / settled throughput", fontsize=8)
    counts = style.blocks_text(list(frame["n_blocks"]))
    notes = f"{counts}; mean over blocks, {SMOOTHED_BINS * 50} ms moving; dashed: {REACHED:.0%}"
    style.footer(figure, "seconds since the first submit", notes, remarks)
    return figure
