"""Trials that ran different versions are compared only when asked for."""

from typing import Any

import pytest

from harness.base.errors import ConfigError
from harness.store.libraries import differences, note_on_differences
from harness.store.table import noted
from tests.samples import a_record, a_trial


def measured(interpreter: str, wheels: object, version: str | None = None) -> dict[str, Any]:
    record = a_record(a_trial(interpreter=interpreter))
    record["result"]["interpreter"] = {"wheels": wheels, "version": version or interpreter}
    return record


def test_same_versions_do_not_differ_and_what_is_not_known_neither() -> None:
    same = [
        measured("a", {"numpy": "2.4.6"}),
        measured("b", {"numpy": "2.4.6", "pandas": "3.0.3"}),
        measured("b", {}),
        measured("b", None),
        a_record(a_trial(interpreter="c")),
    ]
    assert differences(same) == []
    assert note_on_differences(same, allowed=False) == ""


def test_library_that_differs_between_interpreters_is_refused_with_versions_and_fix() -> None:
    mixed = [measured("a", {"numpy": "2.4.6"}), measured("b", {"numpy": "2.5.0"})]
    with pytest.raises(ConfigError) as refused:
        note_on_differences(mixed, allowed=False)
    for part in ("numpy: 2.4.6 on a; 2.5.0 on b", "make requirements", "allow_version_differences"):
        assert part in str(refused.value)


def test_library_that_changed_while_a_run_was_interrupted_is_refused() -> None:
    mixed = [measured("a", {"numpy": "2.4.6"}), measured("a", {"numpy": "2.5.0"})]
    with pytest.raises(ConfigError, match=r"numpy: 2\.4\.6 on a; 2\.5\.0 on a"):
        note_on_differences(mixed, allowed=False)


def test_interpreter_that_was_upgraded_while_a_run_was_interrupted_is_refused() -> None:
    mixed = [measured("a", {}, "3.13.5"), measured("a", {}, "3.13.6"), measured("b", {}, "3.12.1")]
    with pytest.raises(ConfigError, match=r"the interpreter a: 3\.13\.5 on a; 3\.13\.6 on a"):
        note_on_differences(mixed, allowed=False)


def test_comparison_that_was_asked_for_carries_a_note() -> None:
    mixed = [measured("a", {"numpy": "2.4.6"}), measured("b", {"numpy": "2.5.0"})]
    note = note_on_differences(mixed, allowed=True)
    assert note == "versions differ: numpy: 2.4.6 on a; 2.5.0 on b"
    rows = list(noted(iter([{"notes": "tick 5 ms"}, {"notes": ""}, {}]), note))
    assert [row["notes"] for row in rows] == [f"tick 5 ms; {note}", note, note]
    assert list(noted(iter([{"notes": "x"}]), "")) == [{"notes": "x"}]
