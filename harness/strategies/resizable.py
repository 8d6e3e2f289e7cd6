"""A plain thread pool that can be resized, for the peers that control its size from outside."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any

_Call = tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class ResizableThreadPool(Executor):
    """An executor whose number of threads follows :meth:`resize`.

    Invariants: ``_alive`` counts threads that will take another task unless it exceeds
    ``_target``; both change only under ``_lock``, as does ``_wake_ups``, the number of empty
    queue entries. A surplus thread leaves at its next task boundary; an idle one is woken for
    it by an empty entry.
    """

    def __init__(self, size: int) -> None:
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._target = 0
        self._alive = 0
        self._wake_ups = 0
        self._threads: list[threading.Thread] = []
        self._idle: set[int] = set()
        self.resize(size)

    @property
    def size(self) -> int:
        """The number of threads asked for."""
        return self._target

    @property
    def busy(self) -> int:
        """The number of threads that have a task (approximate)."""
        return max(0, self._alive - len(self._idle))

    @property
    def backlog(self) -> int:
        """The number of tasks that wait for a thread (approximate)."""
        return max(0, self._queue.qsize() - self._wake_ups)

    def resize(self, size: int) -> None:
        """Grow at once, or shrink as threads finish their tasks."""
        with self._lock:
            leaving = max(0, min(self._target, self._alive) - size)
            self._target = size
            missing = max(0, size - self._alive)
            self._alive += missing
            self._wake_ups += leaving
        for _ in range(missing):
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        for _ in range(leaving):
            self._queue.put(None)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule ``fn(*args, **kwargs)``."""
        future: Future[Any] = Future()
        self._queue.put((future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let every thread leave at its next task boundary and wait for that.

        Unlike the standard library's, calls that still wait for a thread are never run.
        """
        self.resize(0)
        if wait:
            for thread in self._threads:
                thread.join()

    def _leave(self) -> bool:
        if self._alive <= self._target:
            return False
        with self._lock:
            if self._alive <= self._target:
                return False
            self._alive -= 1
            return True

    def _work(self) -> None:
        me = threading.get_ident()
        while True:
            self._idle.add(me)
            call = self._queue.get()
            self._idle.discard(me)
            if call is None:
                with self._lock:
                    self._wake_ups -= 1
            else:
                future, fn, args, kwargs = call
                if future.set_running_or_notify_cancel():
                    try:
                        result = fn(*args, **kwargs)
                    except BaseException as error:
                        future.set_exception(error)
                    else:
                        future.set_result(result)
            if self._leave():
                return
