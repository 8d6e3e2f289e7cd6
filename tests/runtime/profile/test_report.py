"""From counts to rows and advice: no threads, no clocks."""

import dataclasses

import pytest

from harness.runtime.policy import Policy
from harness.runtime.profile.advice import Situation, advise
from harness.runtime.profile.render import as_json, as_text
from harness.runtime.profile.report import Count, Facts, PoolFacts, build_report
from harness.runtime.queueing_network import enough_workers, utilisation

pytestmark = pytest.mark.measures

COUNT = Count(
    "m.f",
    calls=100,
    wall_seconds=10.0,
    queued_seconds=50.0,
    cpu_seconds=1.0,
    run_queue_seconds=1.0,
    run_queue_wall_seconds=10.0,
    samples=45,
    blocked=40.0,
    gil_waits=10.0,
)
POOL = PoolFacts(1, "ThreadPoolExecutor", "io", False, 10, 10, 1.0, (COUNT,))
FACTS = Facts("3.12.1", True, True, True, 2.0, 2.0, 1.0, (POOL,))


def facts_with(*counts: Count, **changes: object) -> Facts:
    pool = dataclasses.replace(POOL, functions=counts)
    return dataclasses.replace(FACTS, **{"pools": (pool,), **changes})  # type: ignore[arg-type]


def test_time_off_the_cpu_is_shared_out_by_the_samples() -> None:
    row = build_report(FACTS).pools[0].functions[0]
    # O = 10 - 1 - 1, of which a quarter was spent waiting for the GIL
    assert row.gil_seconds == pytest.approx(2.0)
    assert row.blocked_seconds == pytest.approx(6.0)
    assert row.beta_naive == pytest.approx(0.9)
    assert row.beta_star == pytest.approx(6 / 7)
    assert row.gil_wait_share == pytest.approx(0.2)
    assert row.run_queue_share == pytest.approx(0.1)
    assert row.samples == 45


def test_a_pool_is_the_sum_of_its_functions_not_the_mean_of_their_ratios() -> None:
    computing = dataclasses.replace(
        COUNT, name="m.g", wall_seconds=4.0, cpu_seconds=3.0, run_queue_seconds=0.0,
        run_queue_wall_seconds=4.0, gil_waits=40,
    )  # fmt: skip
    total = build_report(facts_with(COUNT, computing)).pools[0].total
    assert total.calls == 200
    assert total.wall_seconds == pytest.approx(14.0)
    assert total.blocked_seconds == pytest.approx(6.0)
    assert total.gil_seconds == pytest.approx(3.0)
    assert total.beta_star == pytest.approx(6 / 10)
    assert total.beta_naive == pytest.approx(1 - 4 / 14)


def test_a_function_with_few_samples_is_given_the_pools_share() -> None:
    rare = dataclasses.replace(COUNT, name="m.g", samples=3, blocked=2.0, gil_waits=2.0)
    row = build_report(facts_with(COUNT, rare)).pools[0].functions[1]
    assert row.gil_seconds == pytest.approx(12 / 42 * 8)


def test_nobody_is_said_to_wait_for_a_gil_that_nobody_can_hold() -> None:
    """Ten threads that only sleep; each look found the others waking up together."""
    count = dataclasses.replace(
        COUNT, cpu_seconds=0.05, run_queue_seconds=0.0, blocked=9.0, gil_waits=4.5,
        seen=10.0, free=9.5, unwaited=10.0,
    )  # fmt: skip
    row = build_report(facts_with(count)).pools[0]
    assert row.total.gil_wait_share == pytest.approx(0.05 * 0.45, rel=0.1)
    assert row.capacity == 1.0
    unlucky = dataclasses.replace(count, gil_waits=9.0, unwaited=0.0)
    share = build_report(facts_with(unlucky)).pools[0].total.gil_wait_share
    assert share is not None and share < 2.1 * 0.05


def test_run_queue_time_known_for_some_threads_stands_for_all() -> None:
    partly = dataclasses.replace(COUNT, run_queue_seconds=0.5, run_queue_wall_seconds=5.0)
    assert build_report(facts_with(partly)).pools[0].total.run_queue_seconds == pytest.approx(1.0)


def test_too_few_samples_leave_beta_star_open() -> None:
    few = dataclasses.replace(COUNT, samples=3, blocked=3.0, gil_waits=0.0)
    pool = build_report(facts_with(few)).pools[0]
    assert pool.total.beta_star is None and pool.total.gil_seconds is None
    assert "too few samples" in pool.advice


def test_without_a_gil_no_samples_are_needed() -> None:
    count = dataclasses.replace(COUNT, samples=0, blocked=0.0, gil_waits=0.0)
    pool = build_report(facts_with(count, gil=False)).pools[0]
    assert pool.total.gil_seconds == 0
    assert pool.total.beta_star == pytest.approx(8 / 9)
    assert pool.capacity == 2.0
    assert pool.enough_threads == enough_workers(8.0, 2.0, Policy().spare, 100)


def test_capacity_is_one_core_with_a_gil_until_more_are_seen_in_use() -> None:
    assert build_report(FACTS).pools[0].capacity == 1.0
    releasing = dataclasses.replace(COUNT, cpu_seconds=1.8)
    assert build_report(facts_with(releasing)).pools[0].capacity == pytest.approx(1.8)


def test_capacity_is_what_is_in_use_where_threads_contend() -> None:
    contended = dataclasses.replace(COUNT, cpu_seconds=0.7, gil_waits=20)
    assert build_report(facts_with(contended)).pools[0].capacity == pytest.approx(0.7)
    other = dataclasses.replace(
        POOL, number=2, functions=(dataclasses.replace(COUNT, cpu_seconds=0.25),)
    )
    shared = facts_with(contended)
    both = dataclasses.replace(shared, pools=(*shared.pools, other))
    assert build_report(both).pools[0].capacity == pytest.approx(0.95)


def test_no_more_threads_are_asked_for_than_there_were_calls() -> None:
    sleeping = dataclasses.replace(COUNT, calls=30, cpu_seconds=0.001, gil_waits=0)
    assert build_report(facts_with(sleeping)).pools[0].enough_threads == 30


def test_without_proc_the_size_comes_from_cpu_time_alone() -> None:
    count = dataclasses.replace(
        COUNT, cpu_seconds=0.5, run_queue_seconds=0, run_queue_wall_seconds=0, samples=0,
        blocked=0.0, gil_waits=0.0,
    )  # fmt: skip
    report = build_report(facts_with(count, run_queue_known=False, gil_wait_known=False))
    pool = report.pools[0]
    assert len(report.notes) == 1
    assert pool.total.beta_star is pool.total.run_queue_seconds is None
    assert pool.ratio is not None
    assert utilisation(10, pool.ratio, 1.0) == pytest.approx(0.5)
    busy = dataclasses.replace(count, cpu_seconds=0.99)
    saturated = build_report(facts_with(busy, run_queue_known=False)).pools[0]
    assert saturated.enough_threads is None
    assert "try half as many" in saturated.advice


def test_nothing_recorded_is_an_empty_report() -> None:
    report = build_report(facts_with(Count("m.f")))
    assert report.pools[0].functions == ()
    assert report.pools[0].advice == "too few calls to tell"
    assert "no call was submitted" in as_text(build_report(dataclasses.replace(FACTS, pools=())))


def test_text_and_json_show_the_same_rows() -> None:
    report = build_report(FACTS)
    text, data = as_text(report), as_json(report)
    assert "m.f" in text and report.pools[0].advice in text
    assert data["pools"][0]["functions"][0]["beta_star"] == report.pools[0].functions[0].beta_star


SITUATION = Situation(
    calls=1000,
    occupied_seconds=100.0,
    threads=8,
    adaptive=False,
    gil=True,
    probes_known=True,
    gil_wait_share=0.01,
    run_queue_share=0.01,
    beta_star=0.94,
    enough_threads=21,
    mean_queue=50.0,
)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, "8 threads; 21 would keep the CPU busy: tasks block 94 % of their own time"),
        ({"calls": 5, "occupied_seconds": 1.0}, "too few calls to tell"),
        ({"occupied_seconds": 0.05}, "too few calls to tell"),
        ({"mean_queue": 0.1}, "8 threads are enough for this load: calls hardly wait for one"),
        ({"threads": 1, "mean_queue": 0.0}, "1 thread is enough for this load"),
        ({"threads": 21}, "21 threads fit: tasks block 94 % of their own time"),
        ({"threads": 32}, "21 threads do as well as 32: tasks block 94 % of their own time"),
        (
            {"threads": 32, "enough_threads": 2, "gil_wait_share": 0.76, "beta_star": 0.02},
            "GIL-bound: 2 threads do as well as 32 (76 % of their time goes into waiting for "
            "the GIL); only processes or a free-threaded build use more cores",
        ),
        (
            {"threads": 32, "enough_threads": 2, "run_queue_share": 0.6, "gil": False},
            "CPU-bound: 2 threads do as well as 32 (60 % of their time goes into waiting for a",
        ),
        ({"enough_threads": 900}, "hundreds more would pay, or asyncio"),
        ({"adaptive": True}, "sizes itself, 8 threads in all took part; the model asks for 21"),
        ({"probes_known": False}, "8 threads; about 21 would keep the CPU busy"),
    ],
)
def test_advice_says_what_to_do_and_why(changes: dict[str, object], advice: str) -> None:
    assert advice in advise(dataclasses.replace(SITUATION, **changes))  # type: ignore[arg-type]
