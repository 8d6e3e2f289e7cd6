"""The simulated machine against what is known of queues, by small programs."""

import pytest

from harness.simulation.clock import Clock
from harness.simulation.machine import (
    SWITCH_INTERVAL_S,
    Acquire,
    Compute,
    Machine,
    Program,
    Semaphore,
    Sleep,
)


class Bench:
    """A machine, and programs that note when they are done."""

    def __init__(self, cores: int = 1, *, gil: bool = False) -> None:
        self.clock = Clock()
        self.machine = Machine(self.clock, cores, gil=gil)
        self.ended: dict[str, float] = {}

    def start(self, name: str, *requests: Compute | Sleep | Acquire) -> None:
        def program() -> Program:
            yield from requests
            self.ended[name] = self.clock.now

        self.machine.start(program())

    def loop(self, *requests: Compute | Sleep) -> None:
        def program() -> Program:
            while True:
                yield from requests
                self.ended["turns"] = self.ended.get("turns", 0) + 1

        self.machine.start(program())


def test_one_core_does_one_thing_at_a_time() -> None:
    bench = Bench()
    bench.start("a", Compute(0.5))
    bench.start("b", Compute(0.5))
    bench.clock.run(2.0)
    assert max(bench.ended.values()) == pytest.approx(1.0, rel=0.01)
    # in turns: neither is done when the other is half-way
    assert min(bench.ended.values()) == pytest.approx(1.0, rel=0.02)


def test_two_cores_do_two() -> None:
    bench = Bench(2)
    bench.start("a", Compute(0.5))
    bench.start("b", Compute(0.5))
    bench.clock.run(2.0)
    assert bench.ended == {"a": pytest.approx(0.5, rel=0.01), "b": pytest.approx(0.5, rel=0.01)}


def test_with_a_gil_two_cores_do_one_unless_it_is_released() -> None:
    held, released = Bench(2, gil=True), Bench(2, gil=True)
    for bench, gil in ((held, True), (released, False)):
        for name in "ab":
            bench.start(name, Compute(0.5, gil=gil))
        bench.clock.run(2.0)
    assert max(held.ended.values()) == pytest.approx(1.0, rel=0.05)
    assert max(released.ended.values()) == pytest.approx(0.5, rel=0.01)


def test_bytecode_gives_the_gil_up_after_the_switch_interval_and_c_code_at_its_end() -> None:
    bytecode, native = Bench(2, gil=True), Bench(2, gil=True)
    for bench, droppable in ((bytecode, True), (native, False)):
        bench.start("long", Compute(0.1, droppable=droppable))
        bench.start("short", Compute(0.001))
        bench.clock.run(1.0)
    assert bytecode.ended["short"] == pytest.approx(SWITCH_INTERVAL_S + 0.001, rel=0.1)
    assert native.ended["short"] == pytest.approx(0.101, rel=0.01)


def test_a_sleeper_needs_no_core() -> None:
    bench = Bench()
    for number in range(50):
        bench.start(str(number), Sleep(0.5))
    bench.clock.run(0.6)
    assert len(bench.ended) == 50


def test_a_wait_gives_the_gil_to_others() -> None:
    bench = Bench(gil=True)
    bench.start("waits", Compute(0.01), Sleep(0.5), Compute(0.01))
    bench.start("works", Compute(0.4))
    bench.clock.run(1.0)
    assert bench.ended["works"] == pytest.approx(0.41, rel=0.02)
    assert bench.ended["waits"] == pytest.approx(0.52, rel=0.02)


@pytest.mark.parametrize("gil", [False, True])
def test_throughput_obeys_the_asymptotic_bounds(gil: bool) -> None:
    """X = min(N / (C + Z), 1 / C) for N far from the knee on either side."""
    for workers, expected in ((2, 2 / 0.011), (60, 1 / 0.001)):
        bench = Bench(gil=gil)
        for _ in range(workers):
            bench.loop(Compute(0.001), Sleep(0.01))
        bench.clock.run(2.0)
        assert bench.ended["turns"] / 2 == pytest.approx(expected, rel=0.06)


def test_a_machine_that_slows_down_takes_longer() -> None:
    bench = Bench()
    bench.start("a", Compute(1.0))
    bench.clock.after(0.5, lambda: bench.machine.set_speed(0.5))
    bench.clock.run(3.0)
    assert bench.ended["a"] == pytest.approx(1.5, rel=0.01)


def test_cpu_and_run_queue_add_up() -> None:
    bench = Bench()
    threads = [bench.machine.start(_computing(0.3)) for _ in range(3)]
    bench.clock.run(0.6)
    found = [bench.machine.counters(thread) for thread in threads]
    assert sum(cpu for cpu, _ in found) == pytest.approx(0.6, rel=0.01)
    assert [cpu + waited for cpu, waited in found] == [pytest.approx(0.6)] * 3
    assert bench.machine.cpu_of_process() == pytest.approx(0.6, rel=0.01)


def _computing(seconds: float) -> Program:
    yield Compute(seconds)


def test_a_semaphore_lets_so_many_through_in_the_order_of_their_coming() -> None:
    bench = Bench(4)
    semaphore = Semaphore(bench.machine, 2)
    order: list[int] = []

    def work(number: int) -> Program:
        assert (yield Acquire(semaphore))
        order.append(number)
        yield Sleep(0.1)
        semaphore.release()

    for number in range(6):
        bench.machine.start(work(number))
    bench.clock.run(0.15)
    assert order == [0, 1, 2, 3]
    bench.clock.run(1.0)
    assert order == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("patience", "answered"), [(0.0, 0.0), (0.05, 0.05)])
def test_patience_ends(patience: float, answered: float) -> None:
    bench = Bench(2)
    semaphore = Semaphore(bench.machine, 1)
    semaphore.take()
    found: list[tuple[bool, float]] = []

    def work() -> Program:
        had = yield Acquire(semaphore, patience)
        found.append((had, bench.clock.now))

    bench.machine.start(work())
    bench.clock.run(0.2)
    assert found == [(False, pytest.approx(answered, abs=1e-3))]
    semaphore.release()
    assert semaphore.take()


def test_a_place_given_in_time_outlives_the_patience() -> None:
    bench = Bench(2)
    semaphore = Semaphore(bench.machine, 1)
    semaphore.take()
    found: list[bool] = []

    def work() -> Program:
        found.append((yield Acquire(semaphore, 0.05)))
        yield Sleep(0.1)
        found.append((yield Acquire(semaphore, 0.05)))

    bench.machine.start(work())
    bench.clock.after(0.01, semaphore.release)
    bench.clock.run(0.5)
    assert found == [True, False]


def test_threads_stay_on_the_cpus_they_may_use() -> None:
    bench = Bench(2)
    threads = [bench.machine.start(_computing(1.0)) for _ in range(2)]
    bench.clock.run(0.01)
    for thread in threads:
        bench.machine.place(thread, frozenset({0}))
    bench.clock.run(1.01)
    assert bench.machine.cpu_of_process() < 1.3  # one of two cores stands idle


def test_foreign_threads_use_cores_but_neither_gil_nor_the_process_time() -> None:
    bench = Bench(1, gil=True)
    bench.machine.start(_computing(0.5), foreign=True)
    bench.start("own", Compute(0.5))
    bench.clock.run(2.0)
    assert bench.ended["own"] == pytest.approx(1.0, rel=0.02)
    assert bench.machine.cpu_of_process() == pytest.approx(0.5, rel=0.01)
