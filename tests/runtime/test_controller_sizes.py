"""The controller on simulated machines: does it find the size, and keep its head."""

from bisect import bisect
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import fmean

import pytest

from harness.runtime.controller import Controller
from harness.runtime.policy import Decision, Policy
from tests.runtime.simulation import Kind, Machine, drive, steady

pytestmark = pytest.mark.slow

SEEDS = range(4)
MOST = 512

KINDS = {
    "mostly I/O": Kind(1, 50),
    "balanced": Kind(2, 20),
    "steady times": Kind(2, 20, variation=0.1),
    "long tasks": Kind(20, 80),
    "CPU only": Kind(5, 0.01),
    "GIL-releasing": Kind(4, 20, releases_gil=True),
    "GIL-releasing I/O": Kind(1, 30, releases_gil=True),
}


def a_controller(
    machine: Machine, policy: Policy | None = None, least: int = 1, most: int = MOST
) -> Controller:
    return Controller(policy or Policy(), least, most, float(machine.cores), machine.gil)


def later(decisions: list[Decision], after: float) -> list[int]:
    """The sizes decided on after a time."""
    return [decision.target for decision in decisions if decision.at > after]


def flips(seed: int) -> Callable[[float], float]:
    """A machine that is 1.6 times slower every now and then, for a while."""
    random = Random(seed)
    times = [0.0]
    while times[-1] < 120:
        times.append(times[-1] + random.uniform(0.05, 0.6))
    return lambda now: 1.6 if bisect(times, now) % 2 else 1.0


@pytest.mark.parametrize("gil", [True, False], ids=["GIL", "no GIL"])
@pytest.mark.parametrize("name", KINDS)
def test_the_size_of_the_model_is_found_and_kept(name: str, gil: bool) -> None:
    sizes, soon = [], []
    for seed in SEEDS:
        machine = Machine(KINDS[name], seed=seed, gil=gil)
        decisions = drive(a_controller(machine), machine, 8)
        model = machine.model_size()
        tail = later(decisions, 3)
        sizes.append(fmean(tail))
        assert max(abs(size - model) for size in tail) <= 0.35 * model + 1
        near = (k for k, d in enumerate(decisions) if abs(d.target - model) <= 0.25 * model + 1)
        soon.append(next(near))
    # Of few workers, one more or less is nothing: u is flat there.
    assert fmean(sizes) == pytest.approx(model, rel=0.12, abs=1.5)
    assert fmean(soon) <= 12


@pytest.mark.parametrize("name", ["mostly I/O", "balanced", "GIL-releasing", "CPU only"])
def test_hardly_any_throughput_is_lost_against_the_models_size(name: str) -> None:
    best = steady(Machine(KINDS[name], seed=1), Machine(KINDS[name]).model_size(), 40)
    machine = Machine(KINDS[name], seed=2)
    controller = a_controller(machine)
    drive(controller, machine, 3)
    began, before = machine.now, machine.completed
    drive(controller, machine, 20)
    assert (machine.completed - before) / (machine.now - began) > 0.93 * best


@pytest.mark.parametrize("name", ["mostly I/O", "balanced", "GIL-releasing I/O"])
def test_without_proc_a_size_of_use_is_found_from_the_cores_in_use(name: str) -> None:
    sizes = []
    for seed in SEEDS:
        machine = Machine(KINDS[name], seed=seed)
        sizes.append(fmean(later(drive(a_controller(machine), machine, 8, visible=False), 4)))
    assert 0.7 * machine.model_size() < fmean(sizes) < 1.4 * machine.model_size()


@pytest.mark.parametrize("gil", [True, False], ids=["GIL", "no GIL"])
@pytest.mark.parametrize("name", KINDS)
def test_a_machine_that_changes_speed_is_no_reason_to_lose_the_size(name: str, gil: bool) -> None:
    """The size fits some speed between the slow and the fast one."""
    kind = KINDS[name]
    sizes = []
    for seed in SEEDS:
        machine = Machine(kind, seed=seed, gil=gil, slowness=flips(seed))
        tail = later(drive(a_controller(machine), machine, 12), 3)
        fast = machine.model_size()
        assert max(tail) <= 1.6 * fast + 1
        sizes.append(fmean(tail))
    slow = Machine(replace(kind, cpu_ms=1.6 * kind.cpu_ms), gil=gil).model_size()
    assert 0.85 * slow - 1 <= fmean(sizes) <= 1.12 * fast + 1


@pytest.mark.parametrize("gil", [True, False], ids=["GIL", "no GIL"])
@pytest.mark.parametrize(
    ("kind", "served"),
    [
        (Kind(0.5, 20, servers=8), 8),
        (Kind(0.5, 40, servers=32), 32),
        (Kind(1, 10, servers=1, by_lock=True), 1),
    ],
    ids=["remote of 8", "remote of 32", "a lock"],
)
def test_growing_that_does_not_pay_is_undone_and_not_repeated(
    kind: Kind, served: int, gil: bool
) -> None:
    """The blocking ratio sees a queue at a remote as a reason to grow; throughput does not."""
    sizes, rates = [], []
    for seed in SEEDS:
        machine = Machine(kind, seed=seed, gil=gil)
        controller = a_controller(machine)
        drive(controller, machine, 4)
        began, before = machine.now, machine.completed
        decisions = drive(controller, machine, 20)
        sizes.append(fmean(later(decisions, 0)))
        rates.append((machine.completed - before) / (machine.now - began))
    assert fmean(sizes) <= 2 * served + 5
    possible = served / (kind.wait_ms * 1e-3)
    assert fmean(rates) > 0.75 * possible


def test_without_verification_a_saturated_remote_is_never_noticed() -> None:
    kind = Kind(0.5, 20, servers=8)
    machine = Machine(kind)
    decisions = drive(a_controller(machine, Policy(verify=False)), machine, 10)
    assert max(d.target for d in decisions) > 100
    assert "growing did not pay" not in {d.reason for d in decisions}


def test_a_ceiling_is_tried_again_and_ever_more_rarely() -> None:
    machine = Machine(Kind(0.5, 20, servers=8), seed=3)
    decisions = drive(a_controller(machine), machine, 100)
    tried = [d.at for d in decisions if d.reason == "model" and d.target > d.previous]
    after = [at for at in tried if at > 5]
    assert 1 <= len(after) <= 20
    assert len([at for at in after if at > 50]) <= len([at for at in after if at <= 50])


def test_a_remote_that_gets_better_lets_the_pool_grow_at_last() -> None:
    machine = Machine(Kind(0.5, 20, servers=8), seed=3)
    controller = a_controller(machine)
    drive(controller, machine, 8)
    assert controller.target <= 24
    machine.kind = replace(machine.kind, servers=None)
    machine.release()
    drive(controller, machine, 30)
    assert controller.target > 0.7 * machine.model_size()


@pytest.mark.parametrize("gil", [True, False], ids=["GIL", "no GIL"])
@pytest.mark.parametrize(
    ("before", "after", "windows"),
    [
        # With a GIL and few samples, a shrinking Z shows late. It costs threads, not tasks.
        (Kind(2, 20), Kind(2, 2), 25),
        (Kind(2, 6), Kind(1, 50), 5),
        (Kind(1, 40), Kind(4, 8), 5),
    ],
    ids=["less I/O", "more I/O", "much more CPU"],
)
def test_a_new_kind_of_tasks_gets_its_own_size_soon(
    before: Kind, after: Kind, windows: int, gil: bool
) -> None:
    sizes = []
    for seed in SEEDS:
        machine = Machine(before, seed=seed, gil=gil)
        controller = a_controller(machine)
        drive(controller, machine, 5)
        machine.kind = after
        decisions = drive(controller, machine, 6)
        found = [k for k, d in enumerate(decisions) if d.reason == "new phase"]
        # One window sees both kinds; then two that agree.
        assert found, seed
        assert found[0] <= windows
        sizes.append(fmean(later(decisions, machine.now - 3)))
    assert fmean(sizes) == pytest.approx(machine.model_size(), rel=0.2, abs=1.5)


@pytest.mark.parametrize("gil", [True, False], ids=["GIL", "no GIL"])
def test_chance_is_not_taken_for_a_new_phase(gil: bool) -> None:
    """Not once in a minute and a half, over all seeds and kinds with enough to go by."""
    found = 0
    for name in ("mostly I/O", "balanced", "GIL-releasing", "GIL-releasing I/O", "steady times"):
        for seed in SEEDS:
            machine = Machine(KINDS[name], seed=seed, gil=gil)
            decisions = drive(a_controller(machine), machine, 5)
            found += sum(d.reason == "new phase" for d in decisions)
    assert found <= 2


@pytest.mark.parametrize("most", [1, 2, 10])
def test_the_most_is_never_exceeded(most: int) -> None:
    machine = Machine(KINDS["mostly I/O"])
    decisions = drive(a_controller(machine, most=most), machine, 3)
    assert {d.target for d in decisions[5:]} == {most}


def test_the_least_is_kept_by_tasks_that_need_fewer() -> None:
    machine = Machine(KINDS["CPU only"])
    decisions = drive(a_controller(machine, least=7), machine, 3)
    assert {d.target for d in decisions} == {7}


def test_a_settled_size_is_left_alone() -> None:
    """Windows go on; resizes do not."""
    changes = []
    for seed in SEEDS:
        machine = Machine(KINDS["balanced"], seed=seed)
        decisions = drive(a_controller(machine), machine, 20)
        changes.append(sum(d.target != d.previous for d in decisions if d.at > 2))
    assert fmean(changes) <= 4
