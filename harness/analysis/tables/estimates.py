"""What the runtime estimates, beside what is known of tasks whose waits are known."""

import pandas as pd

from harness.analysis.data.trials import CELL
from harness.analysis.estimate.statistics import Scale, mean_interval, scale_of
from harness.analysis.tables.writing import number, with_interval

COLUMNS = [
    *CELL,
    *["concurrency", "gil_share", "gil_share_low", "gil_share_high", "gil_share_known"],
    *["gil_share_known_low", "gil_share_known_high", "gil_error", "gil_error_low"],
    *[
        "gil_error_high",
        "beta_star",
        "beta_star_low",
        "beta_star_high",
        "beta_naive",
        "beta_naive_low",
    ],
    *["beta_naive_high", "n_blocks"],
]


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
        rows.append(
            {
                **dict(zip([*CELL, "concurrency"], key, strict=True)),
                **_interval("gil_share", group["gil_wait_share"], certain=_without_gil(group)),
                **_interval("gil_share_known", group["gil_wait_share_true"]),
                "gil_error": error.estimate,
                "gil_error_low": error.low,
                "gil_error_high": error.high,
                **_interval("beta_star", group["beta_star"]),
                **_interval("beta_naive", group["beta_naive"]),
                "n_blocks": error.n,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _without_gil(group: pd.DataFrame) -> bool:
    """Whether no trial had a GIL: its share is then 0 by construction, not by measurement."""
    known = group.get("gil_enabled", pd.Series(dtype=object)).dropna()
    return len(known) > 0 and all(str(value).lower() in ("false", "0", "0.0") for value in known)


def _interval(
    name: str, values: "pd.Series[float]", *, certain: bool = False
) -> dict[str, float | None]:
    scale = Scale.REAL if certain else scale_of(name)
    interval = mean_interval(values.to_numpy(float), scale)
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


def estimates_view(table: pd.DataFrame) -> pd.DataFrame:
    """What people read."""
    rows = [
        {
            **{name: row[name] for name in CELL},
            "N": number(row["concurrency"]),
            "GIL wait, sampled": number(row["gil_share"], 2),
            "known": number(row["gil_share_known"], 2),
            "error": with_interval(
                row["gil_error"],
                row["gil_error_low"],
                row["gil_error_high"],
                decimals=3,
                n=row["n_blocks"],
            ),
            "beta*": with_interval(
                row["beta_star"],
                row["beta_star_low"],
                row["beta_star_high"],
                decimals=3,
                n=row["n_blocks"],
            ),
            "naive beta": number(row["beta_naive"], 3),
            "blocks": number(row["n_blocks"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows)
