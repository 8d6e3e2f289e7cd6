"""Named values in a column of trials.csv come back as they were written, whatever they hold."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.store.parameter_text import parameter_text, parse_parameters
from harness.store.table import COLUMNS, parameters_text, row, write_table
from tests.samples import a_record, a_trial

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
SIMPLE = st.one_of(
    st.text(),
    st.text(alphabet=';="\\, \n[]{}', max_size=8),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.none(),
)
VALUES = st.one_of(SIMPLE, st.lists(SIMPLE, max_size=4))


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    assert parse_parameters(parameter_text(values)) == values
    spec = {"parameters": values, "remote_servers": None}
    assert parse_parameters(parameters_text(spec)) == values


NASTY = 'a;b="c";d=1, "\\\né'


def test_it_survives_the_table(tmp_path: Path) -> None:
    trial = a_trial(
        conditions={"device": "edge_1c_512mb", "switch_interval_ms": 0.5, "note": NASTY},
        parameters={"wait_ms": 1.0, "mode": NASTY, "sizes": [1, "x;y=z"]},
    )
    write_table(tmp_path / "trials.csv", iter([row(a_record(trial), "")]), COLUMNS)
    (found,) = pd.read_csv(tmp_path / "trials.csv").to_dict("records")
    assert parse_parameters(found["conditions"]) == trial.conditions
    assert parse_parameters(found["parameters"]) == trial.parameters


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("device=edge_1c_512mb", {"device": "edge_1c_512mb"}),
        ("device=4core;switch_interval_ms=0.1", {"device": "4core", "switch_interval_ms": 0.1}),
        ("co_tenants=2;device=a-b", {"co_tenants": 2, "device": "a-b"}),
        ("device=two words;co_tenants=1", {"device": "two words", "co_tenants": 1}),
        ("device=x=y", {"device": "x=y"}),
        ("device=", {"device": ""}),
        ('device="torn;co_tenants=1', {"device": '"torn', "co_tenants": 1}),
        ("no value;co_tenants=1", {"co_tenants": 1}),
        ("nothing", {}),
        ("", {}),
        (None, {}),
        (math.nan, {}),
    ],
)
def test_tables_of_before_values_were_quoted_are_read(text: object, values: dict[str, Any]) -> None:
    assert parse_parameters(text) == values
