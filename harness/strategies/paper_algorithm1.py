"""Algorithm 1 of arXiv 2601.10582, as published.

How it measures tasks is in :mod:`harness.strategies.blocking_ratio`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from harness.strategies.blocking_ratio import BlockingRatio
from harness.strategies.controlled import ControlledPool

VETO = "veto"


class PaperAlgorithm1(ControlledPool):
    """Grows by one after three ticks with a backlog and beta above the threshold.

    A tick with a backlog and beta at or below the threshold is a *veto*; a tick without a
    backlog shrinks by one towards ``minimum``. ``concurrency`` is N_max.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._ratio = BlockingRatio(
            recent_tasks=parameters["recent_tasks"],
            smoothing=parameters["smoothing"],
            initial=parameters["initial_beta"],
        )
        self._streak = 0

    def instrument(self, run: Callable[[float, int], None]) -> Callable[[float, int], None]:
        """Measure each task's blocking ratio."""
        return self._ratio.instrument(run)

    def decide(self, workers: int, backlog: int) -> tuple[int, str, float | None]:
        """One tick of Algorithm 1."""
        beta = self._ratio.update()
        if backlog > 0:
            if beta <= self.parameters["threshold"]:
                self._streak = 0
                return workers, VETO, beta
            self._streak += 1
            if self._streak >= self.parameters["patience"] and workers < self.concurrency:
                self._streak = 0
                return workers + 1, "grow", beta
            return workers, "hold", beta
        self._streak = 0
        if workers > self.parameters["minimum"]:
            return workers - 1, "shrink", beta
        return workers, "hold", beta

    def report(self) -> dict[str, Any]:
        """The decisions, and how many of them were vetoes."""
        report = super().report()
        vetoes = sum(decision["action"] == VETO for decision in report["decisions"])
        return {**report, "vetoes": vetoes}
