"""The simulator that judges the controller is itself judged by theory."""

import pytest

from harness.runtime.controller import Controller
from harness.runtime.decomposition import Decomposition
from harness.runtime.policy import Policy
from harness.runtime.queueing_network import utilisation
from tests.runtime.simulation import Kind, Machine, network_window, one_window, steady


@pytest.mark.parametrize("gil", [True, False])
@pytest.mark.parametrize("size", [2, 8, 20])
@pytest.mark.parametrize("kind", [Kind(2, 20), Kind(4, 4)], ids=["waiting", "balanced"])
def test_throughput_is_what_the_network_says(kind: Kind, size: int, gil: bool) -> None:
    machine = Machine(kind, gil=gil)
    cores = machine.capacity * utilisation(size, kind.ratio, machine.capacity)
    assert steady(machine, size, 120) == pytest.approx(cores / (kind.cpu_ms * 1e-3), rel=0.04)


def test_a_remote_gives_what_it_can_serve() -> None:
    assert steady(Machine(Kind(0.5, 20, servers=8)), 64, 60) == pytest.approx(400, rel=0.04)


def test_a_lock_lets_one_through_at_a_time() -> None:
    assert steady(Machine(Kind(1, 10, servers=1, by_lock=True)), 9, 60) == pytest.approx(
        100, rel=0.05
    )


@pytest.mark.parametrize("gil", [True, False])
def test_a_long_window_decomposes_into_what_the_tasks_are(gil: bool) -> None:
    kind = Kind(2, 20)
    machine = Machine(kind, gil=gil, seed=5)
    controller = Controller(Policy(), 24, 24, 2.0, gil)
    controller.goal = type(controller.goal)(60.0, 1)
    machine.resize(24)
    found = Decomposition.of(one_window(machine, controller))
    expected = Decomposition.of(network_window(24, kind, machine.capacity, gil=gil))
    assert found.beta_star == pytest.approx(kind.ratio / (1 + kind.ratio), abs=0.01)
    assert found.contention == pytest.approx(expected.contention, abs=0.05)
    assert found.cores_used == pytest.approx(expected.cores_used, rel=0.03)
