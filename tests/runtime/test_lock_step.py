"""Tasks that wake together, sampled by the runtime's own rules: the truth is in the simulation."""

import pytest

from harness.runtime.controller import Controller
from harness.runtime.decomposition import Decomposition, Window
from harness.runtime.policy import Policy
from tests.runtime.simulation import Kind, Machine, drive, one_window

KINDS = {
    f"{wait:g} ms, {1000 * cpu:g} us": Kind(cpu, wait, variation=0.1, grain_ms=wait)
    for wait in (1.0, 10.0, 50.0)
    for cpu in (0.02, 0.2, 2.0)
}


@pytest.mark.parametrize("size", [2, 6, 16, 64])
@pytest.mark.parametrize("name", KINDS)
def test_the_gil_share_of_tasks_started_together_is_right(name: str, size: int) -> None:
    machine = Machine(KINDS[name])
    controller = Controller(Policy(), size, size, 2.0, True)
    machine.resize(size)
    total = Window()
    while machine.now < 3.0:
        total = total.plus(one_window(machine, controller))
    true = machine.ready_seconds / machine.occupied_seconds
    # Who came while the sampler computed is taken to have waited all that time: where one
    # task follows the other without a gap, more than half a thread too many.
    packed = machine.cpu_seconds > 0.9 * machine.now
    near = max(0.05, 0.7 / size) if packed else 0.05
    assert Decomposition.of(total).gil_share == pytest.approx(true, abs=near)


@pytest.mark.parametrize("size", [4, 16, 64])
def test_no_capacity_is_learnt_from_tasks_that_sleep(size: int) -> None:
    """At 20 us of CPU in 10 ms nobody contends for anything, though all wake together."""
    machine = Machine(Kind(0.02, 10.0, variation=0.1, grain_ms=10.0))
    controller = Controller(Policy(), size, size, 2.0, True)
    capacities = [decision.capacity for decision in drive(controller, machine, 4)]
    assert min(capacities) >= 0.9
