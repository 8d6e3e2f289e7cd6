"""Draw every figure of a result set."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from harness.analysis.data.printed import Printed, read_printed
from harness.analysis.data.trials import normalised
from harness.analysis.figures.cliff import draw_cliff
from harness.analysis.figures.cliff_causes import draw_cliff_causes
from harness.analysis.figures.cold_start import draw_cold_start
from harness.analysis.figures.discrimination import draw_discrimination
from harness.analysis.figures.efficiency import draw_efficiency
from harness.analysis.figures.invariance import draw_invariance
from harness.analysis.figures.memory import draw_memory
from harness.analysis.figures.metric import draw_metric
from harness.analysis.figures.paper.all import draw_paper_figures
from harness.analysis.figures.throughput import draw_throughput
from harness.analysis.tables.cliff import CLIFF
from harness.analysis.tables.controllers import curves
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.headline import profiles_experiment
from harness.analysis.tables.paper.inputs import Inputs


def draw_figures(
    trials: pd.DataFrame,
    folder: Path,
    titles: Mapping[str, str],
    missing_interpreters: Sequence[str] = (),
    experiment: str | None = None,
    timelines: pd.DataFrame | None = None,
    decisions: pd.DataFrame | None = None,
    printed: Printed | None = None,
) -> list[str]:
    """Draw into ``folder`` from the rows of trials.csv; returns the names of the figures.

    ``experiment`` names the one that compares strategies over the profiles; without it the
    one with the most workloads, the cliff aside. A figure without any data is not drawn.
    """
    frame = normalised(trials)
    efficiency = efficiency_table(frame)
    chosen = experiment or profiles_experiment(frame)
    part = frame[frame["experiment"] == chosen]
    rows = efficiency[efficiency["experiment"] == chosen]
    cliff = frame[frame["experiment"] == CLIFF]
    names = draw_cliff(cliff, efficiency, folder, titles, missing_interpreters)
    for draw in (draw_throughput, draw_efficiency, draw_memory):
        names += draw(part, rows, folder, titles, missing_interpreters)
    names += draw_metric(frame[frame["experiment"] == "estimates"], folder, titles)
    for answer in (draw_discrimination, draw_invariance, draw_cliff_causes):
        names += answer(frame, folder, titles, missing_interpreters)
    if timelines is not None:
        found = curves(part, timelines)
        names += draw_cold_start(part, found, folder, titles, missing_interpreters)
    facts = printed or read_printed()
    inputs = Inputs(frame, efficiency, facts, titles, "", timelines, decisions)
    return names + draw_paper_figures(inputs, folder, missing_interpreters)
