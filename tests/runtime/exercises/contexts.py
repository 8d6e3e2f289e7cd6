"""Context variables of submitters and threads."""

import threading
from concurrent.futures import (
    Future,
)
from contextvars import ContextVar
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor as Executor
from tests.runtime.exercises.support import LONG, exercise

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
