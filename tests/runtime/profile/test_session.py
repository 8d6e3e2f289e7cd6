"""Taking a profile in code."""

import dataclasses
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

import pytest

from harness.runtime import AdaptiveThreadPoolExecutor
from harness.runtime.profile import Profile
from harness.runtime.profile.naming import name_of

pytestmark = pytest.mark.measures


class Thing:
    def method(self) -> None: ...

    @classmethod
    def of_class(cls) -> None: ...

    def __call__(self) -> None: ...


def plain() -> None: ...


HERE = __name__


def test_calls_are_named_by_what_they_are_about() -> None:
    assert name_of(plain, ()) == f"{HERE}.plain"
    assert name_of(functools.partial(functools.partial(plain), 1), ()) == f"{HERE}.plain"
    assert name_of(Thing().method, ()) == f"{HERE}.Thing.method"
    assert name_of(Thing.of_class, ()) == f"{HERE}.Thing.of_class"
    assert name_of(Thing(), ()) == f"{HERE}.Thing"
    assert name_of(Context().run, (plain, 1)) == f"{HERE}.plain"
    assert name_of(functools.partial(Context().run, Thing().method), ()) == f"{HERE}.Thing.method"
    assert name_of(threading.get_ident, ()) == "_thread.get_ident"
    assert name_of("abc".upper, ()) == "str.upper"
    assert name_of(None, ()) == "NoneType"


def test_classes_are_as_they_were_afterwards() -> None:
    before = ThreadPoolExecutor.submit, AdaptiveThreadPoolExecutor.submit
    with Profile():
        assert ThreadPoolExecutor.submit is not before[0]
        assert ThreadPoolExecutor.submit.__name__ == "submit"
    assert (ThreadPoolExecutor.submit, AdaptiveThreadPoolExecutor.submit) == before


def test_they_are_so_too_after_an_exception() -> None:
    before = ThreadPoolExecutor.submit
    with pytest.raises(KeyError), Profile():
        raise KeyError
    assert ThreadPoolExecutor.submit is before


def test_a_wrapper_put_around_the_profilers_stays() -> None:
    before = ThreadPoolExecutor.submit
    try:
        with Profile() as profile:
            inner = ThreadPoolExecutor.submit

            def theirs(pool: ThreadPoolExecutor, *args: Any) -> Any:
                return inner(pool, *args)

            ThreadPoolExecutor.submit = theirs  # type: ignore[method-assign, assignment]
        assert vars(ThreadPoolExecutor)["submit"] is theirs
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(int, "3").result() == 3
        assert profile.report().pools == ()
    finally:
        ThreadPoolExecutor.submit = before  # type: ignore[method-assign]


def test_every_call_is_counted_however_short() -> None:
    with Profile() as profile, ThreadPoolExecutor(3) as pool:
        results = list(pool.map(abs, range(-3000, 0)))
    assert results == list(range(3000, 0, -1))
    (row,) = profile.report().pools
    assert (row.total.calls, row.total.in_flight) == (3000, 0)
    assert row.functions[0].name == "builtins.abs"
    assert row.threads <= 3
    assert 0 <= row.total.cpu_seconds <= row.total.wall_seconds


def test_calls_left_over_run_on_and_are_no_longer_watched() -> None:
    hold = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with Profile() as profile:
            first = pool.submit(hold.wait, 60)
            second = pool.submit(int, "7")
        hold.set()
        assert first.result() and second.result() == 7
    report = profile.report()
    assert report.pools[0].total.calls == 0
    assert report is profile.report()


def test_one_profile_at_a_time() -> None:
    with Profile() as profile:
        with pytest.raises(RuntimeError, match="another profile"):
            Profile().start()
        assert profile.report().pools == ()
    with pytest.raises(RuntimeError, match="twice"):
        profile.start()
    profile.stop()  # once more does nothing


def test_a_call_without_a_function_fails_as_ever() -> None:
    with Profile(), ThreadPoolExecutor(1) as pool:
        with pytest.raises(TypeError):
            pool.submit()  # type: ignore[call-arg]
        assert isinstance(pool.submit(None).exception(), TypeError)  # type: ignore[arg-type]


def test_a_call_inside_a_call_counts_once() -> None:
    with Profile() as profile, AdaptiveThreadPoolExecutor(1) as pool:

        def outer() -> int:
            result: int = pool.submit(plain_sum).result()
            return result

        assert pool.submit(outer).result(60) == 499500
    (row,) = profile.report().pools
    assert sorted(f.calls for f in row.functions) == [1, 1]
    assert row.total.wall_seconds <= row.busy_seconds * 1.01 + 1e-3


def plain_sum() -> int:
    return sum(range(1000))


def test_reports_cannot_be_changed_and_can_be_printed() -> None:
    with Profile() as profile, ThreadPoolExecutor(1) as pool:
        pool.submit(plain)
    report = profile.report()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.gil = False  # type: ignore[misc]
    assert f"{HERE}.plain" in str(report)
