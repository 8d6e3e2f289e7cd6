"""A future that knows its pool, so that a worker waiting for it does not block the pool.

A pool's worker that asks for the result of a task nobody has begun runs that task itself;
it would wait for exactly that task anyway, so nothing can deadlock that would not deadlock
without a pool. A worker that has to wait for a task in progress counts as unoccupied
meanwhile, and the pool may have one worker more.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, TypeVar

from .worker import MOST_NESTED, Worker, here

T = TypeVar("T")
Call = tuple["PoolFuture", Callable[..., Any], tuple[Any, ...], dict[str, Any], Context | None]
#: holds a queued call until somebody pops it: ``pop`` is atomic with and without a GIL
Claim = list[Call]


class Home(Protocol):
    """The pool of a future, as the future sees it."""

    @property
    def is_full(self) -> bool:
        """Whether there are as many threads as there may ever be."""
        ...

    def waiting(self, worker: Worker) -> AbstractContextManager[None]:
        """``worker`` waits for another task meanwhile."""
        ...


class PoolFuture(Future[Any]):
    """The future of a task of an adaptive pool; whoever pops its ``claim`` runs the task."""

    claim: Claim
    pool: Home

    # The frames of all three methods end up in the traceback of the task's exception, and
    # the exception belongs to the future: ``del self`` keeps that from being a cycle.

    def result(self, timeout: float | None = None) -> Any:
        """As in ``concurrent.futures.Future``; a worker of the pool helps instead of waiting."""
        try:
            if here.worker is None or self.done():
                return Future.result(self, timeout)
            return self._get_as_worker(here.worker, Future.result, timeout)
        finally:
            del self

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """As in ``concurrent.futures.Future``; a worker of the pool helps instead of waiting."""
        try:
            if here.worker is None or self.done():
                return Future.exception(self, timeout)
            return self._get_as_worker(here.worker, Future.exception, timeout)
        finally:
            del self

    def _get_as_worker(
        self, worker: Worker, get: Callable[[Future[Any], float | None], T], timeout: float | None
    ) -> T:
        try:
            if worker.pool is not self.pool:
                return get(self, timeout)
            if timeout is None and (
                worker.nested < MOST_NESTED or self.pool.is_full  # nobody could stand in
            ):
                try:
                    _run_if_queued(self.claim, worker)
                except BaseException as error:
                    # Not the task's: there was no stack left to settle the future on.
                    with suppress(Exception):
                        self.set_exception(error)
                    raise
                if self.done():
                    return get(self, None)
            with self.pool.waiting(worker):
                return get(self, timeout)
        finally:
            del self


def _run_if_queued(claim: Claim, worker: Worker) -> None:
    """Run a task on top of the one the worker is in, unless somebody has begun it."""
    call = take(claim)
    if call is None:
        return
    worker.nested += 1
    try:
        run_call(call, worker)
    finally:
        worker.nested -= 1
        del call


def take(claim: Claim) -> Call | None:
    """The call, for whoever asks first; None for everybody else."""
    try:
        return claim.pop()
    except IndexError:
        return None


def run_call(call: Call, worker: Worker) -> None:
    """Run a call that was taken and settle its future; ``worker`` is the calling thread."""
    future, fn, args, kwargs, context = call
    if not future.set_running_or_notify_cancel():
        return
    try:
        if context is None:
            result = fn(*args, **kwargs)
        elif worker.variables:
            result = context.run(_run_with, worker.variables, fn, args, kwargs)
        else:
            result = context.run(fn, *args, **kwargs)
    except BaseException as error:
        worker.completed += 1
        future.set_exception(error)
        # Break the cycle of the exception, its traceback and this frame.
        del call, future, fn, args, kwargs, context
    else:
        worker.completed += 1
        future.set_result(result)


def variables_set_by(
    initializer: Callable[..., object], initargs: tuple[Any, ...]
) -> dict[ContextVar[Any], Any]:
    """Run a pool's initializer in a context of its own; the variables it set there."""
    context = copy_context()
    before = dict(context.items())
    context.run(initializer, *initargs)
    return {
        variable: value
        for variable, value in context.items()
        if variable not in before or before[variable] is not value
    }


def _run_with(
    variables: dict[ContextVar[Any], Any],
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Run in the submitter's context, completed by what the initializer set."""
    context = copy_context()
    for variable, value in variables.items():
        if variable not in context:
            variable.set(value)
    del context
    return fn(*args, **kwargs)


def fail(call: Call, error: BaseException) -> None:
    """Settle the future of a call that was taken and will not run, unless it is cancelled."""
    future = call[0]
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


def cancel(call: Call) -> None:
    """Cancel a call that was taken, and tell those who wait for it."""
    call[0].cancel()
    call[0].set_running_or_notify_cancel()
