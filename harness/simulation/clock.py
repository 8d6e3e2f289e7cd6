"""Simulated time: what is to happen, in order."""

import heapq
import itertools
from collections.abc import Callable


class Clock:
    """Runs callbacks at their times, which are seconds from 0; ties in the order of asking."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call ``call`` in so many seconds."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), call))

    def run(self, until: float) -> None:
        """Let time pass up to ``until``."""
        due = self._due
        while due and due[0][0] <= until:
            self.now, _, call = heapq.heappop(due)
            call()
        self.now = until
