"""Draw every figure of a result set."""

from pathlib import Path

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
from harness.analysis.tables.headline import profiles_experiment
from harness.analysis.tables.inputs import Inputs

#: of the experiment that compares strategies over the profiles
COMPARING = (draw_throughput, draw_efficiency, draw_memory)
#: each of experiments of its own
ANSWERS = (draw_metric, draw_discrimination, draw_invariance, draw_cliff_causes)


def draw_figures(inputs: Inputs, folder: Path, experiment: str | None = None) -> list[str]:
    """Draw into ``folder``; returns the names of the figures.

    ``experiment`` names the one that compares strategies over the profiles; without it the
    one with the most workloads, the cliff aside. A figure without any data is not drawn.
    """
    chosen = experiment or profiles_experiment(inputs.trials)
    names = draw_cliff(inputs, folder)
    for compare in COMPARING:
        names += compare(inputs, chosen, folder)
    for answer in ANSWERS:
        names += answer(inputs, folder)
    names += draw_cold_start(inputs, chosen, folder)
    return names + draw_paper_figures(inputs, folder)
