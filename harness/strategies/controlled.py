"""Strategies that run a controller thread beside a resizable pool."""

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from harness.strategies.base import Batch, Demand, Load, Strategy, run_through, start_together
from harness.strategies.resizable import ResizableThreadPool


@dataclass(frozen=True, slots=True)
class Step:
    """What a controller saw and did at one tick; ``at`` in seconds of ``perf_counter``."""

    at: float
    workers: int
    backlog: int
    action: str
    beta: float | None = None


class ControlledPool(Strategy):
    """A resizable pool whose size a tick of ``tick_ms`` milliseconds decides."""

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._decisions: list[Step] = []

    @abstractmethod
    def decide(self, workers: int, backlog: int) -> tuple[int, str, float | None]:
        """The new size, what was done in a word, and the metric it was based on, if any."""

    def instrument(self, run: Callable[[float, int], None]) -> Callable[[float, int], None]:
        """Wrap the task runner with the measuring the controller needs."""
        return run

    def run(self, load: Load) -> None:
        """Start at the smallest size and let the controller work until the window closes."""
        pool = ResizableThreadPool(self.parameters["minimum"])
        start_together(pool, self.parameters["minimum"], load, self.instrument(load.run))
        self._start_control(pool, load)
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """Start at the smallest size and let the controller work until all tasks have ended."""
        pool = ResizableThreadPool(self.parameters["minimum"])
        self._start_control(pool, batch)
        run_through(pool, batch, self.instrument(batch.run))

    def _start_control(self, pool: ResizableThreadPool, demand: Demand) -> None:
        threading.Thread(target=self._control, args=(pool, demand), daemon=True).start()

    def _control(self, pool: ResizableThreadPool, demand: Demand) -> None:
        pause = threading.Event()
        try:
            while not pause.wait(self.parameters["tick_ms"] / 1000) and not demand.closing:
                backlog = pool.backlog
                size, action, beta = self.decide(pool.size, backlog)
                if size != pool.size:
                    pool.resize(size)
                self._decisions.append(Step(perf_counter(), size, backlog, action, beta))
        except BaseException as error:
            demand.fail(error)

    def report(self) -> dict[str, Any]:
        """The decisions in order of time."""
        return {"decisions": [asdict(decision) for decision in self._decisions]}
