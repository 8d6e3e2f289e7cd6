"""The pool behind the executor: a queue, the threads that empty it, and their number.

Invariants:

- ``workers`` holds every thread that will still look at the queue; it changes only under
  ``lock``. ``idle`` holds those among them that have no task and none in sight; threads join
  it before they look at the queue for the last time and leave it before they run a task.
- A task is in the queue as a one-element list. Who pops the element runs the task; a queue
  entry found empty was run (or withdrawn) by somebody else.
- Whoever puts a task into the queue, and whoever leaves ``idle`` or ``workers``, looks
  afterwards whether the queue holds more than the idle threads will take (:meth:`Pool.hire`).
  So no task waits while there are fewer threads than ``limit``.
- ``limit`` is the size the controller wants plus the workers that wait for other tasks.
"""

import contextlib
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.thread import BrokenThreadPool
from contextvars import Context, ContextVar, copy_context
from queue import Empty, SimpleQueue
from typing import Any

from harness.runtime.future import Call, PoolFuture
from harness.runtime.governor import Governor
from harness.runtime.probes import ThreadIdentity
from harness.runtime.worker import Worker, here

_logger = logging.getLogger("concurrent.futures")

# Every pool that may have threads, for interpreter exit and fork; guarded by _pools_lock.
_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()
_pools_lock = threading.Lock()
_exiting = threading.Event()


class Pool:
    """Runs calls in up to ``limit`` threads. Holds no reference to its executor."""

    def __init__(
        self,
        governor: Governor,
        *,
        least: int,
        name: str,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
        idle_timeout: float,
        propagate_context: bool,
    ) -> None:
        self.governor = governor
        self.least = least
        self.limit = governor.target
        self.due = float("inf")
        self._name = name
        self._initializer = initializer
        self._initargs = initargs
        self._idle_timeout = idle_timeout
        self._propagate_context = propagate_context
        self._hired = 0
        self.broken: str | None = None
        self.closing = False
        self._make_shared_state()
        with _pools_lock:
            _pools.add(self)

    def _make_shared_state(self) -> None:
        self.lock = threading.Lock()
        self.queue: SimpleQueue[list[Call] | None] = SimpleQueue()
        self.workers: dict[Worker, None] = {}
        self.idle: set[Worker] = set()
        self.waiters: set[Worker] = set()
        # Threads that are off the books and may still be running their last few lines.
        self._departing: list[threading.Thread] = []
        self.completed_by_departed = 0
        self.governor.attach(self)

    # -- from outside ----------------------------------------------------------------------

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> PoolFuture:
        """Queue a call. Raises ``BrokenThreadPool``, or ``RuntimeError`` when closed."""
        if self.broken is not None:
            raise BrokenThreadPool(self.broken)
        if self.closing:
            raise RuntimeError(_why_closed())
        future = PoolFuture()
        context = copy_context() if self._propagate_context else None
        claim: list[Call] = [(future, fn, args, kwargs, context)]
        future.claim = claim
        future.pool = self
        self.queue.put(claim)
        if len(self.workers) < self.limit:
            try:
                self.hire()
            except RuntimeError:  # not a single thread can be started
                if withdraw(claim):
                    raise
        elif self.governor.resting:
            self.governor.wake()
        # Whoever closes or breaks the pool sets the flag first and looks at the queue then:
        # either it has seen this call, or the flag is seen here.
        if self.closing and withdraw(claim):
            if self.broken is not None:
                raise BrokenThreadPool(self.broken)
            raise RuntimeError(_why_closed())
        return future

    @property
    def backlog(self) -> int:
        """Queued calls that nobody has begun (approximate)."""
        return self.queue.qsize()

    @property
    def completed(self) -> int:
        """Calls that have been run to their end."""
        # a snapshot: iterating over a dictionary that changes fails
        return self.completed_by_departed + sum(w.completed for w in list(self.workers))

    def close(self) -> None:
        """Take no more calls; threads leave when the queue is empty. Idempotent."""
        # Without a lock: a finalizer may call this in any thread, at any point.
        self.closing = True
        self.queue.put(None)
        self.governor.stop()

    def cancel_queued(self) -> None:
        """Cancel every call nobody has begun."""
        while True:
            try:
                claim = self.queue.get_nowait()
            except Empty:
                break
            if claim is not None and (call := _pop(claim)) is not None:
                call[0].cancel()
        self.queue.put(None)  # whatever woke the others up has gone with the rest

    def join(self) -> None:
        """Wait until every thread has left; a worker does not wait for itself."""
        me = threading.current_thread()
        while True:
            with self.lock:
                present = [w.thread for w in self.workers if w.thread not in (None, me)]
                threads = present + [t for t in self._departing if t is not me and t.is_alive()]
            if not threads:
                break
            for thread in threads:
                if thread.ident is None:  # about to be started by another thread
                    time.sleep(0.001)
                else:
                    thread.join()
        self.governor.join()

    # -- threads come and go ---------------------------------------------------------------

    def hire(self) -> None:
        """Start a thread if the queue holds more than the idle threads will take.

        Raises ``RuntimeError`` when no thread can be started and there is none at all.
        """
        if self.queue.qsize() <= len(self.idle):
            return
        with self.lock:
            if len(self.workers) >= self.limit or (self.closing and self.workers):
                return
            worker = Worker(self)
            worker.thread = self._new_thread(worker)
            self._departing = [thread for thread in self._departing if thread.is_alive()]
            self.workers[worker] = None
            self.idle.add(worker)
        try:
            worker.thread.start()
        except RuntimeError:
            with self.lock:
                self.workers.pop(worker, None)
                alone = not self.workers
            self.idle.discard(worker)
            if alone:
                raise
            # Out of threads or memory: live with those there are.
            self.limit = self.governor.refused(len(self.workers))

    def _new_thread(self, worker: Worker) -> threading.Thread:
        self._hired += 1
        name = f"{self._name}_{self._hired - 1}"
        # Where threads inherit the context of whoever starts them (free-threaded 3.14), a
        # worker must not: it serves everybody.
        options: dict[str, Any] = {} if sys.version_info < (3, 14) else {"context": Context()}
        return threading.Thread(target=self._work, args=(worker,), name=name, **options)

    def _leave(self, worker: Worker, unless_at_most: int = 0) -> bool:
        """Take a worker off the books, unless that would leave fewer than wanted."""
        with self.lock:
            if len(self.workers) <= unless_at_most or worker not in self.workers:
                return False
            del self.workers[worker]
            self.completed_by_departed += worker.completed
            self._departing.append(threading.current_thread())
        self.idle.discard(worker)
        return True

    def _work(self, worker: Worker) -> None:
        ident = threading.get_ident()
        worker.identity = ThreadIdentity.of_caller(ident, threading.get_native_id())
        here.worker = worker
        self.governor.place(worker)
        try:
            variables = self._initialise()
        except BaseException:
            _logger.critical("Exception in initializer:", exc_info=True)
            self._break("A thread initializer failed, the thread pool is not usable anymore")
            self._leave(worker)
            return
        # The initial wait for a task is the thread's start-up.
        call = self._next_call(worker)
        while call is not None:
            self.run(call, variables)
            call = None  # do not keep the call's objects alive while waiting
            worker.completed += 1
            if (now := time.monotonic()) >= self.due:
                self.governor.attend(worker, now)
            crowd = len(self.workers)
            if crowd < self.limit:
                self._hire_if_needed()
            elif crowd > self.limit and self._leave(worker, max(self.limit, 1)):
                return
            call = self._next_call(worker)

    def _initialise(self) -> "dict[ContextVar[Any], Any]":
        """Run the initializer; returns the context variables it set."""
        if self._initializer is None:
            return {}
        if not self._propagate_context:
            self._initializer(*self._initargs)
            return {}
        context = copy_context()
        before = dict(context.items())
        context.run(self._initializer, *self._initargs)
        return {
            variable: value
            for variable, value in context.items()
            if variable not in before or before[variable] is not value
        }

    def _next_call(self, worker: Worker) -> Call | None:
        """The next call to run, waiting for one if need be; None: the worker has left."""
        while True:
            try:
                claim = self.queue.get(False)
            except Empty:
                if self.closing:
                    self._leave(worker)
                    self.queue.put(None)  # the next of those that wait needs to see it too
                    return None
                claim = self._wait_for_entry(worker)
                if claim is _RETIRED:
                    return None
            if claim is not None and (call := _pop(claim)) is not None:
                if worker.unoccupied[1] is not None:
                    self._end_wait(worker)
                return call

    def _wait_for_entry(self, worker: Worker) -> list[Call] | None:
        """Block until the queue has an entry; a worker idle for long retires instead."""
        if worker.unoccupied[1] is None:
            worker.free()
        self.idle.add(worker)
        try:
            return self.queue.get(True, self._idle_timeout)
        except Empty:
            if self._leave(worker, self.least):
                self._hire_if_needed()
                return _RETIRED
            # One of the last: there is nothing to time out for.
            return self.queue.get()

    def _end_wait(self, worker: Worker) -> None:
        self.idle.discard(worker)
        worker.take_up()
        self._hire_if_needed()

    def _hire_if_needed(self) -> None:
        """:meth:`hire` where a refusal does not matter: a thread is there, or soon will be."""
        if len(self.workers) < self.limit:
            with contextlib.suppress(RuntimeError):
                self.hire()

    # -- calls -----------------------------------------------------------------------------

    def run(self, call: Call, variables: "dict[ContextVar[Any], Any] | None" = None) -> None:
        """Run a claimed call and settle its future."""
        future, fn, args, kwargs, context = call
        if not future.set_running_or_notify_cancel():
            return
        try:
            if context is None:
                result = fn(*args, **kwargs)
            elif variables:
                result = context.run(_run_with, variables, fn, args, kwargs)
            else:
                result = context.run(fn, *args, **kwargs)
        except BaseException as error:
            future.set_exception(error)
            # Break the cycle of the exception, its traceback and this frame.
            del call, future, fn, args, kwargs, context
        else:
            future.set_result(result)

    @contextlib.contextmanager
    def waiting(self, worker: Worker) -> Iterator[None]:
        """``worker`` waits for another task: it is not occupied, and may be stood in for."""
        self.waiters.add(worker)
        worker.free()
        self.limit = min(self.governor.most, self.governor.target + len(self.waiters))
        try:
            self._hire_if_needed()
            yield
        finally:
            self.waiters.discard(worker)
            worker.take_up()

    # -- the end ---------------------------------------------------------------------------

    def _break(self, reason: str) -> None:
        """No thread can be initialised: every queued call fails, and every later one."""
        self.broken = reason
        self.closing = True
        while True:
            try:
                claim = self.queue.get_nowait()
            except Empty:
                break
            if claim is not None and (call := _pop(claim)) is not None:
                call[0].set_exception(BrokenThreadPool(reason))
        self.queue.put(None)
        self.governor.stop()

    def reset_after_fork(self) -> None:
        """In the child: the threads are gone, and what they ran belongs to the parent."""
        self.due = float("inf")
        self.governor.reset_after_fork()
        self._make_shared_state()
        self.limit = self.governor.target


#: what a wait ends with when the worker has retired
_RETIRED: list[Call] = []


def _pop(claim: list[Call]) -> Call | None:
    try:
        return claim.pop()
    except IndexError:
        return None


def withdraw(claim: list[Call]) -> bool:
    """Take a queued call back; False when somebody has begun it."""
    return _pop(claim) is not None


def _run_with(
    variables: "dict[ContextVar[Any], Any]",
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Run in the submitter's context, completed by what the initializer set."""
    context = copy_context()
    for variable, value in variables.items():
        if variable not in context:
            variable.set(value)
    return fn(*args, **kwargs)


def _why_closed() -> str:
    end = "interpreter shutdown" if _exiting.is_set() else "shutdown"
    return f"cannot schedule new futures after {end}"


def _close_all_at_exit() -> None:
    _exiting.set()
    with _pools_lock:
        pools = list(_pools)
    for pool in pools:
        pool.close()
    for pool in pools:
        pool.join()


def _reset_in_child() -> None:
    pools = list(_pools)
    _pools_lock.release()
    here.worker = None
    for pool in pools:
        pool.reset_after_fork()


# Private, and the only way: worker threads must be told to leave before the interpreter joins
# them, which it does before it runs the functions of ``atexit``. concurrent.futures does the
# same. tests/runtime/test_private_names.py checks that it exists and does this.
threading._register_atexit(_close_all_at_exit)  # type: ignore[attr-defined]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_pools_lock.acquire,
        after_in_child=_reset_in_child,
        after_in_parent=_pools_lock.release,
    )

__all__ = ["Future", "Pool", "withdraw"]
