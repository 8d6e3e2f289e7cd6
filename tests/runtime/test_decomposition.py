"""Where the occupied seconds went: identities that hold whatever was counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.runtime.decomposition import Decomposition, Window

#: clocks tick in nanoseconds: nothing smaller is ever measured
seconds = st.one_of(st.just(0.0), st.floats(1e-9, 1e4))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window, consistent or not: clocks are read at slightly different times."""
    blocked = draw(st.integers(0, 1000))
    waits = draw(st.integers(0, blocked))
    return Window(
        wall_seconds=draw(seconds),
        occupied_seconds=draw(seconds),
        cpu_seconds=draw(seconds),
        run_queue_seconds=draw(seconds),
        blocked=blocked,
        gil_waits=waits,
        lock_waits=draw(st.integers(0, blocked - waits)),
        running=draw(st.integers(0, 1000)),
        completions=draw(st.integers(0, 10**6)),
        free_seconds=draw(seconds),
        looks=draw(st.integers(0, 100)),
        unwaited=draw(st.integers(0, 400)),
    )


@given(windows())
def test_the_parts_add_up_to_the_occupied_time_and_none_is_negative(window: Window) -> None:
    parts = Decomposition.of(window)
    each = (
        parts.cpu_seconds,
        parts.run_queue_seconds,
        parts.gil_seconds,
        parts.blocked_seconds,
    )
    assert min(each) >= 0
    assert sum(each) == pytest.approx(window.occupied_seconds)


@given(windows())
def test_every_share_is_a_share(window: Window) -> None:
    parts = Decomposition.of(window)
    for share in (
        parts.beta_naive,
        parts.beta_star,
        parts.gil_share,
        parts.run_queue_share,
        parts.contention,
    ):
        assert -1e-9 <= share <= 1 + 1e-9


@given(windows())
def test_the_naive_ratio_is_at_least_the_tasks_own(window: Window) -> None:
    parts = Decomposition.of(window)
    assert parts.beta_naive >= parts.beta_star - 1e-9


@given(windows(), st.floats(0.01, 100))
def test_ratios_do_not_depend_on_how_much_was_counted(window: Window, factor: float) -> None:
    one, other = Decomposition.of(window), Decomposition.of(window.scaled(factor))
    assert one.beta_star == pytest.approx(other.beta_star)
    assert one.contention == pytest.approx(other.contention)
    assert one.cores_used == pytest.approx(other.cores_used)
    assert one.throughput == pytest.approx(other.throughput)


@given(windows(), windows())
def test_windows_add_field_by_field_in_any_order(one: Window, other: Window) -> None:
    total = one.plus(other)
    assert total == other.plus(one)
    for field in Window._fields:
        assert getattr(total, field) == getattr(one, field) + getattr(other, field)
    assert one.plus(Window()) == one


def test_the_four_ways_to_spend_time_are_told_apart() -> None:
    window = Window(
        wall_seconds=2,
        occupied_seconds=20,
        cpu_seconds=2,
        run_queue_seconds=3,
        blocked=10,
        gil_waits=4,
        lock_waits=1,
        completions=40,
    )
    parts = Decomposition.of(window)
    assert parts.gil_seconds == pytest.approx(6)
    assert parts.blocked_seconds == pytest.approx(9)
    assert parts.lock_seconds == pytest.approx(1.5)
    assert parts.lock_share == pytest.approx(1.5 / 20)
    assert parts.beta_naive == pytest.approx(0.9)
    assert parts.beta_star == pytest.approx(9 / 11)
    assert parts.contention == pytest.approx(9 / 20)
    assert parts.cores_used == pytest.approx(1)
    assert parts.throughput == pytest.approx(20)
    assert parts.ratio == pytest.approx(4.5)


def test_without_samples_nothing_is_put_down_to_the_gil() -> None:
    parts = Decomposition.of(Window(wall_seconds=1, occupied_seconds=4, cpu_seconds=1))
    assert parts.gil_seconds == 0
    assert parts.blocked_seconds == 3


def test_cpu_time_beyond_the_occupied_time_is_cut() -> None:
    parts = Decomposition.of(
        Window(wall_seconds=1, occupied_seconds=2, cpu_seconds=2.5, run_queue_seconds=1)
    )
    assert (parts.cpu_seconds, parts.run_queue_seconds, parts.blocked_seconds) == (2, 0, 0)


def test_run_queue_time_beyond_what_is_left_is_cut() -> None:
    parts = Decomposition.of(
        Window(wall_seconds=1, occupied_seconds=2, cpu_seconds=1.5, run_queue_seconds=1)
    )
    assert parts.run_queue_seconds == 0.5
    assert parts.blocked_seconds == 0


def test_an_empty_window_has_no_ratios_but_zero() -> None:
    parts = Decomposition.of(Window())
    assert parts.beta_naive == parts.beta_star == parts.contention == 0
    assert parts.cores_used == parts.throughput == 0


def test_time_without_cpu_has_an_infinite_ratio() -> None:
    parts = Decomposition.of(Window(wall_seconds=1, occupied_seconds=4))
    assert parts.ratio == float("inf")
    assert parts.beta_star == 1


#: a second of six workers that sleep and use 3 % of a core; all samples show GIL waits
ASLEEP = Window(
    wall_seconds=1.0,
    occupied_seconds=6.0,
    cpu_seconds=0.03,
    blocked=50,
    gil_waits=50,
    running=10,
    free_seconds=0.97,
    looks=10,
    unwaited=10,
)


def test_nobody_waits_for_a_gil_that_nobody_can_hold() -> None:
    """Five workers, while the sixth computes: .15 of the 6 seconds, whatever samples show."""
    parts = Decomposition.of(ASLEEP)
    assert parts.gil_seconds == pytest.approx(5 * 0.03)
    assert parts.blocked_seconds == pytest.approx(6 - 6 * 0.03)
    unlucky = Decomposition.of(ASLEEP._replace(unwaited=0))
    assert unlucky.gil_seconds <= 2.1 * 5 * 0.03


def test_a_holder_may_queue_for_a_core() -> None:
    """Of the run-queue time, as much as samples found waiting for the GIL may be a holder's."""
    queued = Decomposition.of(ASLEEP._replace(run_queue_seconds=0.3))
    assert queued.gil_seconds == pytest.approx(5 * (0.03 + 0.3 * 50 / 60), rel=0.1)


def test_a_gil_that_is_passed_on_slowly_is_not_free() -> None:
    """No look found nobody waiting: time without CPU use is time of passing it on."""
    busy = ASLEEP._replace(cpu_seconds=0.9, free_seconds=0.1, unwaited=0)
    assert Decomposition.of(busy).beta_star == pytest.approx(0.0, abs=1e-9)


def test_locks_are_waited_for_in_a_share_of_what_is_not_the_gils() -> None:
    window = Window(wall_seconds=1.0, occupied_seconds=4.0, blocked=40, gil_waits=20, lock_waits=10)
    assert Decomposition.of(window).lock_share == pytest.approx(0.25)
    rarely_held = window._replace(free_seconds=1.0, looks=10, unwaited=10)
    assert Decomposition.of(rarely_held).gil_share == pytest.approx(0.0)
    assert Decomposition.of(rarely_held).lock_share == pytest.approx(0.5)
