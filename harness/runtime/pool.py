"""The pool behind the executor: a queue, the threads that empty it, and their number.

Invariants:

- ``workers`` holds every thread that will still look at the queue; it changes only under
  ``_lock``. ``idle`` holds those among them that have no task and none in sight; threads join
  it before they look at the queue for the last time and leave it before they run a task.
- A task is in the queue as a one-element list. Who pops the element runs the task; a queue
  entry found empty was run (or withdrawn) by somebody else.
- Whoever puts a task into the queue, and whoever leaves ``idle`` or ``workers``, looks
  afterwards whether the queue holds more than the idle threads will take (``_tend``). So no
  task waits while there are fewer threads than ``limit``, or unwatched while there are not.
- ``limit`` is the size the controller wants plus the workers that wait for other tasks; after
  their wait it stays until the controller next looks.
- ``closing`` is set before the queue is looked at for the last time, by whoever closes and by
  every thread that leaves; a submitter looks at it after it has put its task there. So a task
  is either seen or withdrawn.
- Threads are started one after the other, under ``_hiring``, so no submitter relies on a
  thread whose start then fails. It is taken before ``_lock``, and both after the governor's.
- The garbage collector may run anybody's finalizer wherever a lock is held, and a finalizer
  may close a pool or submit to one: closing takes no lock, and the locks are reentrant.
"""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures.thread import BrokenThreadPool
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import Any

from . import lifecycle
from .future import (
    Call,
    Claim,
    PoolFuture,
    cancel,
    fail,
    run_call,
    take,
    variables_set_by,
)
from .governor import Governor, Settings
from .probes import ThreadIdentity
from .worker import Worker, here

_logger = logging.getLogger("concurrent.futures")


class Pool:
    """Runs calls in up to ``limit`` threads. Holds no reference to its executor."""

    # What a forked child begins anew (see ``_make_shared_state``).
    queue: "SimpleQueue[Claim | None]"
    room: "SimpleQueue[None]"
    workers: dict[Worker, None]
    idle: set[Worker]
    waiters: set[Worker]
    _lock: threading.RLock
    _hiring: threading.RLock
    _departing: list[threading.Thread]
    _completed_by_departed: int

    def __init__(
        self,
        settings: Settings,
        *,
        name: str,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
        idle_timeout: float,
        max_backlog: int | None,
        propagate_context: bool,
    ) -> None:
        self.governor = Governor(settings, self, settings.most)
        self.least = settings.least
        self._most = settings.most
        self._wanted = self.limit = self.governor.target
        self._name = name
        self._initializer = initializer
        self._initargs = initargs
        self._idle_timeout = idle_timeout
        self.max_backlog = max_backlog
        self._propagate_context = propagate_context
        self._hired = 0
        self.broken: str | None = None
        self.closing = lifecycle.exiting()
        self._make_shared_state()
        lifecycle.register(self)

    def _make_shared_state(self) -> None:
        self._lock = threading.RLock()
        self._hiring = threading.RLock()
        self.queue = SimpleQueue()
        # A semaphore that a finalizer can release at any point, as ``put`` is reentrant.
        self.room = SimpleQueue()
        for _ in range(self.max_backlog or 0):
            self.room.put(None)
        self.workers = {}
        self.idle = set()
        self.waiters = set()
        # Threads that are off the books and may still be running their last few lines.
        self._departing = []
        self._completed_by_departed = 0

    # -- from outside ----------------------------------------------------------------------

    def submit(
        self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> PoolFuture:
        """Queue a call. Raises ``BrokenThreadPool``, or ``RuntimeError`` when closed."""
        if self.closing:
            raise self._refusal()
        future = PoolFuture()
        context = copy_context() if self._propagate_context else None
        claim: Claim = [(future, fn, args, kwargs, context)]
        future.claim = claim
        future.pool = self
        self.queue.put(claim)
        if self.queue.qsize() > len(self.idle):
            try:
                self._tend()
            except RuntimeError:  # not a single thread can be started
                if take(claim) is not None:
                    raise
        if self.closing and take(claim) is not None:
            raise self._refusal()
        return future

    def _refusal(self) -> RuntimeError:
        if self.broken is not None:
            return BrokenThreadPool(self.broken)
        end = "interpreter shutdown" if lifecycle.exiting() else "shutdown"
        return RuntimeError(f"cannot schedule new futures after {end}")

    @property
    def backlog(self) -> int:
        """Queued calls that nobody has begun (approximate)."""
        return 0 if self.closing and not self.workers else self.queue.qsize()

    @property
    def occupied(self) -> int:
        """Workers less those whose task waits for another one of the pool."""
        return len(self.workers) - len(self.waiters)

    @property
    def completed(self) -> int:
        """Calls that have been run to their end."""
        with self._lock:
            return self._completed_by_departed + sum(w.completed for w in list(self.workers))

    @property
    def threads(self) -> set[threading.Thread]:
        """The threads there are at this moment."""
        return {worker.thread for worker in list(self.workers) if worker.thread is not None}

    @property
    def is_full(self) -> bool:
        """Whether there are as many threads as there may ever be."""
        return len(self.workers) >= self._most

    def close(self) -> None:
        """Take no more calls; threads leave when the queue is empty. Idempotent."""
        # Without a lock: a finalizer may call this in any thread, at any point.
        self.closing = True
        self.queue.put(None)
        self.governor.stop()

    def cancel_queued(self) -> None:
        """Cancel every call nobody has begun; for a closed pool."""
        for call in self._drain():
            cancel(call)

    def _drain(self) -> Iterator[Call]:
        """Take every queued call, and wake up those who wait for more."""
        with contextlib.suppress(Empty):
            while True:
                claim = self.queue.get_nowait()
                if claim is not None and (call := take(claim)) is not None:
                    yield call
        self.queue.put(None)

    def join(self) -> None:
        """Wait until every thread has left; a worker does not wait for itself."""
        me = threading.current_thread()
        while True:
            with self._hiring, self._lock:  # so none is about to be started
                known = [worker.thread for worker in self.workers] + self._departing
            threads = [t for t in known if t is not None and t is not me and t.is_alive()]
            if not threads:
                break
            for thread in threads:
                thread.join()
        self.governor.join()

    # -- threads come and go ---------------------------------------------------------------

    def _tend_if_needed(self) -> None:
        """:meth:`_tend` where a refusal does not matter: a thread is there, or soon will be."""
        if self.queue.qsize() > len(self.idle):
            with contextlib.suppress(RuntimeError):
                self._tend()

    def _tend(self) -> None:
        """See that queued calls are taken: by a new thread, or under somebody's eyes.

        Raises ``RuntimeError`` when no thread can be started and there is none at all.
        """
        if len(self.workers) < self.limit:
            self.hire()
        if self.governor.resting and self.queue.qsize() > len(self.idle):
            self.governor.wake()

    def hire(self) -> None:
        """Start a thread if the queue holds more than the idle threads will take.

        Raises ``RuntimeError`` when no thread can be started and there is none at all.
        """
        if self.queue.qsize() <= len(self.idle):
            return
        with self._hiring:
            with self._lock:
                if self.queue.qsize() <= len(self.idle) or len(self.workers) >= self.limit:
                    return
                if self.closing and (self.workers or self.broken):
                    return  # they will empty the queue before they leave, or nobody can
                worker = Worker(self)
                thread = worker.thread = self._new_thread(worker)
                self._departing = [thread for thread in self._departing if thread.is_alive()]
                self.workers[worker] = None
                self.idle.add(worker)
            try:
                thread.start()
            except RuntimeError:
                with self._lock:
                    self.workers.pop(worker, None)
                    self.idle.discard(worker)
                    left = len(self.workers)
                if left == 0:
                    raise
                # Out of threads or memory: live with those there are.
                self._most = self.limit = left
                self.governor.refused(left)

    def _new_thread(self, worker: Worker) -> threading.Thread:
        self._hired += 1
        name = f"{self._name}_{self._hired - 1}"
        # Where threads inherit the context of whoever starts them (free-threaded 3.14), a
        # worker must not: it serves everybody.
        options: dict[str, Any] = {} if sys.version_info < (3, 14) else {"context": Context()}
        return threading.Thread(target=self._work, args=(worker,), name=name, **options)

    def _leave(self, worker: Worker, unless_at_most: int = 0) -> bool:
        """Take a worker off the books, unless that would leave fewer than wanted."""
        with self._lock:
            if len(self.workers) <= unless_at_most or worker not in self.workers:
                return False
            del self.workers[worker]
            self.idle.discard(worker)
            self._completed_by_departed += worker.completed
            self._departing.append(threading.current_thread())
        return True

    def _work(self, worker: Worker) -> None:
        """A thread's life."""
        ident = threading.get_ident()
        worker.identity = ThreadIdentity.of_caller(ident, threading.get_native_id())
        here.worker = worker
        try:
            self.governor.place(worker)
            if self._initialise(worker):
                self._serve(worker)
        except BaseException:
            # Not a task's exception: somebody settled its future, say, or a callback raised.
            _logger.critical("Exception in worker", exc_info=True)
        if self._leave(worker) and self.closing and self.workers:
            self.queue.put(None)  # the next of those that wait needs to see it too
        # For calls that came while this thread was still counted on.
        self._tend_if_needed()

    def _initialise(self, worker: Worker) -> bool:
        """Run the initializer and keep the context variables it set; False: it failed."""
        if self._initializer is None:
            return True
        try:
            if self._propagate_context:
                worker.variables = variables_set_by(self._initializer, self._initargs)
            else:
                self._initializer(*self._initargs)
        except BaseException:
            _logger.critical("Exception in initializer:", exc_info=True)
            self._break("A thread initializer failed, the thread pool is not usable anymore")
            return False
        return True

    def _serve(self, worker: Worker) -> None:
        """Run one call after the other until there is no more need of this worker."""
        # Unoccupied from the start: the wait for the first task is not one for the GIL.
        call = self._next_call(worker, 0.0)
        while call is not None:
            run_call(call, worker)
            call = None  # do not keep the call's objects alive while waiting
            if (now := time.monotonic()) >= self.governor.due:
                self.governor.attend(worker, now)
            crowd, limit = len(self.workers), self.limit
            if crowd < limit:
                self._tend_if_needed()
            elif crowd > limit and self._leave(worker, max(limit, 1)):
                return
            call = self._next_call(worker, now)

    def _next_call(self, worker: Worker, now: float) -> Call | None:
        """The next call to run, waiting for one if need be; None: the worker is to leave.

        ``now`` is when the worker was done with the last.
        """
        while True:
            closing = self.closing  # before the queue: what was submitted before is in it
            try:
                claim = self.queue.get(False)
            except Empty:
                if closing or (claim := self._wait_for_entry(worker, now)) is _RETIRED:
                    return None
            if claim is not None and (call := take(claim)) is not None:
                if worker.unoccupied[1] is not None:
                    self._end_wait(worker)
                return call

    def _wait_for_entry(self, worker: Worker, now: float) -> Claim | None:
        """Block until the queue has an entry; a worker idle for long retires instead."""
        if worker not in self.workers:  # a copy of one, in a child that its task forked
            return _RETIRED
        if worker.unoccupied[1] is None:
            worker.free(now)
        self.idle.add(worker)
        try:
            return self.queue.get(True, self._idle_timeout)
        except Empty:
            if self._leave(worker, self.least):
                return _RETIRED
            # One of the last: there is nothing to time out for.
            return self.queue.get()

    def _end_wait(self, worker: Worker) -> None:
        self.idle.discard(worker)
        worker.take_up()
        self._tend_if_needed()

    def apply(self, target: int) -> None:
        """Become as large as the governor wants it, if there is work for so many."""
        self._wanted = target
        self._update_limit()
        if len(self.workers) < self.limit:
            with contextlib.suppress(RuntimeError):
                self.hire()

    def _update_limit(self) -> None:
        with self._lock:
            self.limit = min(self._most, self._wanted + len(self.waiters))

    @contextlib.contextmanager
    def waiting(self, worker: Worker) -> Iterator[None]:
        """``worker`` waits for another task: it is not occupied, and may be stood in for."""
        self.waiters.add(worker)
        worker.free(time.monotonic())
        self._update_limit()
        try:
            self._tend_if_needed()
            yield
        finally:
            self.waiters.discard(worker)
            worker.take_up()

    # -- the end ---------------------------------------------------------------------------

    def _break(self, reason: str) -> None:
        """No thread can be initialised: every queued call fails, and every later one."""
        self.broken = reason
        self.closing = True
        for call in self._drain():
            fail(call, BrokenThreadPool(reason))
        self.governor.stop()

    def reset_after_fork(self) -> None:
        """In the child: the threads are gone, and what they ran belongs to the parent."""
        self._make_shared_state()
        self.governor = self.governor.successor(self._most)
        self._wanted = self.limit = self.governor.target


#: what a wait ends with when the worker has retired
_RETIRED: Claim = []
