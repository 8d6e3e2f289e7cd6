"""Anything measured per trial against the number of threads, with intervals over blocks."""

from collections.abc import Callable, Hashable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.data.results import ResultSet
from harness.analysis.data.trials import TWIN
from harness.analysis.estimate.statistics import Scale, mean_interval, scale_of
from harness.analysis.figures import style
from harness.analysis.publish.notebooks.show import Grid, Note, Picture, not_there, picture
from harness.analysis.tables.writing import number, with_interval

SERIES = ["workload", "interpreter", "cores"]
VALUE = style.Columns("value", "low", "high")
#: panels side by side
COLUMNS = 2
Quantity = str | Callable[[pd.DataFrame], "pd.Series[float]"]


def by_size(
    results: ResultSet, experiment: str, quantity: Quantity, strategy: str = "fixed"
) -> pd.DataFrame:
    """Mean, 95 % interval and n of a quantity per workload, interpreter, pinning and size.

    ``quantity`` is a column of trials.csv or a function of the trials, whose values are at least
    0. Trials that failed or were left out by a rule do not count.
    """
    trials = results.trials
    chosen = trials[
        (trials["experiment"] == experiment)
        & (trials["strategy"] == strategy)
        & (trials["status"] == "ok")
        & ~trials["excluded"]
        & (trials["label"] != TWIN)
    ]
    columns = [*SERIES, "concurrency", "value", "low", "high", "n"]
    if isinstance(quantity, str) and quantity not in chosen:
        return pd.DataFrame(columns=columns)
    try:
        values = chosen[quantity] if isinstance(quantity, str) else quantity(chosen)
    except KeyError:  # results of an older version lack the column
        return pd.DataFrame(columns=columns)
    scale = scale_of(quantity) if isinstance(quantity, str) else Scale.POSITIVE
    rows: list[list[object]] = []
    for key, group in chosen.assign(value=values).groupby([*SERIES, "concurrency"], sort=True):
        interval = mean_interval(group["value"].to_numpy(float), scale)
        if interval.estimate is not None:
            rows.append([*key, interval.estimate, interval.low, interval.high, interval.n])
    return pd.DataFrame(rows, columns=columns)


def table_by_size(
    results: ResultSet, experiment: str, quantity: Quantity, label: str, strategy: str = "fixed"
) -> Note | Grid:
    """One row per size, one column per series."""
    data = by_size(results, experiment, quantity, strategy)
    if data.empty:
        return not_there(f"{label} in experiment {experiment}")
    data["series"] = [_label(results, row) for row in data.to_dict("records")]
    series = list(dict.fromkeys(data["series"]))
    rows = []
    for size, group in data.groupby("concurrency", sort=True):
        texts = {
            row["series"]: with_interval(row["value"], row["low"], row["high"], n=row["n"])
            for row in group.to_dict("records")
        }
        rows.append((number(size), *(texts.get(name, "—") for name in series)))
    counts = style.blocks_text(list(data["n"]))
    return Grid(("N", *series), tuple(rows), f"{label}; 95 % intervals over blocks, {counts}.")


def draw_by_size(
    results: ResultSet,
    experiment: str,
    quantity: Quantity,
    label: str,
    *,
    relative: bool = False,
    strategy: str = "fixed",
) -> Note | Picture:
    """A line per series; ``relative`` divides each by its own highest mean."""
    data = by_size(results, experiment, quantity, strategy)
    if data.empty:
        return not_there(f"{label} in experiment {experiment}")
    if relative:
        peaks = data.groupby(SERIES)["value"].transform("max")
        data[["value", "low", "high"]] = data[["value", "low", "high"]].div(peaks, axis=0)
    data["label"] = [_label(results, row) for row in data.to_dict("records")]
    data["panel"] = ""
    if data["workload"].nunique() > 1:  # too many lines for one panel
        data["panel"] = data["label"].str.partition(", ")[2]
        data["label"] = data["label"].str.partition(", ")[0]
    return _draw(data, f"{label}, share of the peak" if relative else label)


def _draw(data: pd.DataFrame, label: str) -> Picture:
    panels = list(dict.fromkeys(data["panel"]))
    looks = style.looks(list(dict.fromkeys(data["label"])))
    rows = -(-len(panels) // COLUMNS)
    with style.styled():
        figure = Figure(figsize=(style.FULL_WIDTH, 1.0 + 2.2 * rows))
        grid = figure.subplots(rows, min(len(panels), COLUMNS), sharey=True, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            here = data[data["panel"] == panel]
            style.draw_series(axes, here, "label", style.Columns("concurrency"), VALUE, looks)
            style.log2_sizes(axes, [int(size) for size in data["concurrency"]], 12 // COLUMNS)
            style.plain_y(axes)
            axes.set_title(panel)
        # The panels share their axis: only now does it know all of them.
        for axes in grid.flat[: len(panels)]:
            style.from_zero(axes, float(data["value"].max()))
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        figure.supylabel(label, fontsize=8)
        style.legend_of(figure, style.handles(looks), list(looks), 2)
        counts = style.blocks_text(list(data["n"]))
        style.footer(figure, "threads", f"bars: 95 % intervals over blocks, {counts}")
        return picture(figure)


def _label(results: ResultSet, row: Mapping[Hashable, object]) -> str:
    names = [results.title(str(row["workload"])), results.title(str(row["interpreter"]))]
    return ", ".join([*names, style.cores_text(int(str(row["cores"])))])
