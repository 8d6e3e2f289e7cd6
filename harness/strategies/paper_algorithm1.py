"""Algorithm 1 of arXiv 2601.10582, as published.

How it measures tasks is in :mod:`harness.strategies.blocking_ratio`.
"""

from collections.abc import Mapping
from typing import Any

from harness.strategies.blocking_ratio import BlockingRatio
from harness.strategies.controlled import Sizer
from harness.strategies.tick import Change, Run, Tick


class PaperAlgorithm1(Sizer):
    """Grows by one after three ticks with a backlog and beta above the threshold.

    A tick with a backlog and beta at or below the threshold is a *veto*; a tick without a
    backlog shrinks by one towards ``minimum``. ``most`` is N_max.
    """

    def __init__(self, most: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(most, parameters)
        self._ratio = BlockingRatio(
            recent_tasks=parameters["recent_tasks"],
            smoothing=parameters["smoothing"],
            initial=parameters["initial_beta"],
        )
        self._streak = 0
        self._vetoes = 0
        self._grows = True

    def instrument(self, run: Run) -> Run:
        """Measure each task's blocking ratio."""
        return self._ratio.instrument(run)

    def decide(self, tick: Tick) -> Change:
        """One tick of Algorithm 1."""
        beta = self._ratio.update()
        self._grows = beta > self.parameters["threshold"]
        workers = tick.workers
        if tick.backlog == 0:
            self._streak = 0
            if workers > self.parameters["minimum"]:
                return Change(workers - 1, "shrink", beta)
            return Change(workers, "hold", beta)
        if not self._grows:
            self._streak = 0
            self._vetoes += 1
            return Change(workers, "veto", beta)
        self._streak += 1
        if self._streak >= self.parameters["patience"] and workers < self.most:
            self._streak = 0
            return Change(workers + 1, "grow", beta)
        return Change(workers, "hold", beta)

    def report(self) -> dict[str, Any]:
        """How many ticks were vetoes, and the size that the ratio calls for at the end."""
        size = self.most if self._grows else self.parameters["minimum"]
        return {"vetoes": self._vetoes, "metric_size": size}
