"""A pool from its initializers to its end, in asyncio and across a fork."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from concurrent.futures import (
    wait,
)
from concurrent.futures.thread import BrokenThreadPool

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, blocked, exercise, raises


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
