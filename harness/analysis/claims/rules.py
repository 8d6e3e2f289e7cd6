"""Pass rules as data, and the verdict that an interval gets from one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.analysis.estimate.statistics import Interval

REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
INCONCLUSIVE = "inconclusive"
NOT_TESTABLE = "not testable here"
#: from worst to best: a claim with several judged parts gets the worst of their verdicts
WORST_FIRST = (NOT_REPRODUCED, INCONCLUSIVE, NOT_TESTABLE, REPRODUCED)


@dataclass(frozen=True, slots=True)
class Rule:
    """The values that reproduce a claim: from ``low`` to ``high``, in the measured unit.

    With ``strict`` the ends do not belong to them.
    """

    low: float
    high: float
    strict: bool

    @property
    def text(self) -> str:
        """The rule for people: ``≥ 0.2``, ``< 10``, ``6 to 10``."""
        if self.high == math.inf:
            return f"{'>' if self.strict else '≥'} {self.low:g}"
        if self.low == -math.inf:
            return f"{'<' if self.strict else '≤'} {self.high:g}"
        return f"{self.low:g} to {self.high:g}"

    def verdict(self, found: Interval) -> str:
        """Reproduced when the whole interval obeys the rule, not reproduced when no value of
        it does, else inconclusive, as without an interval."""
        if found.low is None or found.high is None:
            return INCONCLUSIVE
        if self._holds(found.low) and self._holds(found.high):
            return REPRODUCED
        if found.high < self.low or found.low > self.high:
            return NOT_REPRODUCED
        if self.strict and (found.high <= self.low or found.low >= self.high):
            return NOT_REPRODUCED
        return INCONCLUSIVE

    def _holds(self, value: float) -> bool:
        if self.strict:
            return self.low < value < self.high
        return self.low <= value <= self.high


def rule_from(data: Mapping[str, Any], cores: int = 1) -> Rule:
    """The rule that claims.yaml describes; ``times_cores`` multiplies its ends by the cores."""
    factor = cores if data.get("times_cores") else 1
    low, high = -math.inf, math.inf
    if "between" in data:
        low, high = (factor * end for end in data["between"])
    else:
        low = factor * data.get("at_least", data.get("above", low))
        high = factor * data.get("at_most", data.get("below", high))
    return Rule(low, high, strict="above" in data or "below" in data)
