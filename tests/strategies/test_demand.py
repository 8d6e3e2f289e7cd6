"""The two demands on a strategy: a closed loop, and a batch."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from harness.strategies.base import Batch, Load, keep_busy, run_through, start_together
from harness.strategies.fixed import FixedPool
from harness.strategies.resizable import ResizableThreadPool

LIMIT_S = 20  # a hang fails the test; nothing waits for it otherwise

# --- the closed loop ---


class ManualExecutor(Executor):
    """Runs a task when the test says so, in the test's thread."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, fn, args))
        return future

    def step(self) -> None:
        future, fn, args = self.waiting.pop(0)
        try:
            future.set_result(fn(*args))
        except Exception as error:
            future.set_exception(error)


class NotingRunner:
    """Notes the tasks it is asked to run; fails at ``fail_at``."""

    def __init__(
        self, fail_at: int | None = None, errors: tuple[type[Exception], ...] = ()
    ) -> None:
        self.indices: list[int] = []
        self.claims = 0
        self.errors = errors
        self._fail_at = fail_at

    def __call__(self, submitted: float, index: int) -> None:
        assert submitted > 0
        if index == self._fail_at:
            raise ArithmeticError(f"task {index}")
        self.indices.append(index)

    async def run_async(self, submitted: float, index: int, offload: object) -> None:
        raise NotImplementedError

    def claim_log(self) -> None:
        self.claims += 1


def a_load(runner: NotingRunner, population: int = 5, close_at: float = float("inf")) -> Load:
    worker_spec: Mapping[str, Any] = {}
    return Load(runner, population, lambda: close_at, lambda _: runner, worker_spec)


def test_population_stays_constant() -> None:
    executor, runner = ManualExecutor(), NotingRunner()
    keep_busy(executor, a_load(runner), runner)
    for _ in range(23):
        assert len(executor.waiting) == 5
        executor.step()
    assert runner.indices == list(range(23))  # customer k runs k, k + 5, k + 10, ...


def test_nothing_is_submitted_after_the_close() -> None:
    executor, runner = ManualExecutor(), NotingRunner()
    load = a_load(runner, close_at=0.0)
    keep_busy(executor, load, runner)
    load.begin()
    assert load.closing
    for _ in range(5):
        executor.step()
    assert executor.waiting == []


def test_failing_task_ends_the_trial_with_its_error() -> None:
    executor, runner = ManualExecutor(), NotingRunner(fail_at=2)
    load = a_load(runner)
    keep_busy(executor, load, runner)
    for _ in range(3):
        executor.step()
    assert isinstance(load.failure, ArithmeticError)
    assert load.closing
    load.wait_until_closed()  # returns at once


def test_a_declared_error_is_part_of_the_work_and_its_customer_goes_on() -> None:
    executor, runner = ManualExecutor(), NotingRunner(fail_at=2, errors=(ArithmeticError,))
    load = a_load(runner)
    keep_busy(executor, load, runner)
    for _ in range(13):
        executor.step()
    assert load.failure is None
    assert runner.indices == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]  # 7 is customer 2's next


def test_a_declared_error_does_not_end_a_batch() -> None:
    notes: list[str] = []
    runner = NotingRunner(fail_at=3, errors=(ArithmeticError,))
    run_through(NotingPool(notes), a_batch(runner, 50, notes), runner)
    assert sorted(runner.indices) == [*range(3), *range(4, 50)]
    assert notes == ["drained after 49", "shut down"]


def test_the_first_failure_is_the_one_reported() -> None:
    load = a_load(NotingRunner())
    load.fail(ValueError("first"))
    load.fail(ValueError("second"))
    assert str(load.failure) == "first"


def test_executor_that_refuses_a_resubmission_fails_the_trial() -> None:
    executor, runner = ManualExecutor(), NotingRunner()
    load = a_load(runner)
    keep_busy(executor, load, runner)

    def refuse(*_: object) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures")

    executor.submit = refuse  # type: ignore[method-assign, assignment]
    executor.step()
    assert isinstance(load.failure, RuntimeError)


def test_load_opens_its_gate_when_the_whole_population_is_there() -> None:
    pool, seen = ResizableThreadPool(3), threading.Event()
    begun_with: list[int] = []

    class StoppingRunner(NotingRunner):
        def __call__(self, submitted: float, index: int) -> None:
            super().__call__(submitted, index)
            load.fail(KeyError("enough"))
            seen.set()

    runner = StoppingRunner()

    def begin() -> float:
        begun_with.append(len(runner.indices))
        return float("inf")

    load = Load(runner, 8, begin, lambda _: runner, {})
    start_together(pool, 3, load, runner)
    assert seen.wait(LIMIT_S)
    assert begun_with == [0]  # no task ran before the gate opened
    assert runner.claims == 3  # every thread prepared its log


# --- a batch ---


class NotingPool(ResizableThreadPool):
    """Notes when it is shut down, and how."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(2)
        self._notes = notes

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._notes.append("shut down" if wait else "abandoned")
        super().shutdown(wait, cancel_futures=cancel_futures)


def a_batch(runner: NotingRunner, tasks: int, notes: list[str]) -> Batch:
    def drained() -> None:
        notes.append(f"drained after {len(runner.indices)}")

    return Batch(runner, tasks, drained, lambda _: runner, {})


def test_a_batch_is_drained_before_its_pool_is_shut_down() -> None:
    notes: list[str] = []
    runner = NotingRunner()
    batch = a_batch(runner, 50, notes)
    run_through(NotingPool(notes), batch, runner)
    assert sorted(runner.indices) == list(range(50))
    assert notes == ["drained after 50", "shut down"]
    assert batch.closing


def test_a_failing_task_ends_its_batch_without_waiting_for_the_rest() -> None:
    notes: list[str] = []
    runner = NotingRunner(fail_at=3)
    with pytest.raises(ArithmeticError, match="task 3"):
        run_through(NotingPool(notes), a_batch(runner, 50, notes), runner)
    assert notes == ["abandoned"]


def test_a_failing_controller_fails_its_batch() -> None:
    notes: list[str] = []
    runner = NotingRunner()
    batch = a_batch(runner, 5, notes)
    batch.fail(KeyError("no such size"))
    with pytest.raises(KeyError, match="no such size"):
        run_through(NotingPool(notes), batch, runner)
    assert notes == ["abandoned"]


def test_an_instrumented_fixed_pool_measures_every_task() -> None:
    runner = NotingRunner()
    strategy = FixedPool(2, {"instrumented": True})
    strategy.run_batch(a_batch(runner, 40, []))
    assert len(strategy._ratio._finished) == 40
    assert strategy.report()["beta"] <= 1
    assert FixedPool(2, {}).report() == {}
