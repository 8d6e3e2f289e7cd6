"""The verdict an interval gets from a rule, at and around the rule's ends."""

import math

import pytest

from harness.analysis.claims.rules import INCONCLUSIVE, NOT_REPRODUCED, REPRODUCED, Rule, rule_from
from harness.analysis.estimate.statistics import Interval


@pytest.mark.parametrize(
    ("low", "high", "strict", "expected"),
    [
        (6.0, 10.0, False, REPRODUCED),  # both ends belong
        (5.9, 10.0, False, INCONCLUSIVE),
        (6.0, 10.1, False, INCONCLUSIVE),
        (5.0, 11.0, False, INCONCLUSIVE),  # holds the whole of the rule
        (10.0, 12.0, False, INCONCLUSIVE),  # one value of it obeys
        (4.0, 6.0, False, INCONCLUSIVE),
        (10.1, 12.0, False, NOT_REPRODUCED),
        (4.0, 5.9, False, NOT_REPRODUCED),
        (6.1, 9.9, True, REPRODUCED),
        (6.0, 9.9, True, INCONCLUSIVE),
        (6.1, 10.0, True, INCONCLUSIVE),
        (10.0, 12.0, True, NOT_REPRODUCED),  # the end does not belong
        (4.0, 6.0, True, NOT_REPRODUCED),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, strict: bool, expected: str) -> None:
    assert Rule(6.0, 10.0, strict).verdict(Interval(8.0, low, high, 5)) == expected


def test_without_an_interval_there_is_no_verdict() -> None:
    assert Rule(6.0, 10.0, False).verdict(Interval(8.0, None, None, 2)) == INCONCLUSIVE


@pytest.mark.parametrize(
    ("data", "cores", "expected", "text"),
    [
        ({"at_least": 0.2}, 4, Rule(0.2, math.inf, False), "≥ 0.2"),
        ({"above": 0.2}, 4, Rule(0.2, math.inf, True), "> 0.2"),
        ({"at_most": 10}, 4, Rule(-math.inf, 10, False), "≤ 10"),
        ({"below": 10}, 4, Rule(-math.inf, 10, True), "< 10"),
        ({"between": [6, 10]}, 4, Rule(6, 10, False), "6 to 10"),
        ({"between": [0.75, 1.1], "times_cores": True}, 4, Rule(3.0, 4.4, False), "3 to 4.4"),
        ({"at_least": 0.5, "times_cores": True}, 4, Rule(2.0, math.inf, False), "≥ 2"),
        ({"below": 0.5, "times_cores": True}, 4, Rule(-math.inf, 2.0, True), "< 2"),
    ],
)
def test_a_rule_is_what_the_catalogue_says(
    data: dict[str, object], cores: int, expected: Rule, text: str
) -> None:
    found = rule_from(data, cores)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.strict, found.text) == (expected.strict, text)
