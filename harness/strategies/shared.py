"""Several pools in one process, or a pool beside other threads that want the GIL and the cores.

Services have it so: a pool for a database and one for files, an event loop in the main thread, a
producer that floods the queue.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor
from harness.strategies.adaptive import make_executor
from harness.strategies.base import Batch, Load, Strategy, keep_busy

#: of the busy event loop: its coroutines, and what one of them computes and waits between
COROUTINES = 40
ITERATIONS = 5000
PAUSE_S = 0.005
#: calls that the producer has under way at most
FLOOD = 2000


class Dealer(Executor):
    """Deals tasks to pools by their index, so that each customer stays with one pool."""

    def __init__(self, pools: Sequence[Executor]) -> None:
        self._pools = pools

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit ``fn(submitted, index)`` to the pool that the index belongs to."""
        index: int = args[1]
        return self._pools[index % len(self._pools)].submit(fn, *args, **kwargs)


class Neighbour(threading.Thread):
    """What else goes on in the process; ``turns`` counts what it got done."""

    def __init__(self, load: Load, pools: Sequence[Executor]) -> None:
        super().__init__(name="neighbour", daemon=True)
        self.turns = 0
        self._load = load
        self._pools = pools


class BusyLoop(Neighbour):
    """An event loop whose coroutines compute and pause; a turn is one computation."""

    def run(self) -> None:
        """Until the window closes."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._load.fail(error)

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(COROUTINES):
                group.create_task(self._work())

    async def _work(self) -> None:
        while not self._load.closing:
            x = ITERATIONS
            while x:
                x -= 1
            self.turns += 1
            await asyncio.sleep(PAUSE_S)


class Producer(Neighbour):
    """Submits calls that do nothing, as fast as it can; a turn is one that has ended."""

    def run(self) -> None:
        """Until the window closes."""
        room = threading.Semaphore(FLOOD)
        pool = self._pools[0]

        def ended(future: Future[None]) -> None:
            self.turns += 1
            room.release()

        try:
            while not self._load.closing:
                if room.acquire(timeout=0.1):
                    pool.submit(_nothing).add_done_callback(ended)
        except BaseException as error:
            self._load.fail(error)


def _nothing() -> None:
    pass


NEIGHBOURS: Mapping[str, type[Neighbour]] = {"event_loop": BusyLoop, "producer": Producer}


class SharedProcess(Strategy):
    """``pools`` pools, adaptive ones of at most ``concurrency`` threads each or fixed ones of that
    many together, and what is ``beside`` them; the population is dealt to them in turn.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._pools: list[Executor] = []
        self._neighbour: Neighbour | None = None

    def run(self, load: Load) -> None:
        """Submit the population to new pools while the neighbour is at work."""
        self._pools = [self._make_pool(number) for number in range(self.parameters["pools"])]
        beside = self.parameters.get("beside")
        if beside:
            self._neighbour = NEIGHBOURS[beside](load, self._pools)
            self._neighbour.start()
        load.begin()
        keep_busy(Dealer(self._pools), load, load.run)
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """There is no such thing; configuration refuses it."""
        raise NotImplementedError("several pools are measured under steady load only")

    def _make_pool(self, number: int) -> Executor:
        if self.parameters["adaptive"]:
            return make_executor(self.concurrency, {}, [])
        each, left = divmod(self.concurrency, self.parameters["pools"])
        return ThreadPoolExecutor(max(1, each + (number < left)))

    def report(self) -> dict[str, Any]:
        """The sizes of adaptive pools, together and each, and the neighbour's turns."""
        found: dict[str, Any] = {}
        adaptive = [p for p in self._pools if isinstance(p, AdaptiveThreadPoolExecutor)]
        if adaptive:
            sizes = [pool.stats().target for pool in adaptive]
            found |= {"final_workers": sum(sizes), "sizes": sizes}
        if self._neighbour is not None:
            found["neighbour_turns"] = self._neighbour.turns
        return found
