"""What the runtime estimates, beside what is known of tasks whose waits are known."""

from collections.abc import Iterator

import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import Scale, mean_interval, scale_of
from harness.analysis.tables.columns import BLOCKS, CELL_TEXTS, Columns, Text, titled, view
from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.writing import Table

GIL_SHARE = Columns.of("gil_share")
GIL_SHARE_KNOWN = Columns.of("gil_share_known")
GIL_ERROR = Columns.of("gil_error")
BETA_STAR = Columns.of("beta_star")
BETA_NAIVE = Columns.of("beta_naive")
COLUMNS = [
    *CELL,
    *["concurrency", *GIL_SHARE.names, *GIL_SHARE_KNOWN.names, *GIL_ERROR.names],
    *[*BETA_STAR.names, *BETA_NAIVE.names, "n_blocks"],
]
TEXTS = (
    *CELL_TEXTS,
    Text("N", "concurrency"),
    Text("GIL wait, sampled", "gil_share", 2),
    Text("known", "gil_share_known", 2),
    Text("error", GIL_ERROR, decimals=3),
    Text("beta*", BETA_STAR, decimals=3),
    Text("naive beta", "beta_naive", 3),
    BLOCKS,
)


def tables(inputs: Inputs) -> Iterator[Table]:
    """One table, if pools were held at a size."""
    found = estimates_table(inputs.trials)
    if len(found):
        yield Table(
            "estimates",
            "Estimates of the runtime against what is known",
            found,
            titled(view(found, *TEXTS), inputs.titles),
            "Known: occupied time less CPU, run queue and the tasks' own sleep.",
        )


def estimates_table(trials: pd.DataFrame, experiment: str = "estimates") -> pd.DataFrame:
    """One row per cell and size: the share of GIL wait, estimated and known, and beta*.

    Known is the share of occupied time left when CPU time, run-queue wait and the tasks' own
    sleep are taken off; the runtime has no part in it. ``gil_error`` is estimated - known,
    with an interval over blocks.
    """
    chosen = trials[
        (trials["experiment"] == experiment)
        & (trials["status"] == "ok")
        & ~trials["excluded"]
        & trials["strategy"].str.startswith("adaptive")
    ]
    rows = []
    for key, group in chosen.groupby([*CELL, "concurrency"], sort=True):
        difference = group["gil_wait_share"] - group["gil_wait_share_true"]
        error = mean_interval(difference.to_numpy(float), Scale.DIFFERENCE)
        certain = _without_gil(group)
        rows.append(
            {
                **dict(zip([*CELL, "concurrency"], key, strict=True)),
                **_held(GIL_SHARE, group["gil_wait_share"], certain=certain),
                **_held(GIL_SHARE_KNOWN, group["gil_wait_share_true"], certain=certain),
                **GIL_ERROR.holding(error),
                **_held(BETA_STAR, group["beta_star"]),
                **_held(BETA_NAIVE, group["beta_naive"]),
                "n_blocks": error.n,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _without_gil(group: pd.DataFrame) -> bool:
    """Whether no trial had a GIL: its share is then 0 by construction, not by measurement."""
    known = group.get("gil_enabled", pd.Series(dtype=object)).dropna()
    return len(known) > 0 and all(str(value).lower() in ("false", "0", "0.0") for value in known)


def _held(
    columns: Columns, values: "pd.Series[float]", *, certain: bool = False
) -> dict[str, object]:
    scale = Scale.REAL if certain else scale_of(columns.value)
    return columns.holding(mean_interval(values.to_numpy(float), scale))
