"""Keeping workers together on one core: the state machine, and whom it moves."""

import os
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.runtime.decomposition import Decomposition, Window
from harness.runtime.placement import Placement
from harness.runtime.probes import ThreadIdentity
from harness.runtime.senses import Senses
from harness.runtime.worker import Worker

WINDOW_S = 0.1


def a_window(cores: float = 0.98, contention: float = 0.8, throughput: float = 100) -> Window:
    """Sixteen workers; what contends waits for the GIL."""
    occupied = 16 * WINDOW_S
    cpu = cores * WINDOW_S
    share = contention * occupied / (occupied - cpu)
    return Window(
        wall_seconds=WINDOW_S,
        occupied_seconds=occupied,
        cpu_seconds=cpu,
        blocked=1000,
        gil_waits=round(1000 * share),
        completions=throughput * WINDOW_S,
    )


BOUND = a_window()
IDLE = a_window(cores=0.3, contention=0.02)
WIDE = a_window(cores=1.8)
#: on one core, workers wait for the core and hardly for the GIL
TOGETHER = a_window(cores=0.99, contention=0.05, throughput=150)


class Bench:
    """A placement on an invented machine, and a clock that windows advance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cpus: int = 2) -> None:
        self.moves: list[tuple[int, frozenset[int]]] = []
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cpus)), raising=False)
        monkeypatch.setattr(
            os,
            "sched_setaffinity",
            lambda pid, where: self.moves.append((pid, frozenset(where))),
            raising=False,
        )
        self.placement = Placement(Senses(None), True)
        self.now = 100.0

    def feed(self, window: Window, *, gil: bool = True, target: int = 16) -> bool:
        self.now += WINDOW_S
        parts = Decomposition.of(window)
        return self.placement.review(window, parts, self.now, target, gil=gil)

    def brought_together(self) -> None:
        """A GIL-bound pool that gains by half when it is together."""
        self.until("trying together", BOUND)
        self.until("together", TOGETHER)

    def until(self, state: str, window: Window, most: int = 2000) -> int:
        """Feed equal windows until the state is reached; the number of windows it took."""
        for count in range(1, most + 1):
            self.feed(window)
            if self.placement.state == state:
                return count
        raise AssertionError(f"never {state} in {most} windows")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_gil_bound_pool_is_tried_together_and_kept_where_that_pays(bench: Bench) -> None:
    assert bench.until("trying together", BOUND) <= 4
    assert bench.placement.together
    assert bench.placement.trying
    assert bench.until("together", TOGETHER) <= 4
    assert not bench.placement.trying


@pytest.mark.parametrize("throughput", [60, 100, 102])
def test_where_it_does_not_pay_the_trial_ends_after_a_few_windows(
    bench: Bench, throughput: float
) -> None:
    bench.until("trying together", BOUND)
    assert bench.until("spread", a_window(throughput=throughput)) <= 4
    barred = bench.until("trying together", BOUND)
    assert barred * WINDOW_S > 1


@pytest.mark.parametrize("window", [IDLE, WIDE, a_window(contention=0.02), a_window(cores=0.4)])
def test_a_pool_that_is_not_bound_by_the_gil_stays_spread(bench: Bench, window: Window) -> None:
    assert not any(bench.feed(window) for _ in range(100))
    assert bench.placement.state == "spread"


def test_workers_that_wait_for_a_core_rather_than_the_gil_stay_spread(bench: Bench) -> None:
    queued = BOUND._replace(run_queue_seconds=0.9, gil_waits=500)
    assert not any(bench.feed(queued) for _ in range(100))


def test_one_window_is_no_evidence(bench: Bench) -> None:
    for _ in range(20):
        assert not bench.feed(BOUND)
        assert not bench.feed(IDLE)
    assert bench.placement.state == "spread"


def test_sizes_are_not_compared(bench: Bench) -> None:
    bench.until("trying together", BOUND)
    for target in (17, 18, 19, 20):
        assert not bench.feed(a_window(throughput=1000), target=target)
    assert bench.placement.trying


def test_without_a_gil_nothing_is_brought_together(bench: Bench) -> None:
    assert not any(bench.feed(BOUND, gil=False) for _ in range(100))
    assert bench.placement.state == "spread"


def test_one_core_or_a_disabled_placement_never_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    single = Bench(monkeypatch, cpus=1)
    assert not any(single.feed(BOUND) for _ in range(50))
    disabled = Bench(monkeypatch)
    disabled.placement = Placement(Senses(None), False)
    assert not any(disabled.feed(BOUND) for _ in range(50))
    disabled.placement.apply([a_worker(5)])
    assert disabled.moves == []


def test_being_spread_is_tried_again_after_a_while(bench: Bench) -> None:
    bench.brought_together()
    assert bench.until("trying spread", TOGETHER) > 3
    assert bench.placement.trying
    assert not bench.placement.together


def test_what_is_better_together_goes_back_together(bench: Bench) -> None:
    bench.brought_together()
    bench.until("trying spread", TOGETHER)
    assert bench.until("together", a_window(throughput=110)) < 10


def test_what_is_better_spread_stays_spread_for_a_while(bench: Bench) -> None:
    bench.brought_together()
    bench.until("trying spread", TOGETHER)
    assert bench.until("spread", a_window(throughput=180)) < 10
    assert bench.until("trying together", BOUND) * WINDOW_S > 1


def test_the_windows_in_which_workers_move_are_not_compared(bench: Bench) -> None:
    bench.brought_together()
    bench.until("trying spread", TOGETHER)
    # A burst while moving, which is nobody's merit, then slower than before.
    bench.feed(a_window(throughput=10_000))
    bench.until("together", a_window(throughput=60), most=10)


def test_trials_become_rarer(bench: Bench) -> None:
    bench.brought_together()
    waits = []
    for _ in range(6):
        waits.append(bench.until("trying spread", TOGETHER))
        bench.until("together", a_window(throughput=50))
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]


def test_a_new_phase_is_looked_at_afresh_and_at_once(bench: Bench) -> None:
    bench.brought_together()
    bench.until("trying spread", TOGETHER)
    bench.until("together", a_window(throughput=50))
    bench.placement.new_phase()
    assert bench.until("trying spread", TOGETHER) <= 3
    # Tasks that release the GIL now: spread, they use both cores and do more.
    assert bench.until("spread", a_window(cores=1.9, contention=0.1, throughput=280)) <= 4


def test_a_gil_that_goes_away_spreads_the_workers(bench: Bench) -> None:
    bench.brought_together()
    assert bench.feed(BOUND, gil=False)
    assert bench.placement.state == "spread"


def test_every_true_answer_is_a_move_and_every_move_is_answered(bench: Bench) -> None:
    together = False
    for step in range(3000):
        fast = step // 700 % 2 == 0
        window = a_window(throughput=100 if bench.placement.together == fast else 70)
        moved = bench.feed(window)
        assert moved == (bench.placement.together != together)
        together = bench.placement.together


# -- whom it moves ----------------------------------------------------------------------------


def a_worker(native_id: int | None) -> Worker:
    worker = Worker(cast(Any, SimpleNamespace()))
    if native_id is not None:
        worker.identity = ThreadIdentity(native_id, None)
    return worker


def test_workers_are_moved_to_one_core_and_back(bench: Bench) -> None:
    workers = [a_worker(n) for n in (11, 12, 13)]
    bench.until("trying together", BOUND)
    bench.placement.apply(workers)
    assert [pid for pid, _ in bench.moves] == [11, 12, 13]
    cores = {where for _, where in bench.moves}
    assert len(cores) == 1
    assert len(cores.pop()) == 1
    bench.moves.clear()
    bench.feed(BOUND, gil=False)
    bench.placement.apply(workers)
    assert bench.moves == [(n, frozenset({0, 1})) for n in (11, 12, 13)]


def test_nobody_is_touched_before_the_first_time_together(bench: Bench) -> None:
    bench.placement.apply([a_worker(11)])
    bench.placement.adopt(a_worker(12))
    assert bench.moves == []


def test_a_new_worker_joins_the_others_on_their_core(bench: Bench) -> None:
    bench.until("trying together", BOUND)
    bench.placement.apply([a_worker(11)])
    bench.placement.adopt(a_worker(12))
    assert bench.moves[0][1] == bench.moves[1][1]


def test_a_new_worker_does_not_keep_the_core_it_inherited(bench: Bench) -> None:
    bench.until("trying together", BOUND)
    bench.feed(BOUND, gil=False)
    bench.placement.adopt(a_worker(12))
    assert bench.moves == [(12, frozenset({0, 1}))]


def test_a_worker_that_has_not_begun_is_passed_over(bench: Bench) -> None:
    bench.until("trying together", BOUND)
    bench.placement.apply([a_worker(None), a_worker(7)])
    assert [pid for pid, _ in bench.moves] == [7]


def test_a_worker_that_has_ended_is_no_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(pid: int, where: frozenset[int]) -> None:
        raise ProcessLookupError(pid)

    bench.until("trying together", BOUND)
    monkeypatch.setattr(os, "sched_setaffinity", gone)
    bench.placement.apply([a_worker(7)])


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_the_affinity_of_a_real_thread_is_restored() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("one core")
    seen: list[set[int]] = []
    placement = Placement(Senses(None), True)
    moved, looked = threading.Event(), threading.Event()

    def work() -> None:
        worker = a_worker(threading.get_native_id())
        while not placement.together:
            placement.review(BOUND, Decomposition.of(BOUND), 1.0, 16, gil=True)
        placement.apply([worker])
        seen.append(os.sched_getaffinity(0))
        placement.review(BOUND, Decomposition.of(BOUND), 1.0, 16, gil=False)
        placement.apply([worker])
        seen.append(os.sched_getaffinity(0))
        moved.set()
        looked.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert moved.wait(60)
    looked.set()
    thread.join(60)
    assert len(seen[0]) == 1
    assert seen[0] <= allowed
    assert seen[1] == allowed
    assert os.sched_getaffinity(0) == allowed
