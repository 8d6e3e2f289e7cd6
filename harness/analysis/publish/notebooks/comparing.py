"""Efficiencies over all cells, pairs against the default pool, and the noise floor."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from harness.analysis.data.results import ResultSet
from harness.analysis.data.trials import NOT_RUN, TWIN, cells
from harness.analysis.estimate.statistics import Interval, mean_t_interval
from harness.analysis.figures import style
from harness.analysis.publish.notebooks.show import Grid, Note, Picture, grid, not_there, picture
from harness.analysis.tables.headline import profiles_experiment
from harness.analysis.tables.writing import number, with_interval

COLUMNS = ["Workload", "Interpreter", "Cores", "N", "ratio", "blocks", "reading"]


def efficiency_spread(results: ResultSet, experiment: str = "profiles") -> Note | Picture:
    """Each cell's efficiency, sorted, one line per strategy: how good, and how often."""
    table = results.table("efficiency")
    if "efficiency" not in table:
        return not_there("Efficiencies")
    rows = table[(table["experiment"] == experiment) & table["efficiency"].notna()]
    rows = rows[rows["strategy"] != "fixed"]
    if rows.empty:
        return not_there(f"Efficiencies of experiment {experiment}")
    names = style.ordered(rows["strategy"], results.titles)
    with style.styled():
        figure = Figure(figsize=(style.FULL_WIDTH, 3.4))
        axes = figure.subplots()
        axes.axvline(1, color="black", lw=0.8)
        labels = []
        for name, look in style.looks(names).items():
            values = rows.loc[rows["strategy"] == name, "efficiency"]
            sns.ecdfplot(x=values, color=look.colour, ls=look.dashes, ax=axes)
            labels.append(f"{style.titled(name, results.titles)} ({len(values)})")
        axes.set(xlim=(0, None), xlabel="efficiency against the best fixed pool",
                 ylabel="share of cells at or below")  # fmt: skip
        handles = style.handles(style.looks(names), marks=False)
        figure.legend(handles, labels, loc="outside right center")
        style.footer(figure, "in brackets: cells, or cells times sizes where there are several")
        return picture(figure)


def against_default(results: ResultSet, strategy: str = "adaptive") -> Note | Grid:
    """The strategy against the pool nearest to the default size, block by block.

    CPython's default is min(32, CPUs + 4) threads; the measured size nearest to it stands in,
    and is named. A ratio is that of throughputs at equal machine speed within a block.
    """
    trials = results.trials
    chosen = profiles_experiment(trials[trials["status"] != NOT_RUN])
    rows = []
    for cell in cells(trials[trials["experiment"] == chosen]):
        used = cell.usable[cell.usable["strategy"] == strategy]
        if used.empty or not cell.sizes:
            continue
        default = min(32, cell.name.cores + 4)
        size = min((abs(n - default), n) for n in cell.sizes)[1]
        most = int(used["concurrency"].max())
        log_ratios = cell.log_throughput(strategy, most) - cell.log_throughput("fixed", size)
        ratio = mean_t_interval(log_ratios).exp()
        rows.append(
            [
                results.title(cell.name.workload),
                results.title(cell.name.interpreter),
                number(cell.name.cores),
                number(size),
                with_interval(ratio.estimate, ratio.low, ratio.high, decimals=2, n=ratio.n),
                number(ratio.n),
                _reading(ratio),
            ]
        )
    if not rows:
        return not_there(f"Strategy {strategy} beside fixed pools")
    frame = pd.DataFrame(rows, columns=COLUMNS)
    counts = ", ".join(f"{text} {count}" for text, count in frame["reading"].value_counts().items())
    title = results.title(strategy)
    return grid(frame, f"Throughput of {title} over that of the fixed pool of N. Cells: {counts}.")


def _reading(ratio: Interval) -> str:
    if ratio.low is None or ratio.high is None:
        return "too few blocks"
    if ratio.contains(1):
        return "not told apart"
    return "faster" if ratio.low > 1 else "slower"


def noise(results: ResultSet) -> Note | Grid:
    """The A/A twins: how far two runs of the same thing lie apart."""
    table = results.table("aa_twin")
    known = table[table["ci_low"].notna()] if "ci_low" in table else table
    if known.empty:
        return not_there(f"Twins ({TWIN}) with intervals")
    inside = (known["ci_low"] <= 1) & (known["ci_high"] >= 1)
    rows = [
        ("cells with a twin", number(len(known))),
        ("intervals that hold 1", f"{int(inside.sum())} ({100 * inside.mean():.0f} %)"),
        ("median distance from 1", f"{100 * (known['efficiency'] - 1).abs().median():.1f} %"),
        ("largest distance from 1", f"{100 * (known['efficiency'] - 1).abs().max():.1f} %"),
        ("median floor", f"{100 * known['floor'].median():.1f} %"),
    ]
    return Grid(("A/A twin", "value"), tuple(rows), "Smaller differences are not claimed.")
