"""Strategies: the controllers' arithmetic, the resizable pool, the closed loop."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from harness.strategies import KINDS
from harness.strategies.base import Batch, Load, keep_busy, run_through, start_together
from harness.strategies.controlled import Decision
from harness.strategies.fixed import FixedPool
from harness.strategies.paper_algorithm1 import PaperAlgorithm1
from harness.strategies.queue_scaler import QueueScaler
from harness.strategies.resizable import ResizableThreadPool

LIMIT_S = 20  # a hang fails the test; nothing waits for it otherwise
PUBLISHED: dict[str, Any] = {
    "minimum": 4,
    "tick_ms": 500,
    "published_tick_ms": 500,
    "threshold": 0.3,
    "patience": 3,
    "smoothing": 0.2,
    "initial_beta": 0.5,
    "recent_tasks": 100,
}
BUSY, EMPTY = 10, 0


class Fed(PaperAlgorithm1):
    """Algorithm 1 fed with blocking ratios as if tasks had just finished with them."""

    def tick(self, workers: int, backlog: int, *betas: float) -> tuple[int, str, float]:
        self._ratio._finished.extend(betas)
        size, action, beta = self.decide(workers, backlog)
        assert beta is not None
        return size, action, beta


def algorithm(maximum: int = 64, **changes: Any) -> Fed:
    return Fed(maximum, PUBLISHED | changes)


def run_ticks(controller: Fed, workers: int, *ticks: tuple[int, float]) -> list[tuple[int, str]]:
    """Size and action after each (backlog, beta of the tasks since the last tick)."""
    found = []
    for backlog, beta in ticks:
        workers, action, _ = controller.tick(workers, backlog, beta)
        found.append((workers, action))
    return found


# --- Algorithm 1 ---


def test_grows_by_one_at_every_third_busy_tick() -> None:
    found = run_ticks(algorithm(), 4, *[(BUSY, 0.9)] * 7)
    assert [size for size, _ in found] == [4, 4, 5, 5, 5, 6, 6]
    assert [action for _, action in found] == ["hold", "hold", "grow"] * 2 + ["hold"]


def test_ewma_takes_a_fifth_of_each_sample() -> None:
    controller = algorithm(recent_tasks=1)
    betas = [controller.tick(4, BUSY, sample)[2] for sample in (1.0, 0.0, 0.5)]
    assert betas == pytest.approx([0.6, 0.48, 0.484])


def test_sample_is_the_mean_over_recent_tasks() -> None:
    controller = algorithm(recent_tasks=4)
    _, _, beta = controller.tick(4, BUSY, 9.0, 0.2, 0.4, 0.6, 0.8)  # the oldest is forgotten
    assert beta == pytest.approx(0.2 * 0.5 + 0.8 * 0.5)
    _, _, beta = controller.tick(4, BUSY, 1.0)
    assert beta == pytest.approx(0.2 * (0.4 + 0.6 + 0.8 + 1.0) / 4 + 0.8 * 0.5)


def test_starts_from_the_initial_beta_before_any_task() -> None:
    assert algorithm().decide(4, EMPTY) == (4, "hold", 0.5)


def test_low_beta_vetoes_and_resets_the_count() -> None:
    controller = algorithm(smoothing=1.0, recent_tasks=1)
    found = run_ticks(controller, 4, (BUSY, 0.9), (BUSY, 0.9), (BUSY, 0.1), *[(BUSY, 0.9)] * 3)
    assert [action for _, action in found] == ["hold", "hold", "veto", "hold", "hold", "grow"]
    assert found[-1][0] == 5


def test_beta_at_the_threshold_vetoes() -> None:
    controller = algorithm(smoothing=1.0, recent_tasks=1)
    assert run_ticks(controller, 4, (BUSY, 0.3)) == [(4, "veto")]
    assert run_ticks(controller, 4, (BUSY, 0.3001)) == [(4, "hold")]


def test_veto_never_shrinks_the_pool() -> None:
    controller = algorithm(smoothing=1.0, recent_tasks=1)
    assert run_ticks(controller, 9, *[(BUSY, 0.0)] * 5) == [(9, "veto")] * 5


def test_shrinks_towards_the_minimum_while_the_queue_is_empty() -> None:
    found = run_ticks(algorithm(), 6, *[(EMPTY, 0.9)] * 3)
    assert found == [(5, "shrink"), (4, "shrink"), (4, "hold")]


def test_an_empty_queue_breaks_the_row_of_busy_ticks() -> None:
    ticks = [(BUSY, 0.9), (BUSY, 0.9), (EMPTY, 0.9), (BUSY, 0.9), (BUSY, 0.9), (BUSY, 0.9)]
    assert [size for size, _ in run_ticks(algorithm(), 4, *ticks)] == [4, 4, 4, 4, 4, 5]


def test_never_grows_above_n_max() -> None:
    found = run_ticks(algorithm(maximum=5), 4, *[(BUSY, 0.9)] * 9)
    assert [size for size, _ in found] == [4, 4, 5, 5, 5, 5, 5, 5, 5]


def test_climbs_from_4_to_48_in_132_published_ticks() -> None:
    # Sixty-six seconds at 500 ms, as the restatement of the paper works out.
    controller, workers = algorithm(), 4
    for _ in range(132):
        assert workers < 48
        workers, _, _ = controller.tick(workers, BUSY, 0.9)
    assert workers == 48


def test_instrument_measures_a_blocking_ratio_per_task() -> None:
    calls: list[tuple[float, int]] = []
    controller = algorithm()
    run = controller.instrument(lambda submitted, index: calls.append((submitted, index)))
    for index in range(50):
        run(1.5, index)
    _, _, beta = controller.decide(4, EMPTY)
    assert calls == [(1.5, index) for index in range(50)]
    assert beta is not None
    assert beta <= 1.0


def test_vetoes_are_counted() -> None:
    controller = algorithm(smoothing=1.0, recent_tasks=1)
    for beta in (0.9, 0.1, 0.2, 0.9):
        size, action, seen = controller.tick(4, BUSY, beta)
        controller._decisions.append(Decision(0.0, size, BUSY, action, seen))
    report = controller.report()
    assert report["vetoes"] == 2
    assert len(report["decisions"]) == 4


@pytest.mark.parametrize(("threshold", "vetoes"), [(0.2, 0), (0.5, 2), (0.7, 4)])
def test_a_higher_threshold_vetoes_more(threshold: float, vetoes: int) -> None:
    controller = algorithm(threshold=threshold, smoothing=1.0, recent_tasks=1)
    found = run_ticks(controller, 4, *[(BUSY, beta) for beta in (0.25, 0.45, 0.6, 0.65)])
    assert [action for _, action in found].count("veto") == vetoes


# --- queue scaler ---


def scaler(maximum: int = 64) -> QueueScaler:
    parameters = {"minimum": 4, "step": 4, "backlog_threshold": 10, "tick_ms": 10}
    return QueueScaler(maximum, parameters)


@pytest.mark.parametrize(
    ("workers", "backlog", "expected"),
    [
        (4, 11, (8, "grow", None)),
        (4, 10, (4, "hold", None)),
        (4, 0, (4, "hold", None)),
        (20, 0, (20, "hold", None)),
        (62, 99, (64, "grow", None)),
        (64, 99, (64, "hold", None)),
    ],
)
def test_queue_scaler_adds_a_step_above_the_threshold_and_never_shrinks(
    workers: int, backlog: int, expected: tuple[int, str, None]
) -> None:
    assert scaler().decide(workers, backlog) == expected


def test_every_configured_kind_has_an_implementation() -> None:
    assert set(KINDS) == {
        "fixed",
        "processes",
        "event_loop",
        "queue_scaler",
        "paper_algorithm1",
        "adaptive",
    }


# --- resizable pool ---


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

    def __init__(self, fail_at: int | None = None) -> None:
        self.indices: list[int] = []
        self.claims = 0
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
