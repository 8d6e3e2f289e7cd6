"""The paper's queue-depth baseline: more threads whenever more tasks are pending."""

from harness.strategies.controlled import Sizer
from harness.strategies.tick import Change, Tick


class QueueScaler(Sizer):
    """Adds ``step`` threads while more than ``backlog_threshold`` tasks are pending.

    Table 10 of arXiv 2601.10582: from 4 threads, 4 more whenever more than 10 tasks wait,
    up to ``most``. It never shrinks.
    """

    def decide(self, tick: Tick) -> Change:
        """Grow on backlog."""
        if tick.backlog > self.parameters["backlog_threshold"] and tick.workers < self.most:
            return Change(min(tick.workers + self.parameters["step"], self.most), "grow")
        return Change(tick.workers, "hold")
