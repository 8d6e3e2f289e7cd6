"""What the executor promises, as plain functions that any interpreter can run.

Standard library only: interpreters other than the one that runs the tests have no pytest.
``python exercise.py`` runs all of them and names those that fail; pytest runs each as a test
(``test_executor_behaviour.py``). Whatever waits, waits for an event, ``LONG`` at most.
"""

import asyncio
import contextlib
import gc
import itertools
import os
import random
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.thread import BrokenThreadPool
from contextvars import ContextVar
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor

LONG = 20.0
EXERCISES: list[Callable[[], None]] = []


def exercise(function: Callable[[], None]) -> Callable[[], None]:
    EXERCISES.append(function)
    return function


@contextlib.contextmanager
def raises(kind: type[BaseException], text: str = "") -> Iterator[None]:
    try:
        yield
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


def until(condition: Callable[[], bool]) -> None:
    """For what only ever becomes true and has no event."""
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


@contextlib.contextmanager
def blocked(executor: Executor, count: int = 1) -> Iterator[None]:
    """``count`` of the executor's workers are busy meanwhile."""
    begun, end = threading.Semaphore(0), threading.Event()

    def block() -> None:
        begun.release()
        end.wait(LONG)

    for _ in range(count):
        executor.submit(block)
    for _ in range(count):
        assert begun.acquire(timeout=LONG)
    try:
        yield
    finally:
        end.set()


class Thing:
    """Something a weak reference can point to."""


# -- calls ---------------------------------------------------------------------------------


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


# -- map -----------------------------------------------------------------------------------


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


# -- the end -------------------------------------------------------------------------------


@exercise
def shutdown_finishes_what_is_queued_and_takes_no_more() -> None:
    executor = Executor(2)
    futures = [executor.submit(pow, n, 2) for n in range(100)]
    executor.shutdown()
    assert all(future.done() for future in futures)
    assert not executor._threads
    assert executor.stats().backlog == 0
    with raises(RuntimeError, "cannot schedule new futures after shutdown"):
        executor.submit(int)
    executor.shutdown()


@exercise
def shutdown_can_cancel_what_has_not_begun() -> None:
    executor = Executor(1)
    with blocked(executor):
        futures = [executor.submit(int) for _ in range(10)]
        executor.shutdown(wait=False, cancel_futures=True)
        assert all(future.cancelled() for future in futures)
        # Those who wait hear of it, which the standard library leaves out.
        assert len(wait(futures, LONG).done) == 10
    executor.shutdown()


@exercise
def a_task_may_shut_its_own_pool_down() -> None:
    executor = Executor(2)
    executor.submit(executor.shutdown).result(LONG)
    executor.shutdown()


@exercise
def a_dropped_executor_ends_its_threads() -> None:
    executor = Executor(3)
    with blocked(executor, 3):
        last = executor.submit(int)
        threads = executor._threads
        assert len(threads) == 3
        del executor
        gc.collect()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert last.result(0) == 0


# -- initializers --------------------------------------------------------------------------


@exercise
def every_thread_is_initialised() -> None:
    here = threading.local()
    begun = threading.Barrier(3)

    def initialise(value: int) -> None:
        here.value = value

    def read() -> int:
        begun.wait(LONG)
        return here.value

    with Executor(3, initializer=initialise, initargs=(7,)) as executor:
        assert [f.result(LONG) for f in [executor.submit(read) for _ in range(3)]] == [7] * 3


@exercise
def a_failing_initializer_breaks_the_pool() -> None:
    begin = threading.Event()

    def initialise() -> None:
        begin.wait(LONG)
        raise ValueError

    executor = Executor(2, initializer=initialise)
    futures = [executor.submit(int) for _ in range(5)]
    assert futures[3].cancel()
    begin.set()
    for future in futures[:3] + futures[4:]:
        assert isinstance(future.exception(LONG), BrokenThreadPool)
    assert futures[3].cancelled()
    with raises(BrokenThreadPool):
        executor.submit(int)
    executor.shutdown()
    assert executor._broken
    assert not executor._threads


# -- context -------------------------------------------------------------------------------

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="default")
OTHER: ContextVar[str] = ContextVar("OTHER", default="default")


@exercise
def every_call_runs_in_a_copy_of_its_submitters_context() -> None:
    def change() -> str:
        before = VARIABLE.get()
        VARIABLE.set("changed")
        return before

    with Executor(1) as executor:
        VARIABLE.set("mine")
        try:
            assert [executor.submit(change).result(LONG) for _ in range(2)] == ["mine"] * 2
            assert VARIABLE.get() == "mine"
        finally:
            VARIABLE.set("default")


@exercise
def a_thread_has_one_context_where_none_is_propagated() -> None:
    with Executor(1, initializer=VARIABLE.set, initargs=("start",), propagate_context=False) as ex:
        assert ex.submit(VARIABLE.get).result(LONG) == "start"
        ex.submit(VARIABLE.set, "kept").result(LONG)
        assert ex.submit(VARIABLE.get).result(LONG) == "kept"


@exercise
def what_the_initializer_set_counts_where_the_submitter_set_nothing() -> None:
    def initialise() -> None:
        VARIABLE.set("initial")
        OTHER.set("initial")

    def inner() -> tuple[str, str]:
        return VARIABLE.get(), OTHER.get()

    def submit() -> tuple[str, str]:
        with Executor(1, initializer=initialise) as executor:
            OTHER.set("submitted")
            # run by a worker on top of another task, too
            queued: list[Future[Any]] = []
            outer = executor.submit(lambda: (begun.wait(LONG), queued[0].result())[1])
            queued.append(executor.submit(inner))
            begun.set()
            assert outer.result(LONG) == queued[0].result(LONG)
            return queued[0].result(LONG)

    import contextvars

    begun = threading.Event()
    assert contextvars.Context().run(submit) == ("initial", "submitted")


# -- waiting for other tasks ---------------------------------------------------------------


@exercise
def nested_calls_do_not_deadlock_a_single_worker() -> None:
    def total(depth: int) -> int:
        if depth == 0:
            return 1
        return sum(f.result() for f in [executor.submit(total, depth - 1) for _ in range(2)])

    with Executor(1) as executor:
        assert executor.submit(total, 6).result(LONG) == 64
        assert executor.submit(lambda: executor.submit(int).exception()).result(LONG) is None


@exercise
def recursion_deeper_than_a_worker_nests_ends() -> None:
    def down(depth: int) -> int:
        return 0 if depth == 0 else 1 + executor.submit(down, depth - 1).result()

    for workers in (1, 2, 8):
        with Executor(workers) as executor:
            assert executor.submit(down, 60).result(LONG) == 60


@exercise
def endless_recursion_is_an_error_not_a_hang() -> None:
    futures: list[Future[Any]] = []

    def down() -> None:
        futures.append(executor.submit(down))
        futures[-1].result()

    with Executor(1) as executor:
        error = executor.submit(down).exception(LONG)
        assert isinstance(error, RecursionError), error
        for future in futures:
            assert future.exception(LONG) is not None
        assert executor.submit(int).result(LONG) == 0


@exercise
def workers_that_wait_for_running_tasks_are_stood_in_for() -> None:
    with Executor(64) as executor:
        begun, end = threading.Event(), threading.Event()
        running = executor.submit(lambda: (begun.set(), end.wait(LONG)))
        assert begun.wait(LONG)
        waiters = [executor.submit(lambda: running.result(LONG)) for _ in range(20)]
        executor.submit(end.set).result(LONG)
        assert all(future.result(LONG) for future in waiters)


@exercise
def tasks_may_wait_for_later_tasks_with_wait_and_as_completed() -> None:
    with Executor(32) as executor:

        def parent(n: int) -> int:
            children = [executor.submit(pow, n, 2) for _ in range(3)]
            assert len(wait(children, LONG).done) == 3
            return sum(child.result() for child in as_completed(children, LONG))

        assert sorted(executor.map(parent, range(8), timeout=LONG)) == [3 * n**2 for n in range(8)]
        done, _ = wait([executor.submit(int)], LONG, FIRST_COMPLETED)
        assert len(done) == 1


@exercise
def tasks_that_wait_for_an_event_of_a_later_task_get_a_worker_more() -> None:
    with Executor(64) as executor:
        event = threading.Event()
        waiting = [executor.submit(event.wait, LONG) for _ in range(8)]
        executor.submit(event.set)
        assert all(future.result(LONG) for future in waiting)


# -- size ----------------------------------------------------------------------------------


@exercise
def submit_blocks_while_the_backlog_is_full() -> None:
    executor = Executor(1, max_backlog=2)
    submitted = threading.Semaphore(0)
    with blocked(executor):
        first, _ = executor.submit(int), executor.submit(int)

        def fill() -> None:
            executor.submit(int)
            submitted.release()

        thread = threading.Thread(target=fill)
        thread.start()
        assert not submitted.acquire(timeout=0.02)
        assert first.cancel()  # makes room, once
        assert submitted.acquire(timeout=LONG)
        first.cancel()
        again = threading.Thread(target=fill)
        again.start()
        assert not submitted.acquire(timeout=0.02)
    assert submitted.acquire(timeout=LONG)
    thread.join()
    again.join()
    # calls of the pool's own workers are let through
    assert (
        executor.submit(
            lambda: [f.result() for f in [executor.submit(int) for _ in range(9)]]
        ).result(LONG)
        == [0] * 9
    )
    executor.shutdown()


@exercise
def a_submitter_blocked_at_shutdown_hears_of_it() -> None:
    executor = Executor(1, max_backlog=1)
    with blocked(executor):
        executor.submit(int)
        errors: list[BaseException] = []

        def fill() -> None:
            try:
                executor.submit(int)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=fill)
        thread.start()
        executor.shutdown(wait=False, cancel_futures=True)
        thread.join(LONG)
        assert errors
    executor.shutdown()


@exercise
def idle_threads_leave_down_to_the_minimum() -> None:
    with Executor(4, min_workers=2, idle_timeout=0.05) as executor:
        with blocked(executor, 4):
            assert executor.stats().workers == 4
        until(lambda: executor.stats().workers == 2)
        assert executor.submit(int).result(LONG) == 0


@exercise
def stats_are_one_immutable_record() -> None:
    with Executor(2) as executor:
        for _ in range(5):
            executor.submit(int).result(LONG)
        stats = executor.stats()
        assert stats.completed == 5
        assert stats.workers in (1, 2)
        with raises(AttributeError):
            stats.completed = 6  # type: ignore[misc]


@exercise
def the_decision_hook_hears_of_decisions_and_may_use_the_pool() -> None:
    heard: list[Any] = []
    called = threading.Event()

    def hook(decision: Any) -> None:
        heard.append((decision, executor.stats(), executor.submit(int)))
        called.set()
        raise ValueError("logged, no more")

    executor = Executor(32, on_decision=hook)
    with executor:
        end = threading.Event()
        for _ in range(30):
            executor.submit(lambda: called.wait(LONG) and end.wait(LONG))
        assert called.wait(LONG)
        end.set()
        assert heard[0][2].result(LONG) == 0
    assert heard[0][0].target > 0


@exercise
def threads_are_named_like_the_standard_librarys() -> None:
    with Executor(2, thread_name_prefix="mine") as executor:
        assert executor.submit(lambda: threading.current_thread().name).result(LONG) == "mine_0"


@exercise
def a_refused_thread_is_lived_with_and_the_first_is_an_error() -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Executor(8) as executor:
        with blocked(executor):
            threading.Thread.start = refuse  # type: ignore[method-assign]
            try:
                second = executor.submit(int)
                with Executor(8) as other:
                    with raises(RuntimeError, "can't start new thread"):
                        other.submit(int)
                    threading.Thread.start = start  # type: ignore[method-assign]
                    assert other.submit(int).result(LONG) == 0
            finally:
                threading.Thread.start = start  # type: ignore[method-assign]
        assert second.result(LONG) == 0
        assert executor.stats().workers == 1


# -- guests --------------------------------------------------------------------------------


@exercise
def asyncio_takes_it_as_default_executor() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(Executor(4))
        return await asyncio.gather(*(asyncio.to_thread(pow, n, 2) for n in range(20)))

    assert asyncio.run(main()) == [n**2 for n in range(20)]


@exercise
def a_forked_child_can_use_it() -> None:
    if not hasattr(os, "fork"):
        return
    with Executor(4, max_backlog=2) as executor:
        with blocked(executor, 4):
            queued = [executor.submit(int), executor.submit(int)]
            child = os.fork()
            if child == 0:
                status = 1
                with contextlib.suppress(BaseException):
                    signal.alarm(int(LONG))
                    assert executor.submit(pow, 2, 5).result(LONG) == 32
                    assert [f.result() for f in [executor.submit(int) for _ in range(9)]] == [0] * 9
                    executor.shutdown()
                    status = 0
                os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
        assert [future.result(LONG) for future in queued] == [0, 0]


# -- everything at once --------------------------------------------------------------------


@exercise
def no_call_is_lost_or_run_twice() -> None:
    for seed in range(6):
        _storm(seed, Executor(8, idle_timeout=0.001))


@exercise
def no_call_is_lost_under_back_pressure() -> None:
    _storm(1, Executor(3, idle_timeout=0.001, max_backlog=4))


def _storm(seed: int, executor: Executor) -> None:
    """Submitters, cancellations and nested calls, and a shutdown in their midst."""
    runs: list[list[None]] = []
    accepted: list[tuple[Future[Any], list[None]]] = []

    def task(run: list[None], nested: bool) -> None:
        run.append(None)
        if nested:
            with contextlib.suppress(RuntimeError):
                executor.submit(int).result()

    def submitter(dice: random.Random) -> None:
        for _ in range(400):
            run: list[None] = []
            runs.append(run)
            try:
                future = executor.submit(task, run, dice.random() < 0.1)
            except RuntimeError:
                assert not run
                return
            accepted.append((future, run))
            if dice.random() < 0.2:
                future.cancel()
            if dice.random() < 0.02:
                time.sleep(0.002)  # lets workers go idle, and leave

    threads = [
        threading.Thread(target=submitter, args=(random.Random(100 * seed + n),)) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    if seed % 2:
        until(lambda: len(accepted) > 500 or not any(t.is_alive() for t in threads))
        executor.shutdown(cancel_futures=seed % 4 == 3)
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    executor.shutdown()
    for future, run in accepted:
        assert future.done()
        if future.cancelled():
            with raises(CancelledError):
                future.result()
            assert not run
        else:
            assert future.result() is None
            assert len(run) == 1
    assert sum(map(len, runs)) == sum(len(run) for _, run in accepted)


@exercise
def finalizers_that_run_anywhere_do_no_harm() -> None:
    """The collector closes executors, cancels and submits in whatever thread it runs."""

    class Submits:
        def __init__(self, executor: Executor) -> None:
            self.executor = executor
            self.myself = self

        def __del__(self) -> None:
            with contextlib.suppress(RuntimeError):
                self.executor.submit(int)

    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        with Executor(4, idle_timeout=0.001) as executor:
            for _ in range(150):
                Submits(executor)
                ring: list[Any] = [Executor(1, max_backlog=3)]
                ring += [ring, ring[0].map(int, range(2)), ring[0].submit(int)]
                del ring
                executor.submit(int).result(LONG)
    finally:
        gc.set_threshold(*before)
        gc.collect()


def main() -> int:
    failed = 0
    for function in EXERCISES:
        began = time.monotonic()
        try:
            function()
        except BaseException:
            failed += 1
            print(f"FAILED {function.__name__}", flush=True)
            traceback.print_exc()
        else:
            print(f"{time.monotonic() - began:6.2f} s  {function.__name__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    import faulthandler

    faulthandler.dump_traceback_later(4 * LONG, exit=True)
    sys.exit(main())
