"""The paper's queue-depth baseline: more threads whenever more tasks are pending."""

from harness.strategies.controlled import ControlledPool


class QueueScaler(ControlledPool):
    """Adds ``step`` threads while more than ``backlog_threshold`` tasks are pending.

    Table 10 of arXiv 2601.10582: from 4 threads, 4 more whenever more than 10 tasks wait,
    up to ``concurrency``. It never shrinks.
    """

    def decide(self, workers: int, backlog: int) -> tuple[int, str, float | None]:
        """Grow on backlog."""
        if backlog > self.parameters["backlog_threshold"] and workers < self.concurrency:
            return min(workers + self.parameters["step"], self.concurrency), "grow", None
        return workers, "hold", None
