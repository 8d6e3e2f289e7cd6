"""Strategies that run a controller thread beside a resizable pool.

What decides is a :class:`Sizer`, without clock or thread of its own: it is told a tick and says a
size, in a measured process, in a test that replays ticks, or in a simulation.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from harness.strategies.base import Batch, Demand, Load, Strategy, run_through, start_together
from harness.strategies.resizable import ResizableThreadPool
from harness.strategies.tick import Change, Counting, Run, Tick


class Sizer(ABC):
    """Decides the size of a pool, tick by tick; at most ``most`` workers."""

    def __init__(self, most: int, parameters: Mapping[str, Any]) -> None:
        self.most = most
        self.parameters = parameters

    @abstractmethod
    def decide(self, tick: Tick) -> Change:
        """The size from here on."""

    def instrument(self, run: Run) -> Run:
        """Wrap the task runner with measuring of its own, beyond what a tick tells."""
        return run

    def report(self) -> dict[str, Any]:
        """What only the sizer knows after a run."""
        return {}


@dataclass(frozen=True, slots=True)
class Step:
    """What a controller saw and did at one tick; ``at`` in seconds of ``perf_counter``."""

    at: float
    workers: int
    backlog: int
    action: str
    beta: float | None = None


class ControlledPool(Strategy):
    """A resizable pool whose size a sizer decides every ``tick_ms`` milliseconds."""

    def __init__(
        self,
        make_sizer: Callable[[int, Mapping[str, Any]], Sizer],
        concurrency: int,
        parameters: Mapping[str, Any],
    ) -> None:
        super().__init__(concurrency, parameters)
        self._sizer = make_sizer(concurrency, parameters)
        self._steps: list[Step] = []

    def run(self, load: Load) -> None:
        """Start at the smallest size and let the controller work until the window closes."""
        counting = Counting()
        pool = ResizableThreadPool(self.parameters["minimum"])
        start_together(pool, self.parameters["minimum"], load, self._runner(counting, load))
        self._start_control(pool, counting, load)
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """Start at the smallest size and let the controller work until all tasks have ended."""
        counting = Counting()
        pool = ResizableThreadPool(self.parameters["minimum"])
        self._start_control(pool, counting, batch)
        run_through(pool, batch, self._runner(counting, batch))

    def _runner(self, counting: Counting, demand: Demand) -> Run:
        return counting.around(self._sizer.instrument(demand.run))

    def _start_control(self, pool: ResizableThreadPool, counting: Counting, demand: Demand) -> None:
        control = threading.Thread(target=self._control, args=(pool, counting, demand), daemon=True)
        control.start()

    def _control(self, pool: ResizableThreadPool, counting: Counting, demand: Demand) -> None:
        pause = threading.Event()
        try:
            while not pause.wait(self.parameters["tick_ms"] / 1000) and not demand.closing:
                tick = counting.tick(pool.size, pool.busy, pool.backlog)
                change = self._sizer.decide(tick)
                if change.size != pool.size:
                    pool.resize(change.size)
                at = perf_counter()
                self._steps.append(
                    Step(at, change.size, tick.backlog, change.action, change.metric)
                )
        except BaseException as error:
            demand.fail(error)

    def report(self) -> dict[str, Any]:
        """The decisions in order of time, and what the sizer knows."""
        return {"decisions": [asdict(step) for step in self._steps], **self._sizer.report()}
