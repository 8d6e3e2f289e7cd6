"""How a run tells about itself."""

import io

import pytest

from harness.base.console import duration
from harness.measure.progress import LINE_EVERY_S, Progress
from tests.samples import a_trial

OK = {"status": "ok", "reason": ""}


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_progress(
    clock: FakeClock, stream: io.StringIO, trials: int = 10, done_before: int = 0
) -> Progress:
    """Trials of 2 s each by the plan's estimate."""
    remaining = 2.0 * (trials - done_before)
    expected = {a_trial().spec_hash: 2.0}
    return Progress(trials, done_before, remaining, expected, stream, clock)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (3600, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_eta_is_the_estimate_before_anything_is_known() -> None:
    assert a_progress(FakeClock(), io.StringIO()).eta_s() == pytest.approx(20)


@pytest.mark.parametrize(("took", "eta"), [(2.0, 18.0), (4.0, 36.0), (1.0, 9.0)])
def test_eta_is_scaled_by_the_pace_so_far(took: float, eta: float) -> None:
    clock = FakeClock()
    progress = a_progress(clock, io.StringIO())
    clock.now += took
    progress.trial_done(a_trial(), OK)
    assert progress.eta_s() == pytest.approx(eta)


def test_eta_never_goes_below_zero() -> None:
    clock = FakeClock()
    progress = a_progress(clock, io.StringIO(), trials=1)
    for _ in range(3):
        clock.now += 2
        progress.trial_done(a_trial(), OK)
    assert progress.eta_s() == 0


def test_line_counts_what_an_earlier_run_did() -> None:
    stream = io.StringIO()
    progress = a_progress(FakeClock(), stream, done_before=4)
    progress.trial_done(a_trial(), OK)
    assert "trial 5/10, block 1 of profiles, rag cpython-3.12 2 core(s) fixed N=8" in (
        stream.getvalue()
    )


def test_off_a_terminal_lines_come_now_and_then() -> None:
    clock, stream = FakeClock(), io.StringIO()
    progress = a_progress(clock, stream)
    for step in (0, LINE_EVERY_S - 1, 1, 1):
        clock.now += step
        progress.trial_done(a_trial(), OK)
    assert [line.partition(",")[0] for line in stream.getvalue().splitlines()] == [
        "trial 1/10",
        "trial 3/10",
    ]


def test_on_a_terminal_one_line_is_rewritten() -> None:
    stream = Terminal()
    progress = a_progress(FakeClock(), stream)
    progress.trial_done(a_trial(), OK)
    progress.trial_done(a_trial(), OK)
    assert stream.getvalue().count("\r") == 2
    assert "\n" not in stream.getvalue()


@pytest.mark.parametrize("status", ["timeout", "oom", "crash", "error", "invalid_gil", "refused"])
@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_trial_that_did_not_end_well_is_always_told(
    status: str, stream_type: type[io.StringIO]
) -> None:
    stream = stream_type()
    progress = a_progress(FakeClock(), stream)
    progress.trial_done(a_trial(), OK)
    progress.trial_done(a_trial(), {"status": status, "reason": "because"})
    assert f"{status}: rag cpython-3.12 2 core(s) fixed N=8: because\n" in stream.getvalue()
