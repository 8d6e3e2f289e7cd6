"""Tasks that wait for other tasks."""

import threading
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    as_completed,
    wait,
)
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, exercise


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
