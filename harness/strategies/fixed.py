"""A ``ThreadPoolExecutor`` of fixed size."""

from concurrent.futures import ThreadPoolExecutor

from harness.strategies.base import Load, Strategy, start_together


class FixedPool(Strategy):
    """``concurrency`` threads, all started before the load arrives."""

    def run(self, load: Load) -> None:
        """Start every thread and keep the population in flight."""
        executor = ThreadPoolExecutor(self.concurrency)
        start_together(executor, self.concurrency, load, load.run)
        load.wait_until_closed()
