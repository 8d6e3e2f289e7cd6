"""The closed network against exact solutions, and the size that follows from it."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.runtime.queueing_network import enough_workers, ratio_from_utilisation, utilisation

ratios = st.floats(1e-3, 1e3)
capacities = st.floats(0.1, 16)


def exact_utilisation(workers: int, ratio: Fraction, capacity: Fraction) -> Fraction:
    """From the balance of flow between neighbouring states, in exact arithmetic."""
    weights = [Fraction(1)]
    for k in range(workers):
        arrivals = Fraction(workers - k) / ratio
        departures = min(Fraction(k + 1), capacity)
        weights.append(weights[-1] * arrivals / departures)
    busy = sum(min(Fraction(k), capacity) * weight for k, weight in enumerate(weights))
    return busy / (sum(weights) * capacity)


def erlang_b(servers: int, load: float) -> float:
    """Blocking probability, by the usual recursion."""
    blocking = 1.0
    for n in range(1, servers + 1):
        blocking = load * blocking / (n + load * blocking)
    return blocking


def mean_value_analysis(workers: int, ratio: float) -> float:
    """Utilisation of one server by exact mean value analysis: no probabilities in it."""
    queue = used = 0.0
    for n in range(1, workers + 1):
        response = 1 + queue
        used = n / (ratio + response)
        queue = used * response
    return used


@pytest.mark.parametrize("capacity", ["1", "2", "7/2", "1/2", "3/10", "8"])
@pytest.mark.parametrize("ratio", ["1/20", "1", "21/2", "70"])
@pytest.mark.parametrize("workers", [1, 2, 3, 9, 40])
def test_utilisation_agrees_with_exact_arithmetic(workers: int, ratio: str, capacity: str) -> None:
    exact = exact_utilisation(workers, Fraction(ratio), Fraction(capacity))
    found = utilisation(workers, float(Fraction(ratio)), float(Fraction(capacity)))
    assert found == pytest.approx(float(exact), rel=1e-12)


@given(st.integers(1, 600), ratios)
def test_one_core_is_erlangs_loss_formula(workers: int, ratio: float) -> None:
    assert utilisation(workers, ratio, 1) == pytest.approx(1 - erlang_b(workers, ratio), rel=1e-9)


@given(st.integers(1, 200), ratios)
def test_one_core_agrees_with_mean_value_analysis(workers: int, ratio: float) -> None:
    found = utilisation(workers, ratio, 1)
    assert found == pytest.approx(mean_value_analysis(workers, ratio), rel=1e-6)


@given(st.integers(1, 300), ratios, capacities)
def test_utilisation_is_a_share_and_grows_with_the_workers(
    workers: int, ratio: float, capacity: float
) -> None:
    fewer, more = (utilisation(n, ratio, capacity) for n in (workers, workers + 1))
    assert 0 < fewer <= 1 + 1e-12
    assert more >= fewer - 1e-12


@given(st.integers(1, 300), ratios, st.floats(1.01, 5), capacities)
def test_more_blocking_keeps_less_cpu_busy(
    workers: int, ratio: float, factor: float, capacity: float
) -> None:
    busier, idler = (utilisation(workers, a, capacity) for a in (ratio, factor * ratio))
    assert idler <= busier + 1e-12


@given(st.integers(1, 300), ratios, capacities, st.floats(1.01, 4))
def test_more_capacity_is_used_for_more_but_by_a_smaller_share(
    workers: int, ratio: float, capacity: float, factor: float
) -> None:
    small = utilisation(workers, ratio, capacity)
    large = utilisation(workers, ratio, factor * capacity)
    assert large <= small + 1e-12
    assert large * factor * capacity >= small * capacity - 1e-9


@pytest.mark.parametrize("capacity", [0.3, 1.0, 2.5, 64.0])
@pytest.mark.parametrize("ratio", [1e-9, 0.05, 1.0, 300.0, 4096.0, 1e4])
def test_thousands_of_workers_neither_overflow_nor_leave_the_range(
    ratio: float, capacity: float
) -> None:
    share = utilisation(4096, ratio, capacity)
    assert 0 < share <= 1 + 1e-12
    # With this many, the CPU or the workers' own number is the limit, to a few per cent.
    bound = min(1.0, 4096 / (ratio + 1) / capacity)
    assert 0.97 * bound <= share <= bound * (1 + 1e-9)


def test_without_blocking_the_workers_themselves_are_the_limit() -> None:
    assert utilisation(1, 0, 4) == pytest.approx(0.25)
    assert utilisation(9, 0, 4) == 1
    assert utilisation(1, 0, 0.5) == 1


def test_nothing_is_used_without_workers_or_by_tasks_without_cpu() -> None:
    assert utilisation(0, 3.0, 1) == 0
    assert utilisation(50, math.inf, 1) == 0


@given(ratios, capacities, st.floats(0.005, 0.3))
def test_enough_workers_is_the_smallest_number_that_suffices(
    ratio: float, capacity: float, spare: float
) -> None:
    most = 5000
    size = enough_workers(ratio, capacity, spare, most)
    if size < most:
        assert utilisation(size, ratio, capacity) >= 1 - spare
    assert size == 1 or utilisation(size - 1, ratio, capacity) < 1 - spare


@given(ratios, st.floats(1, 3), capacities)
def test_more_blocking_never_wants_fewer_workers(
    ratio: float, factor: float, capacity: float
) -> None:
    few = enough_workers(ratio, capacity, 0.02, 4096)
    assert enough_workers(factor * ratio, capacity, 0.02, 4096) >= few


def test_enough_workers_stays_within_the_most() -> None:
    assert enough_workers(1e4, 1, 0.02, 64) == 64
    assert enough_workers(math.inf, 1, 0.02, 64) == 64
    assert enough_workers(5, 16, 0.02, 3) == 3
    assert enough_workers(0, 4, 0.02, 512) == 4
    assert enough_workers(0, 0.4, 0.02, 512) == 1


@pytest.mark.parametrize("ratio", [5.0, 10.0, 50.0, 200.0])
def test_one_core_wants_more_than_the_classic_formula_by_about_two_roots(ratio: float) -> None:
    size = enough_workers(ratio, 1, 0.02, 4096)
    assert size > 1 + ratio
    assert size < 1 + ratio + 3 * math.sqrt(ratio)


@given(st.integers(2, 200), st.floats(0.1, 200), capacities)
def test_the_inverse_finds_the_ratio_again_below_saturation(
    workers: int, ratio: float, capacity: float
) -> None:
    share = utilisation(workers, ratio, capacity)
    most = min(workers, capacity) / capacity
    assume(share < 0.97 * most)
    found = ratio_from_utilisation(workers, share * capacity, capacity)
    assert utilisation(workers, found, capacity) == pytest.approx(share, rel=1e-6)
    assert found == pytest.approx(ratio, rel=1e-2)


def test_the_inverse_of_the_extremes() -> None:
    assert ratio_from_utilisation(8, 0.0, 1) == math.inf
    saturated = ratio_from_utilisation(8, 1.0, 1)
    assert utilisation(8, saturated, 1) == pytest.approx(0.995, abs=1e-6)
    assert ratio_from_utilisation(1, 3.0, 4) < 1e-6  # more than one worker can use
