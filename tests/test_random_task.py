"""Tasks drawn by seed: as data, and as a workload that runs."""

import statistics
from collections import Counter

import pytest

from harness.random_task import (
    CPU_S,
    FAMILIES,
    LONGEST_WAIT_S,
    VARIANTS,
    Kind,
    draw,
)
from harness.workload import declared_errors, load_workload, reference_results, run_without_waiting
from tests import ROOT

SEEDS = range(400)


def test_a_seed_is_always_the_same_task() -> None:
    assert [draw(seed) for seed in SEEDS] == [draw(seed) for seed in SEEDS]
    assert len({repr(draw(seed)._replace(seed=0)) for seed in SEEDS}) == len(SEEDS)


def test_every_family_work_and_distribution_is_drawn() -> None:
    tasks = [draw(seed) for seed in SEEDS]
    assert set(Counter(task.family for task in tasks)) == set(FAMILIES)
    kinds = [kind for task in tasks for kind in task.kinds]
    assert {kind.work for kind in kinds} == {"bytecode", "held", "released"}
    drawn = {kind.distribution for kind in kinds}
    assert drawn == {"fixed", "exponential", "pareto", "bimodal"}


def test_what_is_drawn_stays_within_its_range() -> None:
    for seed in SEEDS:
        for kind in draw(seed).kinds:
            assert CPU_S[0] <= kind.cpu_s <= CPU_S[1]
            assert 0 < kind.wait_s <= LONGEST_WAIT_S


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_can_be_asked_for(family: str) -> None:
    for seed in range(20):
        task = draw(seed, family)  # type: ignore[arg-type]
        assert task.family == family
        assert (task.limit is not None) == (family in ("refused", "impatient"))
        assert (task.servers > 0) == (family == "remote")
        assert (len(task.kinds) == 2) == (family in ("mixture", "phases"))
        assert any(kind.locked for kind in task.kinds) == (family == "lock")
        assert any(kind.stretches > 1 for kind in task.kinds) == (family == "stretches")


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="family: 'odd' is not one of plain, stretches, lock"):
        draw(1, "odd")  # type: ignore[arg-type]


@pytest.mark.parametrize("distribution", ["fixed", "exponential", "pareto", "bimodal"])
def test_waits_have_their_mean_and_their_shape(distribution: str) -> None:
    waits = Kind("bytecode", 1e-3, 10e-3, distribution, 1, 0.0).waits(60)  # type: ignore[arg-type]
    assert len(waits) == 60
    assert statistics.mean(waits) == pytest.approx(10e-3)
    spread = max(waits) / min(waits)
    known = {"fixed": 1.0, "bimodal": 150.0}
    assert spread == pytest.approx(known.get(distribution, spread))
    assert (spread > 20) == (distribution != "fixed")
    if distribution == "bimodal":  # one long in ten
        assert sum(wait > 10e-3 for wait in waits) == 6


def test_a_mixture_has_its_share_of_the_second_kind() -> None:
    task = draw(7, "mixture")
    numbers = [number for number, _ in task.variants()]
    assert len(numbers) == VARIANTS
    assert sum(numbers) == round(task.share * VARIANTS)
    waits = [wait for _, wait in task.variants()]
    assert statistics.mean(waits) == pytest.approx(task.wait_s, rel=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_runs(family: str) -> None:
    """The cheapest of a few seeds: what is tested is that it computes what it says."""
    seed = min(range(12), key=lambda seed: draw(seed, family).cpu_s)  # type: ignore[arg-type]
    workload = load_workload(ROOT / "workloads" / "drawn.py", {"seed": seed, "family": family})
    assert reference_results(workload) == tuple(range(VARIANTS))
    assert [run_without_waiting(workload.task(i)) for i in (0, 1, 60)] == [0, 1, 60]
    assert declared_errors(workload) == (ConnectionRefusedError, TimeoutError)
    expected = [wait for _, wait in draw(seed, family).variants()]  # type: ignore[arg-type]
    if family != "phases":
        waits = [sum(workload.task(variant)) for variant in range(VARIANTS)]
        assert waits == pytest.approx(expected)


@pytest.mark.parametrize(
    ("family", "error"), [("refused", ConnectionRefusedError), ("impatient", TimeoutError)]
)
def test_too_many_at_once_fail(family: str, error: type[Exception]) -> None:
    seed = min(range(12), key=lambda seed: draw(seed, family).cpu_s)  # type: ignore[arg-type]
    limit = draw(seed, family).limit  # type: ignore[arg-type]
    assert limit is not None
    workload = load_workload(ROOT / "workloads" / "drawn.py", {"seed": seed, "family": family})
    waiting = [workload.task(index) for index in range(limit.places)]
    for task in waiting:
        next(task)
    with pytest.raises(error):
        next(workload.task(0))
    for task in waiting:
        task.close()
    assert run_without_waiting(workload.task(3)) == 3
