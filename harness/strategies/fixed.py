"""A ``ThreadPoolExecutor`` of fixed size."""

import threading
from concurrent.futures import ThreadPoolExecutor

from harness.strategies.base import Load, Strategy, keep_busy


class FixedPool(Strategy):
    """``concurrency`` threads, all started before the load arrives."""

    def run(self, load: Load) -> None:
        """Start every thread behind a gate, then keep the population in flight."""
        executor = ThreadPoolExecutor(self.concurrency)
        gate = threading.Barrier(self.concurrency + 1)

        def arrive() -> None:
            load.run.claim_log()
            gate.wait()

        for _ in range(self.concurrency):
            executor.submit(arrive)
        gate.wait()
        keep_busy(executor, load, load.run)
        load.begin()
        load.wait_until_closed()
