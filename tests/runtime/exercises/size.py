"""Back-pressure, idle threads, statistics and refused threads."""

import threading
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, blocked, exercise, raises, until


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
