"""Figure: beta* less what it should be, under everything that should not matter to it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.figures import style
from harness.analysis.tables import invariance
from harness.analysis.tables.efficiency import efficiency_table
from harness.analysis.tables.inputs import Inputs

NAME = "invariance"
OFF = style.Columns.of("off")
NAIVE = style.Columns.of("naive_off")
KEY = ["factor", "experiment", "workload"]
PLACE = style.Columns("place")


def draw_invariance(inputs: Inputs, folder: Path) -> list[str]:
    """A line per changed thing; a panel per interpreter and pinning; every size a point."""
    concerned = inputs.trials["experiment"].astype(str).str.startswith(invariance.PREFIX)
    chosen = inputs.trials[concerned]
    if chosen.empty:
        return []
    table = invariance.invariance_table(chosen, efficiency_table(chosen))
    rows = table[table["beta_star"].notna() & table["expected_beta"].notna()]
    if rows.empty:
        return []
    for off, beta in ((OFF, invariance.BETA_STAR), (NAIVE, invariance.BETA_NAIVE)):
        for name, source in zip(off.names, beta.names, strict=True):
            rows = rows.assign(**{name: rows[source] - rows["expected_beta"]})
    remarks = style.remarks_text(inputs, chosen, as_measured=True)
    return style.write(lambda: _draw(rows, inputs.titles, remarks), rows, folder, NAME)


def _draw(rows: pd.DataFrame, titles: Mapping[str, str], remarks: str) -> Figure:
    lines = rows[KEY].drop_duplicates()
    lines = lines.sort_values("factor", key=lambda factors: factors != "base", kind="stable")
    names = [
        f"{style.titled(line['workload'], titles)}: {line['factor']}"
        for line in lines.to_dict("records")
    ]
    keys = [tuple(line) for line in lines.itertuples(index=False, name=None)]
    places = {key: -place for place, key in enumerate(keys)}
    panels = sorted({(str(r["interpreter"]), int(r["cores"])) for r in rows.to_dict("records")})
    figure = Figure(figsize=(style.FULL_WIDTH, 1.2 + 0.2 * len(keys)))
    grid = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    sizes = sorted({int(size) for size in rows["concurrency"]})
    *shapes, naive = style.looks([*sizes, "naive"], joined=False).values()
    look = dict(zip(sizes, shapes, strict=True))
    for axes, (interpreter, cores) in zip(grid, panels, strict=True):
        here = rows[(rows["interpreter"] == interpreter) & (rows["cores"] == cores)]
        axes.axvspan(-invariance.BETA_BOUND, invariance.BETA_BOUND, color="#eeeeee", zorder=0)
        here = here.assign(place=[places[key] for key in zip(*(here[k] for k in KEY), strict=True)])
        for columns, drawn in ((OFF, look), (NAIVE, dict.fromkeys(look, naive))):
            style.draw_series(
                axes, here, "concurrency", columns, PLACE, drawn, size=3, band=-0.2 * len(look)
            )
        axes.set_title(style.series_text(interpreter, cores, titles), fontsize=7.5)
    grid[0].set_yticks(list(places.values()), names)
    names = [*(f"beta*, N = {size}" for size in sizes), "naive beta, each N"]
    style.legend_of(figure, style.handles({**look, "naive": naive}), names, 5)
    notes = f"grey: within {invariance.BETA_BOUND:g}; {style.blocks_text(list(rows['n_blocks']))}"
    label = "beta less wait / (wait + cpu) as configured"
    style.footer(figure, label, f"{notes}; bars: 95% intervals over blocks", remarks)
    return figure
