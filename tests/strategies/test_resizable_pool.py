"""The pool whose size a controller sets from outside."""

import threading
import time
from concurrent.futures import Future

from harness.strategies.resizable import ResizableThreadPool

LIMIT_S = 20  # a hang fails the test; nothing waits for it otherwise


def test_pool_runs_as_many_tasks_at_once_as_it_has_threads() -> None:
    pool = ResizableThreadPool(3)
    together = threading.Barrier(3)
    futures = [pool.submit(together.wait, LIMIT_S) for _ in range(3)]
    assert sorted(future.result(LIMIT_S) for future in futures) == [0, 1, 2]


def test_pool_grows_at_once() -> None:
    pool = ResizableThreadPool(1)
    together = threading.Barrier(4)
    futures = [pool.submit(together.wait, LIMIT_S) for _ in range(4)]
    pool.resize(4)
    assert pool.size == 4
    assert sorted(future.result(LIMIT_S) for future in futures) == [0, 1, 2, 3]


def test_pool_knows_how_many_of_its_threads_have_a_task() -> None:
    pool = ResizableThreadPool(3)
    started, let_go = threading.Barrier(3), threading.Event()

    def held() -> None:
        started.wait(LIMIT_S)
        let_go.wait(LIMIT_S)

    running = [pool.submit(held) for _ in range(2)]
    started.wait(LIMIT_S)
    while pool.busy > 2:  # the third thread is on its way to the queue
        time.sleep(0.001)
    assert pool.busy == 2
    let_go.set()
    for future in running:
        future.result(LIMIT_S)


def test_pool_shrinks_at_task_boundaries_and_loses_no_task() -> None:
    pool = ResizableThreadPool(4)
    started, let_go = threading.Barrier(5), threading.Event()

    def held() -> None:
        started.wait(LIMIT_S)
        let_go.wait(LIMIT_S)

    running = [pool.submit(held) for _ in range(4)]
    started.wait(LIMIT_S)
    pool.resize(1)
    assert pool.size == 1
    assert not any(future.done() for future in running)  # nobody is interrupted
    waiting = [pool.submit(threading.get_ident) for _ in range(200)]
    let_go.set()
    for future in running:
        future.result(LIMIT_S)
    # Three of the four left before they took another task; the fourth ran everything.
    assert len({future.result(LIMIT_S) for future in waiting}) == 1


def test_shrunk_pool_can_grow_again() -> None:
    pool = ResizableThreadPool(4)
    for size in (1, 4, 2, 3, 1, 5):
        pool.resize(size)
    together = threading.Barrier(5)
    futures = [pool.submit(together.wait, LIMIT_S) for _ in range(5)]
    assert sorted(future.result(LIMIT_S) for future in futures) == [0, 1, 2, 3, 4]


def test_all_futures_complete_while_the_size_changes() -> None:
    pool = ResizableThreadPool(2)
    futures: list[Future[int]] = []
    for i in range(600):
        futures.append(pool.submit(pow, i, 2))
        pool.resize(1 + i % 7)
    assert [future.result(LIMIT_S) for future in futures] == [i * i for i in range(600)]


def test_failure_belongs_to_its_future_and_the_thread_goes_on() -> None:
    pool = ResizableThreadPool(1)
    bad, good = pool.submit(int, "x"), pool.submit(int, "5")
    assert isinstance(bad.exception(LIMIT_S), ValueError)
    assert good.result(LIMIT_S) == 5


def test_cancelled_task_is_not_run() -> None:
    pool = ResizableThreadPool(1)
    let_go = threading.Event()
    first = pool.submit(let_go.wait, LIMIT_S)
    calls: list[int] = []
    second, third = pool.submit(calls.append, 2), pool.submit(calls.append, 3)
    assert second.cancel()
    let_go.set()
    third.result(LIMIT_S)
    assert first.result(LIMIT_S)
    assert calls == [3]


def test_backlog_counts_the_tasks_that_wait() -> None:
    pool = ResizableThreadPool(1)
    started, let_go = threading.Event(), threading.Event()

    def held() -> None:
        started.set()
        let_go.wait(LIMIT_S)

    pool.submit(held)
    assert started.wait(LIMIT_S)
    last = [pool.submit(int) for _ in range(5)][-1]
    assert pool.backlog == 5
    let_go.set()
    last.result(LIMIT_S)
    assert pool.backlog == 0


def test_shutdown_ends_every_thread_busy_or_idle() -> None:
    pool = ResizableThreadPool(3)
    started, let_go = threading.Event(), threading.Event()

    def held() -> None:
        started.set()
        let_go.wait(LIMIT_S)

    running = pool.submit(held)
    assert started.wait(LIMIT_S)
    pool.shutdown(wait=False)
    let_go.set()
    pool.shutdown()
    assert running.done()
    assert not any(thread.is_alive() for thread in pool._threads)
