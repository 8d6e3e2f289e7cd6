"""How the co-tenant soak scores marks against what the co-tenant itself noted."""

import pytest

from tests.runtime.soak_co_tenant import Slice, Trial, score, tenant_share


def test_share_is_cpu_time_in_the_window_on_the_trials_cpus_over_their_capacity() -> None:
    trial = Trial((1,), 10.0, 12.0, "")
    inside, half, elsewhere, before = (
        Slice(1, 10.0, 11.0, 0.5),
        Slice(1, 11.5, 12.5, 1.0),
        Slice(0, 10.0, 12.0, 2.0),
        Slice(1, 8.0, 10.0, 2.0),
    )
    assert tenant_share(trial, [inside]) == pytest.approx(0.25)
    assert tenant_share(trial, [half]) == pytest.approx(0.25)
    assert tenant_share(trial, [elsewhere, before]) == 0
    assert tenant_share(Trial((0, 1), 10.0, 12.0, ""), [elsewhere]) == pytest.approx(0.5)


def test_disturbed_and_undisturbed_trials_are_scored_apart_from_those_between() -> None:
    trials = [
        Trial((0,), 0.0, 1.0, "foreign_cpu_ms above 5%"),
        Trial((0,), 1.0, 2.0, ""),
        Trial((0,), 2.0, 3.0, ""),
        Trial((0,), 3.0, 4.0, "steal_ms above 5%"),
        Trial((0,), 4.0, 5.0, ""),
    ]
    slices = [Slice(0, 0.0, 1.0, 0.5), Slice(0, 1.0, 2.0, 0.2), Slice(0, 2.0, 3.0, 0.05)]
    found = score(trials, slices)
    assert (found["disturbed"], found["between"], found["undisturbed"]) == (2, 1, 2)
    assert (found["recall"], found["false_marks"]) == (0.5, 0.5)
    assert found["reasons_of_false_marks"] == {"steal_ms above 5%": 1}


def test_nothing_to_judge_by_gives_no_score() -> None:
    found = score([], [])
    assert (found["recall"], found["false_marks"]) == (None, None)
