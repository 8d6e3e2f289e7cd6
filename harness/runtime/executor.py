"""A thread pool executor that finds the number of its threads by itself."""

import itertools
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from .governor import Settings
from .policy import Decision, Policy
from .pool import Pool
from .worker import here

DEFAULT_MAX_WORKERS = 512

_names = itertools.count()


class Stats(NamedTuple):
    """A pool at one moment. Shares are of the workers' occupied time in recent seconds.

    ``target`` is the size the pool wants, ``model_size`` what the blocking ratio calls for before
    any limit (0: not known yet), ``capacity`` the cores its tasks can use at once,
    ``together`` whether its workers are kept on one core; see
    ``decomposition`` for the ratios. Before the first backlog nothing is
    measured, and ratios and shares are 0.
    """

    workers: int
    target: int
    model_size: int
    backlog: int
    completed: int
    throughput_tps: float
    beta_naive: float
    beta_star: float
    gil_wait_share: float
    lock_wait_share: float
    run_queue_share: float
    cores_used: float
    capacity: float
    together: bool
    decisions: tuple[Decision, ...]


class AdaptiveThreadPoolExecutor(ThreadPoolExecutor):
    """A drop-in ``ThreadPoolExecutor`` that sizes itself by the decomposed blocking ratio.

    Positional parameters are those of ``concurrent.futures.ThreadPoolExecutor``;
    ``max_workers`` is the most it may grow to (default 512). Of its own:

    ``min_workers``
        idle threads are kept up to this number, and the size never goes below it.
    ``max_backlog``
        ``submit`` blocks while this many calls are queued (back-pressure); calls submitted
        by the pool's own workers are let through, as blocking them could deadlock.
    ``idle_timeout``
        seconds after which an idle thread leaves.
    ``propagate_context``
        run each call in a copy of the submitter's context variables; what the initializer
        set counts where the submitter has set nothing. Off: each thread has one context.
    ``keep_together``
        let GIL-bound work share one core where that proves faster (Linux; see
        ``placement``).
    ``on_decision``
        called with every ``Decision``, in a worker thread; keep it short.
    ``policy``, ``use_proc``
        parts of the method to leave out, for ablations and for systems without /proc.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        min_workers: int = 1,
        max_backlog: int | None = None,
        idle_timeout: float = 10.0,
        propagate_context: bool = True,
        keep_together: bool = True,
        on_decision: Callable[[Decision], object] | None = None,
        policy: Policy | None = None,
        use_proc: bool = True,
    ) -> None:
        """Raises ``ValueError`` for impossible sizes, ``TypeError`` for a bad initializer."""
        # The base class's __init__ is not called: nothing of its machinery is used.
        if max_workers is None:
            max_workers = max(DEFAULT_MAX_WORKERS, min_workers)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if not 1 <= min_workers <= max_workers:
            raise ValueError("min_workers must be from 1 to max_workers")
        if max_backlog is not None and max_backlog < 1:
            raise ValueError("max_backlog must be at least 1")
        if idle_timeout <= 0:
            raise ValueError("idle_timeout must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        settings = Settings(
            least=min_workers,
            most=max_workers,
            policy=policy or Policy(),
            keep_together=keep_together,
            use_proc=use_proc,
            on_decision=on_decision,
        )
        self._pool = Pool(
            settings,
            name=thread_name_prefix or f"AdaptiveThreadPoolExecutor-{next(_names)}",
            initializer=initializer,
            initargs=initargs,
            idle_timeout=idle_timeout,
            max_backlog=max_backlog,
            propagate_context=propagate_context,
        )
        # Threads hold the pool, not the executor: dropping the executor ends them.
        finalizer = weakref.finalize(self, self._pool.close)
        finalizer.atexit = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule ``fn(*args, **kwargs)``.

        Raises ``BrokenThreadPool`` when an initializer has failed, ``RuntimeError`` after
        :meth:`shutdown`, at interpreter exit, and when no thread can be started.
        """
        pool = self._pool
        if pool.max_backlog is None or (here.worker is not None and here.worker.pool is pool):
            return pool.submit(fn, args, kwargs)
        return self._submit_with_room(pool.room, fn, args, kwargs)

    def _submit_with_room(
        self,
        room: "SimpleQueue[None]",
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Future[Any]:
        room.get()
        leave = _once(lambda: room.put(None))

        def enter(*args: Any, **kwargs: Any) -> Any:
            leave()
            return fn(*args, **kwargs)

        try:
            future = self._pool.submit(enter, args, kwargs)
        except BaseException:
            leave()
            raise
        future.add_done_callback(lambda _: leave())  # a call that was cancelled
        return future

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Any]:
        """Map like ``Executor.map``, in the order of the arguments.

        ``buffersize`` bounds the calls that are submitted and not yet yielded, so that the
        iterables may be endless (in the standard library from 3.14 on); without it all are
        submitted at once. ``chunksize`` has no effect on threads. Raises ``TimeoutError``
        when a result is not there ``timeout`` seconds after the call of ``map``.
        """
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        end = None if timeout is None else time.monotonic() + timeout
        calls = zip(*iterables, strict=False)
        first = calls if buffersize is None else itertools.islice(calls, buffersize)
        pending = deque(self.submit(fn, *args) for args in first)
        return _results(
            pending, calls if buffersize is not None else iter(()), weakref.ref(self), fn, end
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; ``wait`` for those there are, or cancel what has not begun."""
        self._pool.close()
        if cancel_futures:
            self._pool.cancel_queued()
        if wait:
            self._pool.join()

    def stats(self) -> Stats:
        """What the pool is doing."""
        governor, pool = self._pool.governor, self._pool
        parts = governor.decomposition()
        return Stats(
            workers=len(pool.workers),
            target=governor.target,
            model_size=governor.controller.model_size() if parts.completions else 0,
            backlog=pool.backlog,
            completed=pool.completed,
            throughput_tps=parts.throughput,
            beta_naive=parts.beta_naive,
            beta_star=parts.beta_star,
            gil_wait_share=parts.gil_share,
            lock_wait_share=parts.lock_share,
            run_queue_share=parts.run_queue_share,
            cores_used=parts.cores_used,
            capacity=governor.controller.capacity,
            together=governor.placement.together,
            decisions=tuple(governor.decisions),
        )

    # The private attributes of ThreadPoolExecutor that programs do read, to be read only:
    # tests/runtime/test_private_names.py lists them. typeshed has them writable.

    @property
    def _max_workers(self) -> int:  # type: ignore[override]
        return self._pool.governor.settings.most

    @property
    def _threads(self) -> set[Thread]:  # type: ignore[override]
        return self._pool.threads

    @property
    def _work_queue(self) -> "SimpleQueue[Any]":  # type: ignore[override]
        return self._pool.queue

    @property
    def _shutdown(self) -> bool:  # type: ignore[override]
        return self._pool.closing

    @property
    def _broken(self) -> str | bool:  # type: ignore[override]
        return self._pool.broken or False


def _once(action: Callable[[], None]) -> Callable[[], None]:
    """``action``, but only the first time; safe between threads."""
    rights = [action]

    def act() -> None:
        try:
            right = rights.pop()
        except IndexError:
            return
        right()

    return act


def _results(
    pending: "deque[Future[Any]]",
    calls: Iterator[tuple[Any, ...]],
    executor: "weakref.ref[AdaptiveThreadPoolExecutor]",
    fn: Callable[..., Any],
    end: float | None,
) -> Iterator[Any]:
    """Yield results in order; what is left is cancelled when the iterator is dropped."""
    try:
        while pending:
            # Nothing here keeps a result alive once it has been yielded.
            yield _take(pending, end)
            owner = executor()
            if owner is not None:
                pending.extend(owner.submit(fn, *args) for args in itertools.islice(calls, 1))
            del owner
    finally:
        for future in pending:
            future.cancel()


def _take(pending: "deque[Future[Any]]", end: float | None) -> Any:
    future = pending[0]
    try:
        return future.result(None if end is None else end - time.monotonic())
    finally:
        pending.popleft()
        future.cancel()  # one that did not come in time
        del future
