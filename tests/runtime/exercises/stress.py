"""Everything at once, from many threads."""

import contextlib
import gc
import random
import threading
import time
from concurrent.futures import (
    CancelledError,
    Future,
)
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, exercise, raises, until


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
