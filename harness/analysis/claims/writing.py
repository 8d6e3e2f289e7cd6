"""claims.csv, and the same as a table for people."""

from pathlib import Path

import pandas as pd

from harness.analysis.claims.data import Data
from harness.analysis.claims.judge import Views, claims_table, claims_view, counts_text
from harness.analysis.data.trials import normalised
from harness.analysis.tables.writing import Table, write_table
from harness.base.whole_files import write_whole
from harness.design import claims
from harness.design.plan import from_json


def write_claims(
    trials: pd.DataFrame,
    folder: Path,
    config_folder: Path,
    micro: Path | None = None,
    plan: Path | None = None,
    only: str | None = None,
) -> list[str]:
    """Write ``folder``/claims.csv and ``folder``/tables/claims.{csv,md,tex}.

    ``trials`` are the rows of trials.csv, ``micro`` the folder of the micro-benchmarks, ``plan``
    the run's plan.json, ``only`` the id of a single claim. Raises ``ConfigError`` for a
    catalogue of claims that cannot be used. Returns the names written.
    """
    frame = normalised(trials)
    views = Views(
        judged=Data(frame, micro),
        all_trials=Data(frame, micro, use_exclusions=False),
        raw_speed=Data(frame, micro, at=None),
    )
    planned = from_json(plan) if plan is not None else None
    table = claims_table(claims.read(config_folder), views, planned, only)
    folder.mkdir(parents=True, exist_ok=True)
    write_table(
        Table("claims", "The paper's claims", table, claims_view(table), counts_text(table)),
        folder / "tables",
    )
    write_whole(folder / "claims.csv", table.to_csv(index=False))
    return ["claims.csv", "tables/claims"]
