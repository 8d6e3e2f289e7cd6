"""Counterpart of Figure 9: pool size and throughput of controllers over time."""

from collections.abc import Hashable, Iterator

import numpy as np
import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import Array, Scale, mean_interval
from harness.analysis.tables.controllers import curves
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.measured import Quantity
from harness.analysis.tables.paper.view import view
from harness.analysis.tables.writing import Table

EXPERIMENT = "timeline"
#: seconds after the first submit at which the table looks
MOMENTS = (1, 2, 5, 10, 20, 30)
IDENTITY = [*CELL, "strategy", "concurrency"]
SIZE = Quantity("workers", "N", decimals=1)
RATE = Quantity("throughput_tps", "Throughput of the second before [1/s]")


def timeline_tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if the experiment was run and its decisions are there."""
    if inputs.timelines is None or inputs.decisions is None:
        return
    rows = _rows(sizes(inputs.trials, inputs.decisions), _rates(inputs))
    if not rows:
        return
    frame = pd.DataFrame(rows)
    shown = ("workload", "interpreter", "cores", "strategy", "at")
    yield Table(
        "paper_timeline",
        "Controllers from the first submit on (Figure 9)",
        frame,
        view(frame, (SIZE, RATE), shown, titles=inputs.titles).rename(columns={"At": "At [s]"}),
        "Throughput as measured. Intervals: 95 %, over blocks.",
    )


def sizes(trials: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Decisions of usable trials of the experiment, with the columns that identify the trial."""
    usable = trials[
        (trials["experiment"] == EXPERIMENT) & (trials["status"] == "ok") & ~trials["excluded"]
    ]
    if usable.empty or "spec_hash" not in usable:
        return pd.DataFrame(columns=[*IDENTITY, "block", "spec_hash", "at_s", "workers"])
    merged = decisions.merge(usable[[*IDENTITY, "block", "spec_hash"]], on="spec_hash")
    return merged.sort_values(["spec_hash", "at_s"], kind="stable")


def size_at(at: Array, workers: Array, moment: float) -> float | None:
    """The size last decided on at ``moment``, both in order of time; None before the first."""
    place = int(np.searchsorted(at, moment, side="right")) - 1
    return float(workers[place]) if place >= 0 else None


def _rates(inputs: Inputs) -> pd.DataFrame:
    assert inputs.timelines is not None
    if "spec_hash" not in inputs.trials:
        return pd.DataFrame(columns=[*IDENTITY, "block", "from_s", "to_s", "completed"])
    found = curves(inputs.trials, inputs.timelines)
    return found[found["experiment"] == EXPERIMENT]


def _rows(decided: pd.DataFrame, rates: pd.DataFrame) -> list[dict[Hashable, object]]:
    rows: list[dict[Hashable, object]] = []
    for key, group in decided.groupby(IDENTITY, sort=True):
        about: dict[Hashable, object] = dict(zip(IDENTITY, key, strict=True))
        same = np.logical_and.reduce([rates[name] == value for name, value in about.items()])
        progress = rates[same]
        longest = progress["to_s"].max() if len(progress) else group["at_s"].max()
        for moment in (m for m in MOMENTS if m <= longest):
            found = [
                size_at(trial["at_s"].to_numpy(float), trial["workers"].to_numpy(float), moment)
                for _, trial in group.groupby("spec_hash")
            ]
            size = mean_interval([s for s in found if s is not None], Scale.POSITIVE)
            second = progress[(progress["from_s"] >= moment - 1) & (progress["to_s"] <= moment)]
            counts = second.groupby("block")["completed"].sum().to_numpy(float)
            # A second without completions counts as well: no geometric mean here.
            done = mean_interval(counts, Scale.POSITIVE)
            row: dict[Hashable, object] = {**about, "at": moment, "n_ok": size.n, "status": ""}
            rows.append(row | SIZE.columns.holding(size) | RATE.columns.holding(done))
    return rows
