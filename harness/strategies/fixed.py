"""A ``ThreadPoolExecutor`` of fixed size."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from harness.strategies.base import Batch, Demand, Load, Strategy, run_through, start_together
from harness.strategies.blocking_ratio import BlockingRatio

#: how often the paper's controller looks; here nothing is decided by it
PUBLISHED_TICK_S = 0.5


class FixedPool(Strategy):
    """``concurrency`` threads, all started before the load arrives.

    Parameter ``instrumented``: tasks are measured, and the ratio averaged, as Algorithm 1 of
    arXiv 2601.10582 does it, so that a pair of pools shows what that costs.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._ratio = BlockingRatio(recent_tasks=100, smoothing=0.2, initial=0.5)

    def run(self, load: Load) -> None:
        """Start every thread and keep the population in flight."""
        executor = ThreadPoolExecutor(self.concurrency)
        start_together(executor, self.concurrency, load, self._instrument(load))
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """Run the tasks through an executor, which starts its threads as tasks arrive."""
        run = self._instrument(batch)
        run_through(ThreadPoolExecutor(self.concurrency), batch, run)

    def _instrument(self, demand: Demand) -> Callable[[float, int], None]:
        if not self.parameters.get("instrumented"):
            return demand.run
        threading.Thread(target=self._average, args=(demand,), daemon=True).start()
        return self._ratio.instrument(demand.run)

    def _average(self, demand: Demand) -> None:
        pause = threading.Event()
        try:
            while not pause.wait(PUBLISHED_TICK_S) and not demand.closing:
                self._ratio.update()
        except BaseException as error:
            demand.fail(error)

    def report(self) -> dict[str, Any]:
        """The averaged blocking ratio, where it was measured."""
        return {"beta": self._ratio.update()} if self.parameters.get("instrumented") else {}
