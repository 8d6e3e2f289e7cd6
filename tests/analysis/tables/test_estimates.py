"""Estimates beside what is known of the tasks."""

import pandas as pd
import pytest

from harness.analysis.tables.columns import view
from harness.analysis.tables.estimates import TEXTS, estimates_table

CELL = {"experiment": "profiles", "workload": "rag", "interpreter": "cpython-3.12", "cores": 2}


def a_trial(identity: str, **changes: object) -> dict[str, object]:
    return {
        **CELL,
        "strategy": "adaptive",
        "concurrency": 120,
        "label": "",
        "block": 1,
        "status": "ok",
        "excluded": False,
        "final_workers": 24.0,
        "spec_hash": identity,
        **changes,
    }


def test_estimates_stand_beside_what_is_known() -> None:
    rows = [
        a_trial(
            f"{size}-{block}",
            experiment="estimates",
            strategy="adaptive_held",
            concurrency=size,
            block=block,
            gil_wait_share=0.4 + 0.01 * block,
            gil_wait_share_true=0.4,
            beta_star=0.9,
            beta_naive=0.95,
        )
        for size in (4, 16)
        for block in (1, 2, 3)
    ]
    table = estimates_table(pd.DataFrame(rows))
    assert list(table["concurrency"]) == [4, 16]
    assert table["gil_error"].tolist() == pytest.approx([0.02, 0.02])
    assert table["gil_error_low"].iloc[0] < 0.02 < table["gil_error_high"].iloc[0]
    assert len(view(table, *TEXTS)) == 2
    assert estimates_table(pd.DataFrame(rows).assign(experiment="other")).empty
