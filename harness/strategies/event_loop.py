"""asyncio: tasks as coroutines, their CPU parts inline or handed to a thread."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from harness.strategies.base import Batch, Demand, Load, Strategy

#: how often the loop's lag is looked at
LAG_S = 0.01


class EventLoop(Strategy):
    """One event loop; at most ``concurrency`` coroutines are past the semaphore at a time.

    Parameter ``offload``: False computes on the loop, True awaits every CPU part in the
    loop's default thread pool, as ``asyncio.to_thread`` does.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._lags: list[float] = []

    def run(self, load: Load) -> None:
        """Run the population as coroutines until the window has closed."""
        self._run_loop(self._serve(load), load)

    def run_batch(self, batch: Batch) -> None:
        """Run all tasks as coroutines of a new loop; its end is the shutdown."""
        self._run_loop(self._run_all(batch), batch)
        if batch.failure is not None:
            raise batch.failure

    def _run_loop(self, work: Coroutine[Any, Any, None], demand: Demand) -> None:
        try:
            asyncio.run(work)
        except BaseExceptionGroup as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            demand.fail(error)

    def _offload(self) -> Callable[..., Awaitable[Any]] | None:
        if self.parameters["offload"]:
            return partial(asyncio.get_running_loop().run_in_executor, None)
        return None

    async def _run_all(self, batch: Batch) -> None:
        slots = asyncio.Semaphore(self.concurrency)
        offload = self._offload()

        async def task(submitted: float, index: int) -> None:
            async with slots:
                with suppress(*batch.run.errors):
                    await batch.run.run_async(submitted, index, offload)

        async with asyncio.TaskGroup() as group:
            for index in range(batch.tasks):
                group.create_task(task(perf_counter(), index))
        batch.drained()

    async def _serve(self, load: Load) -> None:
        slots = asyncio.Semaphore(self.concurrency)
        offload = self._offload()

        async def customer(index: int) -> None:
            while not load.closing:
                submitted = perf_counter()
                async with slots:
                    if load.closing:
                        return
                    try:
                        await load.run.run_async(submitted, index, offload)
                    except load.run.errors:
                        # Who is refused at once has not waited: the others must have their turn.
                        await asyncio.sleep(0)
                index += load.population

        async with asyncio.TaskGroup() as group:
            for number in range(load.population):
                group.create_task(customer(number))
            load.begin()
            group.create_task(self._watch(load))

    async def _watch(self, load: Load) -> None:
        """Note by how much the loop is late: it is blocked while a task computes."""
        while not load.closing:
            asked = perf_counter()
            await asyncio.sleep(LAG_S)
            self._lags.append(perf_counter() - asked - LAG_S)

    def report(self) -> dict[str, Any]:
        """The 99th percentile of the loop's lag in milliseconds, once there is a hundred."""
        if len(self._lags) < 100:
            return {}
        return {"loop_lag_p99_ms": 1e3 * sorted(self._lags)[int(0.99 * len(self._lags))]}
