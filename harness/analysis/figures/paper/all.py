"""The counterparts of the paper's figures, from the tables that answer the same experiments."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.figures.catalogue import entry
from harness.analysis.figures.paper.curves import (
    CLIFF,
    GIL,
    MIXES,
    PURE_IO,
    TAIL,
    Curves,
    draw_by_cores,
    draw_by_workload,
)
from harness.analysis.figures.paper.dots import draw_baselines, draw_solution
from harness.analysis.figures.paper.memory import draw_memory_of_workers
from harness.analysis.figures.paper.profiles import draw_profiles
from harness.analysis.figures.paper.threshold import draw_threshold
from harness.analysis.figures.paper.timeline import draw_timeline
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.catalogue import paper_tables

Drawn = tuple[Figure, pd.DataFrame] | None
Draw = Callable[[pd.DataFrame, Mapping[str, str], str], Drawn]


def _curves(curves: Curves) -> Draw:
    return lambda table, titles, remarks: draw_by_cores(table, curves, titles, remarks)


#: figure: the table it is drawn from, and how
FIGURES: Mapping[str, tuple[str, Draw]] = {
    "paper_cliff_throughput": ("paper_cliff", _curves(CLIFF)),
    "paper_cliff_tail": ("paper_cliff", _curves(TAIL)),
    "paper_gil_nogil": ("paper_gil_nogil", _curves(GIL)),
    "paper_pure_io": ("paper_pure_io", _curves(PURE_IO)),
    "paper_solution": ("paper_solution", draw_solution),
    "paper_memory": ("paper_memory", draw_memory_of_workers),
    "paper_baselines": ("paper_baselines", draw_baselines),
    "paper_mix_sweep": (
        "paper_mix_sweep",
        lambda table, titles, remarks: draw_by_workload(table, MIXES, titles, remarks),
    ),
    "paper_threshold": ("paper_threshold", draw_threshold),
    "paper_profiles": ("paper_profiles", draw_profiles),
}
TIMELINE = "paper_timeline"
#: figures of what is not adjusted for the machine's speed
AS_MEASURED = {"paper_cliff_tail", "paper_memory", TIMELINE}


def draw_paper_figures(inputs: Inputs, folder: Path) -> list[str]:
    """Draw what the data allow into ``folder``; returns the names of the figures drawn."""
    tables = {table.name: table.data for table in paper_tables(inputs)}
    names = []
    with style.styled():
        for name, (source, draw) in FIGURES.items():
            if source in tables:
                remarks = _remarks(name, inputs)
                names += _save(draw(tables[source], inputs.titles, remarks), folder, name)
        if inputs.timelines is not None and inputs.decisions is not None:
            remarks = _remarks(TIMELINE, inputs)
            progress = (inputs.timelines, inputs.decisions)
            drawn = draw_timeline(inputs.trials, *progress, inputs.titles, remarks)
            names += _save(drawn, folder, TIMELINE)
    return names


def _remarks(name: str, inputs: Inputs) -> str:
    found = entry(name)
    experiments = found.experiments if found else ()
    mine = inputs.trials[inputs.trials["experiment"].isin(experiments)]
    return style.remarks_text(inputs, mine, as_measured=name in AS_MEASURED)


def _save(drawn: Drawn, folder: Path, name: str) -> list[str]:
    if drawn is None:
        return []
    figure, data = drawn
    style.save(figure, data, folder, name)
    return [name]
