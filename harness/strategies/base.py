"""What a strategy is: one way of running tasks, under either of two demands.

A :class:`Load` is a closed loop: ``population`` customers each have one task outstanding and
submit the next as soon as it is done. The population is larger than any pool, so no
strategy ever starves and all see the same demand. A :class:`Batch` is a number of tasks that
go through a new pool, whose start and shutdown count.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, Protocol


class TaskRunner(Protocol):
    """Runs one task: blocking, or as a coroutine (see ``harness.trial.task``).

    ``errors`` are exceptions that are part of the work: a task that raises one has failed, and
    the next is submitted as after any other.
    """

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...

    def __call__(self, submitted: float, index: int) -> None: ...

    async def run_async(
        self, submitted: float, index: int, offload: Callable[..., Awaitable[Any]] | None
    ) -> None: ...

    def claim_log(self) -> None: ...


class Demand:
    """What is asked of a strategy: tasks, and until when."""

    def __init__(
        self,
        run: TaskRunner,
        make_worker_runner: Callable[[Mapping[str, Any]], TaskRunner],
        worker_spec: Mapping[str, Any],
    ) -> None:
        self.run = run
        #: how a worker process builds the same task runner for itself (picklable), and from what
        self.make_worker_runner = make_worker_runner
        self.worker_spec = worker_spec
        self.failure: BaseException | None = None
        self._stop = threading.Event()

    def fail(self, error: BaseException) -> None:
        """End the trial early; the first error is the one reported."""
        if self.failure is None:
            self.failure = error
        self._stop.set()

    @property
    def closing(self) -> bool:
        """True once no further task is wanted."""
        return self._stop.is_set()


class Batch(Demand):
    """``tasks`` tasks, once.

    ``on_drained`` is called when all of them have ended, while the workers still live.
    """

    def __init__(
        self,
        run: TaskRunner,
        tasks: int,
        on_drained: Callable[[], None],
        make_worker_runner: Callable[[Mapping[str, Any]], TaskRunner],
        worker_spec: Mapping[str, Any],
    ) -> None:
        super().__init__(run, make_worker_runner, worker_spec)
        self.tasks = tasks
        self._on_drained = on_drained

    def drained(self) -> None:
        """All tasks have ended; raises the error of whatever went wrong meanwhile."""
        if self.failure is not None:
            raise self.failure
        self._stop.set()
        self._on_drained()


class Load(Demand):
    """A closed loop, and the times that bound its measurement.

    ``close_at`` is in seconds of ``perf_counter``, infinite until the strategy calls
    :meth:`begin`.
    """

    def __init__(
        self,
        run: TaskRunner,
        population: int,
        begin: Callable[[], float],
        make_worker_runner: Callable[[Mapping[str, Any]], TaskRunner],
        worker_spec: Mapping[str, Any],
    ) -> None:
        super().__init__(run, make_worker_runner, worker_spec)
        self.population = population
        self.close_at = float("inf")
        self._begin = begin

    def begin(self) -> None:
        """The pool is up and the population in flight: warm-up starts now."""
        self.close_at = self._begin()

    @property
    def closing(self) -> bool:
        """True once no further task is wanted."""
        return self._stop.is_set() or perf_counter() >= self.close_at

    def wait_until_closed(self) -> None:
        """Block until the window has closed or the trial has failed."""
        self._stop.wait(max(0.0, self.close_at - perf_counter()))


class Strategy(ABC):
    """One way of running tasks; ``concurrency`` is its pool size or the most it may grow to."""

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        self.concurrency = concurrency
        self.parameters = parameters

    @abstractmethod
    def run(self, load: Load) -> None:
        """Keep the population of ``load`` in flight until its window has closed."""

    @abstractmethod
    def run_batch(self, batch: Batch) -> None:
        """Make a pool, run the tasks of ``batch``, shut the pool down."""

    def report(self) -> dict[str, Any]:
        """What only the strategy knows after a run: sizes, decisions, counts."""
        return {}


def keep_busy(executor: Executor, load: Load, run: Callable[[float, int], None]) -> None:
    """Submit the population; each completion submits the customer's next task.

    Resubmission happens in the thread that completed the task, so a starved main thread
    cannot starve the pool. Customer k runs tasks k, k + population, k + 2*population, …
    """

    def submit(index: int) -> None:
        future = executor.submit(run, perf_counter(), index)
        future.add_done_callback(partial(again, index))

    def again(index: int, future: Future[None]) -> None:
        try:
            error = future.exception()
            if error is not None and not isinstance(error, load.run.errors):
                load.fail(error)
            elif not load.closing:
                submit(index + load.population)
        except BaseException as error:  # a callback's exception would only be logged
            load.fail(error)

    for customer in range(load.population):
        submit(customer)


def start_together(
    executor: Executor, threads: int, load: Load, run: Callable[[float, int], None]
) -> None:
    """Start ``threads`` pool threads behind a gate, submit the population, open the gate.

    Without the gate the main thread would submit thousands of tasks in competition with the
    threads that already work on the first of them, which can take many seconds.
    """
    gate = threading.Barrier(threads + 1)

    def arrive() -> None:
        load.run.claim_log()
        gate.wait()

    for _ in range(threads):
        executor.submit(arrive)
    keep_busy(executor, load, run)
    load.begin()
    gate.wait()


def run_through(executor: Executor, batch: Batch, run: Callable[[float, int], None]) -> None:
    """Submit every task of a batch, wait for every result and shut the executor down.

    As a program would that uses a pool once, ``with ThreadPoolExecutor(n) as pool:``.
    """
    try:
        futures = [executor.submit(run, perf_counter(), index) for index in range(batch.tasks)]
        for future in futures:
            with suppress(*batch.run.errors):
                future.result()
        batch.drained()
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()
