"""Sizers: the controllers' arithmetic, by replayed ticks."""

from typing import Any

import pytest

from harness.strategies import KINDS
from harness.strategies.paper_algorithm1 import PaperAlgorithm1
from harness.strategies.queue_scaler import QueueScaler
from harness.strategies.tick import Change, Spread, Tick

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


def a_tick(workers: int, backlog: int) -> Tick:
    nothing = Spread([])
    busy = workers if backlog else 0
    return Tick(0.5, workers, busy, backlog, 0, 0, nothing, nothing, 0.0)


class Fed(PaperAlgorithm1):
    """Algorithm 1 fed with blocking ratios as if tasks had just finished with them."""

    def tick(self, workers: int, backlog: int, *betas: float) -> tuple[int, str, float]:
        self._ratio._finished.extend(betas)
        size, action, beta = self.decide(a_tick(workers, backlog))
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
    assert algorithm().decide(a_tick(4, EMPTY)) == Change(4, "hold", 0.5)


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
    _, _, beta = controller.decide(a_tick(4, EMPTY))
    assert calls == [(1.5, index) for index in range(50)]
    assert beta is not None
    assert beta <= 1.0


def test_vetoes_are_counted() -> None:
    controller = algorithm(smoothing=1.0, recent_tasks=1)
    for beta in (0.9, 0.1, 0.2, 0.9):
        controller.tick(4, BUSY, beta)
    assert controller.report() == {"vetoes": 2, "metric_size": 64}
    controller.tick(4, BUSY, 0.1)
    assert controller.report() == {"vetoes": 3, "metric_size": 4}


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
    assert scaler().decide(a_tick(workers, backlog)) == expected


def test_every_configured_kind_has_an_implementation() -> None:
    assert set(KINDS) == {
        "fixed",
        "processes",
        "event_loop",
        "queue_scaler",
        "paper_algorithm1",
        "adaptive",
        "shared",
    }
