"""The blocking ratio of arXiv 2601.10582: beta = 1 - cpu/wall per task, averaged.

``cpu`` is ``time.thread_time``, ``wall`` is ``time.time``, which counts waiting for the GIL as
blocking. The paper averages beta "over recent tasks" without saying how many.
"""

import time
from collections import deque
from collections.abc import Callable

Run = Callable[[float, int], None]


class BlockingRatio:
    """Measures tasks as the paper does; ``recent_tasks`` and ``smoothing`` (the weight of a new
    sample) are how it averages, ``initial`` is what it starts from.
    """

    def __init__(self, *, recent_tasks: int, smoothing: float, initial: float) -> None:
        self._finished: list[float] = []
        self._recent: deque[float] = deque(maxlen=recent_tasks)
        self._smoothing = smoothing
        self._beta = initial

    def instrument(self, run: Run) -> Run:
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

    def update(self) -> float:
        """The average, now that another tick has passed."""
        # Workers append to the list they see; swapping it loses nothing that matters and,
        # unlike iterating over what grows, is safe on every build.
        finished, self._finished = self._finished, []
        self._recent.extend(finished)
        if self._recent:
            mean = sum(self._recent) / len(self._recent)
            self._beta = self._smoothing * mean + (1 - self._smoothing) * self._beta
        return self._beta
