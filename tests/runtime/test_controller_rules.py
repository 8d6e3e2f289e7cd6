"""The controller's rules, one at a time, on windows without noise."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.runtime.controller import Controller
from harness.runtime.decomposition import Window
from harness.runtime.policy import Decision, Policy
from harness.runtime.queueing_network import enough_workers
from tests.runtime.bench import Bench
from tests.runtime.simulation import Kind, network_window

BALANCED = Kind(2, 20)
MOSTLY_WAITING = Kind(1, 50)


@pytest.mark.parametrize("ratio", [1, 4, 10, 50, 150])
@pytest.mark.parametrize(("capacity", "gil"), [(1.0, True), (2.0, False), (4.0, False)])
def test_clean_windows_lead_to_the_models_size_in_few_steps(
    ratio: int, capacity: float, gil: bool
) -> None:
    bench = Bench(cores=capacity, gil=gil)
    kind = Kind(2, 2 * ratio)
    model = enough_workers(ratio, capacity, bench.controller.policy.spare, 512)
    for _ in range(20):
        bench.feed(kind, capacity, gil=gil)
    assert bench.controller.settled
    assert bench.controller.target == pytest.approx(model, rel=0.12, abs=1)


@pytest.mark.parametrize("ratio", [4, 50, 150])
def test_a_second_core_is_found_by_a_pool_with_a_gil(ratio: int) -> None:
    """Tasks that release the GIL: c begins at 1 and has to grow without any luck."""
    bench = Bench(cores=2.0)
    for _ in range(100):
        decision = bench.feed(Kind(2, 2 * ratio), 2.0, gil=False)
    assert decision.cores_used > 0.9 * 2


def test_one_strange_window_is_no_new_phase_and_two_are() -> None:
    bench = Bench()
    bench.settle(BALANCED)
    assert bench.feed(MOSTLY_WAITING).reason != "new phase"
    for _ in range(40):
        assert bench.feed(BALANCED).reason != "new phase"
    bench.feed(MOSTLY_WAITING)
    decision = bench.feed(MOSTLY_WAITING)
    assert decision.reason == "new phase"
    assert decision.target > decision.previous


@pytest.mark.parametrize("after", [MOSTLY_WAITING, Kind(2, 2), Kind(8, 8)])
def test_a_change_of_the_tasks_is_noticed_within_three_windows(after: Kind) -> None:
    bench = Bench()
    bench.settle(BALANCED)
    reasons = [bench.feed(after).reason for _ in range(3)]
    assert "new phase" in reasons


def test_moderate_noise_is_no_new_phase() -> None:
    bench = Bench()
    bench.settle(BALANCED)
    random = Random(7)
    for _ in range(300):
        kind = Kind(2, 20 * random.uniform(0.8, 1.25))
        assert bench.feed(kind, faster=random.uniform(0.7, 1.4)).reason != "new phase"


def test_a_slow_machine_alone_is_no_reason_to_shrink() -> None:
    """Throughput falls with the machine's speed, not with the size."""
    bench = Bench()
    size = bench.settle(BALANCED)
    for faster in (0.6, 1.6, 0.6, 1.0):
        for _ in range(10):
            bench.feed(BALANCED, faster=faster)
    assert bench.controller.target == pytest.approx(size, rel=0.13)


@pytest.mark.parametrize("flag", [True, False])
def test_a_gil_that_comes_or_goes_starts_everything_afresh(flag: bool) -> None:
    bench = Bench(gil=flag, cores=4.0)
    bench.settle(BALANCED, 1.0 if flag else 4.0, gil=flag)
    bench.controller.set_gil(flag)
    assert bench.controller.settled
    bench.controller.set_gil(not flag)
    assert not bench.controller.settled
    assert bench.controller.capacity == (4.0 if flag else 1.0)
    for _ in range(3):
        bench.feed(BALANCED, 4.0 if flag else 1.0, gil=not flag)
    size = bench.settle(BALANCED, 4.0 if flag else 1.0, gil=not flag)
    model = enough_workers(10, 4.0 if flag else 1.0, Policy().spare, 512)
    assert size == pytest.approx(model, rel=0.13, abs=1)


def test_without_a_backlog_nothing_is_learnt_and_the_size_stays() -> None:
    bench = Bench()
    size = bench.settle(BALANCED)
    idle = Window(wall_seconds=0.1, occupied_seconds=0.001, completions=1)
    for _ in range(50):
        decision = bench.observe(idle, backlog=0)
        assert (decision.target, decision.reason) == (size, "no backlog")
    assert bench.settle(BALANCED) == size


def test_the_ratio_measured_does_not_depend_on_the_size_measured_at() -> None:
    for size in (4, 40, 400):
        bench = Bench(least=size, most=size)
        bench.settle(BALANCED)
        assert bench.controller.ratio == pytest.approx(10, rel=0.02)


def test_measuring_anew_keeps_the_size() -> None:
    bench = Bench()
    size = bench.settle(BALANCED)
    bench.controller.remeasure(2.0)
    assert not bench.controller.settled
    assert bench.controller.target == size
    assert bench.settle(BALANCED) == pytest.approx(size, rel=0.13)


def test_a_cap_holds_from_then_on() -> None:
    bench = Bench()
    assert bench.settle(MOSTLY_WAITING) > 30
    bench.controller.cap(30)
    assert bench.controller.target == 30
    for _ in range(20):
        assert bench.feed(MOSTLY_WAITING).target <= 30


# -- liveness ---------------------------------------------------------------------------------


def silent(bench: Bench, **samples: float) -> Decision:
    size = bench.controller.target
    return bench.observe(Window(wall_seconds=0.5, occupied_seconds=0.5 * size, **samples))


def test_when_nothing_completes_one_more_worker_helps() -> None:
    bench = Bench()
    size = bench.settle(BALANCED)
    for more in range(1, 6):
        assert silent(bench, blocked=1000).target == size + more


def test_when_all_wait_on_locks_the_size_doubles_and_looks_are_frequent() -> None:
    bench = Bench()
    before = bench.controller.silence
    for _ in range(3):
        decision = silent(bench, blocked=1000, lock_waits=1000)
        assert decision.target == 2 * decision.previous
        assert bench.controller.silence < before
    assert bench.feed(BALANCED).reason != "all wait on locks"
    assert bench.controller.silence >= before


@pytest.mark.parametrize(
    "samples",
    [
        {"blocked": 1000, "lock_waits": 900},
        {"blocked": 1000, "lock_waits": 900, "gil_waits": 100},
        {"blocked": 1000, "lock_waits": 1000, "running": 5},
        {},
    ],
    ids=["one waits elsewhere", "one waits for the GIL", "one runs", "nothing seen"],
)
def test_only_a_pool_that_is_surely_stuck_doubles(samples: dict[str, float]) -> None:
    decision = silent(Bench(), **samples)
    assert decision.target == decision.previous + 1


def test_liveness_ends_at_the_most() -> None:
    bench = Bench(most=6)
    for _ in range(5):
        silent(bench, blocked=1000, lock_waits=1000)
    assert bench.controller.target == 6


def test_long_tasks_are_given_time_before_they_count_as_stuck() -> None:
    bench = Bench(least=4, most=4)
    bench.settle(Kind(500, 5000))
    assert bench.controller.silence > 5.5


# -- policies ---------------------------------------------------------------------------------


def test_the_naive_metric_grows_by_one_while_anything_waits() -> None:
    bench = Bench(Policy(metric="naive"), most=40)
    sizes = [bench.feed(Kind(5, 0.01)).target for _ in range(60)]
    assert sizes[:5] == [5, 6, 7, 8, 9]
    assert sizes[-1] == 40  # contention looks like blocking: it is never vetoed


def test_the_naive_metric_vetoes_below_its_threshold() -> None:
    busy = Window(wall_seconds=0.1, occupied_seconds=0.4, cpu_seconds=0.32, completions=10)
    bench = Bench(Policy(metric="naive"), cores=4.0, gil=False)
    assert [bench.observe(busy).reason for _ in range(3)] == ["veto"] * 3
    assert Bench(Policy(metric="naive", threshold=0.1)).observe(busy).reason == "grow"


def test_without_gil_sampling_waits_for_the_gil_pass_for_blocking() -> None:
    full, blind = Bench(most=64), Bench(Policy(gil_sampling=False, verify=False), most=64)
    decisions = [blind.feed(Kind(5, 0.5)) for _ in range(30)]
    assert {d.gil_wait_share for d in decisions} == {0}
    assert full.settle(Kind(5, 0.5)) <= 4
    assert blind.controller.target > 20


def test_without_the_run_queue_waits_for_a_core_pass_for_blocking() -> None:
    full = Bench(most=64, gil=False)
    blind = Bench(Policy(run_queue=False, verify=False), most=64, gil=False)
    decisions = [blind.feed(Kind(5, 0.5), 2.0, gil=False) for _ in range(30)]
    assert {d.run_queue_share for d in decisions} == {0}
    assert full.settle(Kind(5, 0.5), 2.0, gil=False) <= 5
    assert blind.controller.target > 20


def test_without_headroom_the_size_is_the_classic_one() -> None:
    classic = Bench(Policy(headroom=False)).settle(BALANCED)
    assert classic == pytest.approx(11, rel=0.13)
    assert Bench().settle(BALANCED) > 1.2 * classic


def test_sparing_more_of_the_cpu_takes_fewer_workers() -> None:
    sizes = [Bench(Policy(spare=spare)).settle(MOSTLY_WAITING) for spare in (0.3, 0.1, 0.02)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.8 * sizes[2]


def test_what_a_decision_says_is_what_the_window_held() -> None:
    window = network_window(4, Kind(5, 5), 1.0, 0.1)
    decision = Bench().observe(window, backlog=17)
    assert decision.backlog == 17
    assert decision.at == pytest.approx(0.1)
    assert decision.previous == 4
    assert decision.beta_star == pytest.approx(0.5, abs=0.01)
    assert decision.beta_naive > decision.beta_star
    assert decision.gil_wait_share > 0
    assert decision.cores_used == pytest.approx(window.cpu_seconds / 0.1)
    assert decision.throughput_tps == pytest.approx(window.completions / 0.1)


# -- whatever is measured ---------------------------------------------------------------------

windows = st.builds(
    Window,
    wall_seconds=st.floats(1e-4, 100),
    occupied_seconds=st.just(0.0) | st.floats(1e-6, 1e4),
    cpu_seconds=st.just(0.0) | st.floats(1e-9, 1e3),
    run_queue_seconds=st.just(0.0) | st.floats(1e-9, 1e3),
    blocked=st.integers(0, 100),
    gil_waits=st.just(0),
    lock_waits=st.integers(0, 100),
    running=st.integers(0, 5),
    completions=st.integers(0, 10_000),
)
policies = st.builds(
    Policy,
    gil_sampling=st.booleans(),
    run_queue=st.booleans(),
    headroom=st.booleans(),
    verify=st.booleans(),
    metric=st.sampled_from(["decomposed", "naive"]),
    spare=st.floats(0.005, 0.3),
)


@given(
    policies,
    st.integers(1, 8),
    st.integers(0, 300),
    st.sampled_from([0.3, 1.0, 2.0, 64.0]),
    st.booleans(),
    st.lists(st.tuples(windows, st.floats(0, 1), st.integers(0, 3)), max_size=25),
    st.sampled_from([None, lambda c: c.remeasure(1.0), lambda c: c.set_gil(False)]),
)
def test_no_windows_whatever_break_the_controller_or_its_bounds(
    policy: Policy,
    least: int,
    extra: int,
    cores: float,
    gil: bool,
    fed: list[tuple[Window, float, int]],
    disturb: Callable[[Controller], None] | None,
) -> None:
    bench = Bench(policy, least=least, most=least + extra, cores=cores, gil=gil)
    for count, (seen, share, backlog) in enumerate(fed):
        window = seen._replace(gil_waits=round(share * seen.blocked))
        decision = bench.observe(window, backlog=backlog, sampled=count % 5 != 4)
        assert least <= decision.target <= least + extra
        assert decision.target == bench.controller.target
        assert bench.controller.goal.completions >= 1
        assert bench.controller.goal.seconds >= 0
        assert bench.controller.silence > 0
        if disturb is not None and count == 7:
            disturb(bench.controller)


def test_every_part_of_the_runtime_is_on_unless_it_is_left_out() -> None:
    policy = Policy()
    parts = (policy.gil_sampling, policy.run_queue, policy.headroom, policy.verify)
    assert parts == (True, True, True, True)
    assert (policy.metric, policy.threshold) == ("decomposed", 0.3)
