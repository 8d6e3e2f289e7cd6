"""Figure: how well each metric tells what tasks wait for, and what it confuses."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.data import regimes
from harness.analysis.figures import style
from harness.analysis.tables import discrimination as told
from harness.analysis.tables.inputs import Inputs

NAME = "discrimination"
SCORE = style.Columns.of("macro_f1")
PLACE = style.Columns("place")
Legend = tuple[list[Line2D], list[str]]
#: whose confusions are shown, side by side
SHOWN = ("naive_beta", "decomposed")
SHORT = {
    regimes.IO_WAIT: "I/O",
    regimes.GIL_WAIT: "GIL",
    regimes.RUN_QUEUE: "run queue",
    regimes.USER_LOCK: "lock",
    regimes.REMOTE: "remote",
}


def draw_discrimination(inputs: Inputs, folder: Path) -> list[str]:
    """Macro-F1 of every metric on held-out trials, and two confusion matrices."""
    seen = told.observations(inputs.trials)
    if seen.empty:
        return []
    fitted = told.fit_all(seen)
    scores = told.scores_table(fitted)
    if scores["macro_f1"].isna().all():
        return []
    confusion = told.confusion_table(fitted)
    chosen = inputs.trials[inputs.trials["experiment"] == told.EXPERIMENT]
    remarks = style.remarks_text(inputs, chosen, as_measured=True)
    return style.write(
        lambda: _draw(scores, confusion, inputs.titles, remarks), scores, folder, NAME
    )


def _draw(
    scores: pd.DataFrame, confusion: pd.DataFrame, titles: Mapping[str, str], remarks: str
) -> Figure:
    figure = Figure(figsize=(style.FULL_WIDTH, 3.1))
    grid = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    style.legend_of(figure, *_scores(grid[0], scores, titles))
    names = {family.name: family.title for family in told.FAMILIES}
    for axes, family in zip(grid[1:], SHOWN, strict=True):
        _matrix(axes, confusion[confusion["family"] == family], names[family])
    grid[2].set_yticklabels([])
    grid[1].set_ylabel("truth by construction")
    n = int(scores.loc[scores["interpreter"] == told.ALL, "n_held_out"].max())
    style.footer(
        figure,
        f"{n} held-out trials; thresholds fixed on workloads with other parameters; bars: 95% "
        "bootstrap intervals over configurations",
        remarks,
    )
    return figure


def _scores(axes: Axes, scores: pd.DataFrame, titles: Mapping[str, str]) -> Legend:
    families = sorted(told.FAMILIES, key=lambda family: not family.main)
    places = {family.name: -place for place, family in enumerate(families)}
    kinds = [told.ALL, *style.ordered(set(scores["interpreter"]) - {told.ALL}, titles)]
    look = style.looks(kinds, joined=False)
    rows = scores.assign(place=scores["family"].map(places))
    style.draw_series(axes, rows, "interpreter", SCORE, PLACE, look, band=-0.22 * len(kinds))
    names = ["all interpreters", *(style.titled(kind, titles) for kind in kinds[1:])]
    axes.set_yticks(list(places.values()), [family.title for family in families])
    axes.axhline(0.5 - sum(family.main for family in families), color="#999999", lw=0.6)
    axes.set_xlim(0, 1.02)
    axes.set_title("macro-F1 over the regimes")
    return style.handles(look), names


def _matrix(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    """Share of each true regime's trials told as each regime, with the number of trials."""
    together = rows[rows["interpreter"] == told.ALL].set_index("truth")
    counts = together.reindex(regimes.REGIMES)[list(regimes.REGIMES)].fillna(0).to_numpy(float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, where=totals > 0, out=np.zeros_like(counts))
    texts = np.where(counts > 0, counts.astype(int).astype(str), "")
    sns.heatmap(
        shares, vmin=0, vmax=1, cmap="Blues", annot=texts, fmt="", annot_kws={"size": 7},
        cbar=False, square=True, xticklabels=1, yticklabels=1, ax=axes,
    )  # fmt: skip
    labels = [SHORT[name] for name in regimes.REGIMES]
    axes.set_xticklabels(labels, rotation=45, ha="right")
    axes.set_yticklabels(labels, rotation=0)
    axes.set_title(f"told by\n{title}")
