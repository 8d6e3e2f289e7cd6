"""Learning where threads wait for the GIL, from scripted lines and a scripted clock."""

from collections.abc import Callable, Iterator

import pytest

from harness.runtime.gil import (
    HELPER_SLEEP_S,
    BlockedCall,
    WaitSite,
    learn_wait_site,
    parse_syscall,
)

GIL_WORD = 0x7F20_1234_5678
FUTEX_LINE = b"202 0x7f2012345678 0x189 0x0 0x7ffd3c 0x0 0xffffffff 0x7ffd3b 0x7f2011\n"
OTHER_WORD_LINE = FUTEX_LINE.replace(b"345678", b"345684")
SLEEP_LINE = b"230 0x1 0x0 0x7ffd3c40 0x0 0x0 0x0 0x7ffd3b 0x7f2011\n"
RUNNING = b"running\n"
READ_S = 5e-6


class Helper:
    """A thread whose syscall file is read: ``line(t)`` says what it holds at a time.

    Every read takes ``READ_S``, and as much longer as ``pause(t)`` says.
    """

    def __init__(
        self, line: Callable[[float], bytes], pause: Callable[[float], float] = lambda t: 0.0
    ) -> None:
        self.now = 0.0
        self.reads = 0
        self._line, self._pause = line, pause

    def clock(self) -> float:
        return self.now

    def read(self) -> bytes:
        self.reads += 1
        self.now += READ_S + self._pause(self.now)
        return self._line(self.now)

    def learn(self, patience_s: float = 0.02) -> WaitSite | None:
        return learn_wait_site(self.read, self.clock, patience_s)


def in_turn(*stretches: tuple[float, bytes]) -> Callable[[float], bytes]:
    """Lines that last for so many seconds each, over and over."""
    period = sum(length for length, _ in stretches)

    def line(now: float) -> bytes:
        at = now % period
        for length, text in stretches:
            if at < length:
                return text
            at -= length
        return stretches[-1][1]

    return line


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (RUNNING, None),
        (b"running", None),
        (FUTEX_LINE, BlockedCall(202, GIL_WORD)),
        (SLEEP_LINE, BlockedCall(230, 1)),
        (b"0 0x3 0x7f00 0x1000 0x0 0x0 0x0 0x7ffd 0x7f20\n", BlockedCall(0, 3)),
        (b"-1 0x7ffd3b 0x7f2011\n", BlockedCall(-1, 0x7FFD3B)),
        (b"202 0xffffffffffffff00 0x0", BlockedCall(202, 0xFFFF_FFFF_FFFF_FF00)),
    ],
)
def test_what_the_kernel_says_about_a_thread(line: bytes, call: BlockedCall | None) -> None:
    assert parse_syscall(line) == call


@pytest.mark.parametrize("line", [b"", b"\n", b"sleeping 0x0", b"202 word"])
def test_an_empty_or_unknown_line_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        parse_syscall(line)


def test_a_helper_that_wakes_up_into_the_gil_shows_the_address() -> None:
    sleeping = 0.7 * HELPER_SLEEP_S
    helper = Helper(lambda t: SLEEP_LINE if t < sleeping else FUTEX_LINE)
    assert helper.learn() == WaitSite(202, GIL_WORD)
    assert helper.now < 0.01


def test_two_words_of_one_condition_are_the_same_site() -> None:
    site = WaitSite(202, GIL_WORD)
    here = parse_syscall(OTHER_WORD_LINE)
    assert here is not None
    assert site.matches(here)
    assert not site.matches(BlockedCall(202, GIL_WORD + 4096))
    assert not site.matches(BlockedCall(202, GIL_WORD - 4096))
    assert not site.matches(BlockedCall(230, GIL_WORD))


def test_a_wait_that_moves_to_the_other_word_is_learnt_once_it_stays() -> None:
    swapping = in_turn((0.0003, FUTEX_LINE), (0.0003, OTHER_WORD_LINE))
    helper = Helper(lambda t: swapping(t) if t < 0.004 else OTHER_WORD_LINE)
    site = helper.learn()
    assert site is not None
    assert site.matches(BlockedCall(202, GIL_WORD))
    assert helper.now > 0.004


@pytest.mark.parametrize(
    "line",
    [
        in_turn((1.2 * HELPER_SLEEP_S, SLEEP_LINE), (2e-5, RUNNING)),
        in_turn((1.2 * HELPER_SLEEP_S, SLEEP_LINE), (HELPER_SLEEP_S, FUTEX_LINE)),
        in_turn((0.0003, FUTEX_LINE), (0.0003, OTHER_WORD_LINE)),
        lambda t: RUNNING,
    ],
    ids=["it sleeps", "it gets the GIL", "the word alternates", "it runs"],
)
def test_what_never_stays_is_not_learnt_and_patience_ends(line: Callable[[float], bytes]) -> None:
    helper = Helper(line)
    assert helper.learn(patience_s=0.02) is None
    assert 0.02 <= helper.now < 0.021


def test_losing_the_gil_between_reads_starts_over() -> None:
    """The helper may have slept meanwhile, however equal the lines on both sides are."""

    def away(now: float) -> float:
        return HELPER_SLEEP_S if int(now / 0.0008) != int((now + READ_S) / 0.0008) else 0.0

    assert Helper(lambda t: FUTEX_LINE, away).learn() is None
    assert Helper(lambda t: FUTEX_LINE).learn() is not None


def test_slow_reads_with_the_gil_lost_each_time_prove_nothing() -> None:
    helper = Helper(lambda t: FUTEX_LINE, lambda t: 0.005)
    assert helper.learn() is None
    assert helper.reads <= 5


def test_a_few_equal_reads_are_not_enough_even_if_they_took_long() -> None:
    lines: Iterator[bytes] = iter([FUTEX_LINE] * 3)
    now = 0.0

    def read() -> bytes:
        nonlocal now
        now += HELPER_SLEEP_S / 2.5
        return next(lines, RUNNING)

    assert learn_wait_site(read, lambda: now) is None


@pytest.mark.parametrize("after_s", [0.0, 0.0005])
def test_a_helper_that_ends_is_given_up_at_once(after_s: float) -> None:
    helper = Helper(lambda t: FUTEX_LINE if t < after_s else b"")
    assert helper.learn() is None
    assert helper.now < after_s + 0.0001
