"""asyncio: tasks as coroutines, their CPU parts inline or handed to a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any

from harness.strategies.base import Load, Strategy


class EventLoop(Strategy):
    """One event loop; at most ``concurrency`` coroutines are past the semaphore at a time.

    Parameter ``offload``: False computes on the loop, True awaits every CPU part in the
    loop's default thread pool, as ``asyncio.to_thread`` does.
    """

    def run(self, load: Load) -> None:
        """Run the population as coroutines until the window has closed."""
        try:
            asyncio.run(self._serve(load))
        except BaseExceptionGroup as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            load.fail(error)

    async def _serve(self, load: Load) -> None:
        slots = asyncio.Semaphore(self.concurrency)
        offload: Callable[..., Awaitable[Any]] | None = None
        if self.parameters["offload"]:
            offload = partial(asyncio.get_running_loop().run_in_executor, None)

        async def customer(index: int) -> None:
            while not load.closing:
                submitted = perf_counter()
                async with slots:
                    if load.closing:
                        return
                    await load.run.run_async(submitted, index, offload)
                index += load.population

        async with asyncio.TaskGroup() as group:
            for number in range(load.population):
                group.create_task(customer(number))
            load.begin()
