"""A future that knows its pool, so that a worker waiting for it does not block the pool.

A pool's worker that asks for the result of a task nobody has begun runs that task itself;
it would wait for exactly that task anyway, so nothing can deadlock that would not deadlock
without a pool. A worker that has to wait for a task in progress counts as unoccupied
meanwhile, and the pool may have one worker more.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context
from typing import TYPE_CHECKING, Any

from harness.runtime.worker import MOST_NESTED, here

if TYPE_CHECKING:
    from harness.runtime.pool import Pool

Call = tuple["PoolFuture", Callable[..., Any], tuple[Any, ...], dict[str, Any], Context | None]


class PoolFuture(Future[Any]):
    """The future of a task of an adaptive pool.

    ``claim`` holds the call until somebody pops it: whoever does runs the task. ``pop`` of a
    list is atomic with and without a GIL.
    """

    claim: list[Call]
    pool: "Pool"

    def result(self, timeout: float | None = None) -> Any:
        """As in ``concurrent.futures.Future``; a worker of the pool helps instead of waiting."""
        if here.worker is None or self.done():
            return super().result(timeout)
        return self._wait_as_worker(super().result, timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As in ``concurrent.futures.Future``; a worker of the pool helps instead of waiting."""
        if here.worker is None or self.done():
            return super().exception(timeout)
        error: BaseException | None = self._wait_as_worker(super().exception, timeout)
        return error

    def _wait_as_worker(self, wait: Callable[[float | None], Any], timeout: float | None) -> Any:
        worker = here.worker
        if worker is None or worker.pool is not self.pool:
            return wait(timeout)
        if timeout is None and worker.nested < MOST_NESTED:
            try:
                call = self.claim.pop()
            except IndexError:
                pass  # somebody has begun it
            else:
                worker.nested += 1
                try:
                    self.pool.run(call)
                finally:
                    worker.nested -= 1
                worker.completed += 1
                return wait(timeout)
        with self.pool.waiting(worker):
            return wait(timeout)
