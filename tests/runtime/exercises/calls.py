"""Calls and map: results, exceptions, order, and what is kept alive."""

import contextlib
import gc
import itertools
import threading
import weakref
from concurrent.futures import (
    Future,
    ThreadPoolExecutor,
)
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, Thing, blocked, exercise, raises, until


@exercise
def it_is_a_thread_pool_executor() -> None:
    with Executor(2) as executor:
        assert isinstance(executor, ThreadPoolExecutor)
        future = executor.submit(lambda *a, **k: (a, k), 1, fn=2, self=3)
        assert isinstance(future, Future)
        assert future.result(LONG) == ((1,), {"fn": 2, "self": 3})


@exercise
def exceptions_of_every_kind_are_in_the_future() -> None:
    def fail(kind: type[BaseException]) -> None:
        raise kind("no")

    with Executor(1) as executor:
        for kind in (ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration):
            assert type(executor.submit(fail, kind).exception(LONG)) is kind
        with raises(SystemExit):
            executor.submit(fail, SystemExit).result(LONG)
        assert executor.submit(int).result(LONG) == 0


@exercise
def exceptions_make_no_reference_cycles() -> None:
    def fail() -> None:
        raise ValueError

    def inside(executor: Executor) -> "weakref.ref[Any]":
        future = executor.submit(fail)
        gone = weakref.ref(future)
        with contextlib.suppress(ValueError):
            future.result()
        del future  # which the traceback would lead to, by this frame
        return gone

    with Executor(2) as executor:
        gc.collect()
        gc.disable()
        try:
            outer = inside(executor)
            inner = executor.submit(inside, executor).result(LONG)
            until(lambda: outer() is None and inner() is None)
        finally:
            gc.enable()


@exercise
def an_idle_worker_keeps_nothing_alive() -> None:
    with Executor(1) as executor:
        thing = Thing()
        gone = weakref.ref(thing)
        executor.submit(id, thing).result(LONG)
        del thing
        until(lambda: gone() is None)


@exercise
def a_future_settled_by_somebody_else_costs_one_thread_at_most() -> None:
    with Executor(1) as executor:
        begun, end = threading.Event(), threading.Event()
        future = executor.submit(lambda: (begun.set(), end.wait(LONG)))
        later = executor.submit(int)
        assert begun.wait(LONG)
        future.set_result("mine")
        end.set()
        assert later.result(LONG) == 0


@exercise
def map_submits_eagerly_and_keeps_the_order() -> None:
    seen: list[int] = []
    with Executor(1) as executor:
        results = executor.map(lambda n: (seen.append(n), n)[1], range(10))
        executor.submit(int).result(LONG)
        assert seen == list(range(10))
        assert list(results) == list(range(10))
        assert list(executor.map(pow, [2, 3], [5, 2, 9])) == [32, 9]


@exercise
def map_with_a_buffersize_looks_no_further_ahead() -> None:
    numbers = itertools.count()
    with Executor(2) as executor:
        results = executor.map(str, numbers, buffersize=3)
        assert next(numbers) == 3
        assert [next(results) for _ in range(3)] == ["0", "1", "2"]
        assert next(numbers) <= 7
        assert list(executor.map(str, range(5), buffersize=2)) == list("01234")
        assert list(executor.map(str, buffersize=2)) == []
        with raises(TypeError, "buffersize must be an integer or None"):
            executor.map(str, [], buffersize=2.0)
        with raises(ValueError, "buffersize must be None or > 0"):
            executor.map(str, [], buffersize=0)


@exercise
def map_times_out_and_cancels_the_rest() -> None:
    with Executor(1) as executor:
        ran: list[int] = []
        with blocked(executor):
            results = executor.map(ran.append, range(3), timeout=0)
            with raises(TimeoutError):
                next(results)
        executor.submit(int).result(LONG)
        assert ran == []


@exercise
def map_keeps_no_result_alive_after_it_was_yielded() -> None:
    with Executor(1) as executor:
        for buffersize in (None, 2):
            results = executor.map(lambda _: Thing(), range(3), buffersize=buffersize)
            gone = weakref.ref(next(results))
            until(lambda gone=gone: gone() is None)
            results.close()
