"""What the exercises share. Whatever waits, waits for an event, ``LONG`` at most."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

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
