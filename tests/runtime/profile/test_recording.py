"""What threads write down: no threads but the caller, and no waiting."""

import threading

import pytest

from harness.runtime.probes import ThreadIdentity
from harness.runtime.profile.recording import (
    Clocks,
    FunctionRecord,
    PoolRecord,
    ThreadRecord,
    make_shim,
    merged,
)

pytestmark = pytest.mark.measures


class Never:
    due = float("inf")


def record_of_caller() -> tuple[FunctionRecord, ThreadRecord]:
    pool = PoolRecord(1, "ThreadPoolExecutor", 1)
    identity = ThreadIdentity.of_caller(threading.get_ident(), threading.get_native_id())
    return pool.function("m.f"), ThreadRecord(pool, identity, None)


def test_spans_of_time_are_united() -> None:
    assert merged([(3, 4), (0, 1), (0.5, 2)]) == [(0, 2), (3, 4)]
    assert merged([(0, 1), (1.5, 2)], break_s=1) == [(0, 2)]
    assert merged([]) == []


def test_breaks_end_an_episode_and_the_last_one_goes_on() -> None:
    _, record = record_of_caller()
    assert record.work(1.0) == []
    record.begin_episode(1.0)
    record.last_end = 2.0
    record.begin_episode(5.0)
    record.last_end = 6.0
    assert record.work(9.0) == [(1.0, 2.0), (5.0, 6.0)]
    record.current = (record.pool.function("m.f"), 7.0, None, None)
    assert record.work(9.0) == [(1.0, 2.0), (5.0, 9.0)]


def test_episodes_do_not_grow_without_bound() -> None:
    _, record = record_of_caller()
    for second in range(5000):
        record.begin_episode(float(second))
        record.last_end = second + 0.5
    assert len(record.episodes) <= 1001


def test_short_calls_are_clocked_now_and_then_and_long_ones_always() -> None:
    clocks = Clocks(lambda: 0.0)
    clocks.cost_s = 10e-6
    assert clocks.gap(10e-3, 10e-3) == 1
    assert clocks.gap(10e-6, 1.0) == 1
    assert clocks.gap(10e-6, 10e-6) == pytest.approx(16.6, abs=0.2)


def test_skipped_calls_are_stood_for_by_clocked_ones() -> None:
    function, record = record_of_caller()
    clocks = Clocks(lambda: None)
    clocks.cost_s = 10e-6
    shim = make_shim(lambda _: record, clocks, Never(), lambda *_: None)
    for number in range(2000):
        assert shim(function, abs, 0.0, -number) == number
    tally = record.tallies[function]
    assert tally.calls == 2000
    assert tally.cpu_calls + (tally.gap - 1 - tally.skip) == 2000
    assert tally.gap > 1 or tally.skip == 0
    assert record.current is None


def test_an_exception_is_counted_and_passes_through() -> None:
    function, record = record_of_caller()
    shim = make_shim(lambda _: record, Clocks(lambda: None), Never(), lambda *_: None)
    with pytest.raises(ZeroDivisionError):
        shim(function, lambda: 1 / 0, 0.0)
    assert record.tallies[function].calls == 1
    assert record.current is None and record.nested is None


def test_a_call_inside_a_call_is_taken_out_of_the_outer_one() -> None:
    function, record = record_of_caller()
    inner_function = record.pool.function("m.inner")
    shim = make_shim(lambda _: record, Clocks(lambda: None), Never(), lambda *_: None)

    def inner() -> int:
        return sum(range(200_000))

    def outer() -> int:
        result: int = shim(inner_function, inner, 0.0) + shim(inner_function, inner, 0.0)
        return result

    shim(function, outer, 0.0)
    own, inside = record.tallies[function], record.tallies[inner_function]
    assert (own.calls, inside.calls) == (1, 2)
    assert own.cpu_seconds < inside.cpu_seconds / 2
    assert record.nested is None


def test_without_a_record_the_function_simply_runs() -> None:
    function, _ = record_of_caller()
    shim = make_shim(lambda _: None, Clocks(lambda: None), Never(), lambda *_: None)
    assert shim(function, int, 0.0, "3") == 3
