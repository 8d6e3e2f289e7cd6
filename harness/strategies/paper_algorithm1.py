"""Algorithm 1 of arXiv 2601.10582, as published.

Its blocking ratio of a task is beta = 1 - cpu/wall (``time.thread_time``, ``time.time``),
which counts waiting for the GIL as blocking. The paper averages it "over recent tasks"
without saying how many; ``recent_tasks`` is that number.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from harness.strategies.controlled import ControlledPool


class PaperAlgorithm1(ControlledPool):
    """Grows by one after three ticks with a backlog and beta above the threshold.

    A tick with a backlog and beta at or below the threshold is a *veto*; a tick without a
    backlog shrinks by one towards ``minimum``. ``concurrency`` is N_max.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._finished: list[float] = []
        self._recent: deque[float] = deque(maxlen=parameters["recent_tasks"])
        self._beta = parameters["initial_beta"]
        self._streak = 0

    def instrument(self, run: Callable[[float, int], None]) -> Callable[[float, int], None]:
        """Measure each task's blocking ratio with the paper's four clock calls."""

        def instrumented(submitted: float, index: int) -> None:
            wall = time.time()
            cpu = time.thread_time()
            run(submitted, index)
            cpu = time.thread_time() - cpu
            wall = time.time() - wall
            if wall > 0:
                self._finished.append(1 - cpu / wall)

        return instrumented

    def decide(self, workers: int, backlog: int) -> tuple[int, str, float | None]:
        """One tick of Algorithm 1."""
        # Workers append to the list they see; swapping it loses nothing that matters and,
        # unlike iterating over what grows, is safe on every build.
        finished, self._finished = self._finished, []
        self._recent.extend(finished)
        if self._recent:
            weight = self.parameters["smoothing"]
            mean = sum(self._recent) / len(self._recent)
            self._beta = weight * mean + (1 - weight) * self._beta
        if backlog > 0:
            if self._beta <= self.parameters["threshold"]:
                self._streak = 0
                return workers, "veto", self._beta
            self._streak += 1
            if self._streak >= self.parameters["patience"] and workers < self.concurrency:
                self._streak = 0
                return workers + 1, "grow", self._beta
            return workers, "hold", self._beta
        self._streak = 0
        if workers > self.parameters["minimum"]:
            return workers - 1, "shrink", self._beta
        return workers, "hold", self._beta
