"""A ``ProcessPoolExecutor``; start method spawn, fork or forkserver."""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Semaphore
from typing import Any

from harness.base.lifeline import die_with_parent
from harness.strategies.base import (
    Batch,
    Demand,
    Load,
    Strategy,
    TaskRunner,
    keep_busy,
    run_through,
)

# The task runner of a worker process. It cannot travel with every call: it holds the
# workload's inputs and the recorder's mapping.
_runner: TaskRunner | None = None


def _start_worker(
    make_runner: Callable[[Mapping[str, Any]], TaskRunner],
    worker_spec: Mapping[str, Any],
    started: Any,
) -> None:
    """Initialise a worker process: bind its life, build its task runner, report."""
    global _runner  # noqa: PLW0603
    die_with_parent(None if worker_spec["start_method"] == "forkserver" else worker_spec["pid"])
    _runner = make_runner(worker_spec)
    _runner.claim_log()
    started.release()


def _run(submitted: float, index: int) -> None:
    """Run one task in a worker process."""
    assert _runner is not None
    _runner(submitted, index)


class ProcessPool(Strategy):
    """``concurrency`` worker processes, each running one task at a time."""

    def run(self, load: Load) -> None:
        """Start every worker, then keep the population in flight."""
        executor, started = self._make_executor(load)
        # With fork, a worker is started per submit while none is idle: ask for all of them.
        probes = [executor.submit(os.getpid) for _ in range(self.concurrency)]
        for _ in range(self.concurrency):
            while not started.acquire(timeout=0.05):
                for probe in probes:
                    if probe.done():
                        probe.result()  # raises BrokenProcessPool when a worker died
        keep_busy(executor, load, _run)
        load.begin()
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """Run the tasks through an executor, which starts its workers as tasks arrive."""
        executor, _ = self._make_executor(batch)
        run_through(executor, batch, _run)

    def _make_executor(self, demand: Demand) -> tuple[ProcessPoolExecutor, Semaphore]:
        """The pool, and a semaphore that each worker releases once it is up."""
        method = self.parameters["start_method"]
        context = multiprocessing.get_context(method)
        started = context.Semaphore(0)
        worker_spec = {**demand.worker_spec, "pid": os.getpid(), "start_method": method}
        executor = ProcessPoolExecutor(
            self.concurrency,
            mp_context=context,
            initializer=_start_worker,
            initargs=(demand.make_worker_runner, worker_spec, started),
        )
        return executor, started

    def report(self) -> dict[str, Any]:
        """The start method, which decides what memory is shared."""
        return {"start_method": self.parameters["start_method"]}
