"""Tables of trials in every state that people hand them over in: numbers, or file and line."""

import gzip
import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.data.reading import TrialsError
from harness.analysis.data.trials import read_trials
from harness.commands.main import main

HEADER = (
    "experiment,workload,interpreter,cores,strategy,concurrency,label,block,status,excluded,"
    "throughput_tps,reason"
)
ROWS = [f'e,rag,cpython-3.12,2,fixed,8,,{n},ok,False,{10 + n},"a\nb"' for n in range(4)]
GOOD = "\n".join([HEADER, *ROWS]) + "\n"


def ran(*words: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main([str(word) for word in words])
    return status, out.getvalue(), err.getvalue()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    return path


MARK = b"\xef\xbb\xbf"
DATA = GOOD.encode()
SWAPPED = b"throughput_tps,extra," + HEADER.removesuffix(",throughput_tps,reason").encode()
OTHER = SWAPPED + b"\n12,x,e,rag,cpython-3.12,2,fixed,8,,9,ok,False\n"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (MARK + DATA, 4),
        (DATA.replace(b"\n", b"\r\n"), 4),
        (DATA.replace(b"\n", b"\r"), 4),
        (b"\n" + DATA.replace(b"fixed", b"fixed") + b"\n\n", 4),
        (DATA + DATA, 8),
        (MARK + DATA + MARK + DATA, 8),
        (DATA + OTHER, 5),
        (OTHER + DATA, 5),
        (gzip.compress(DATA), 4),
        (gzip.compress(DATA) + gzip.compress(DATA), 8),
    ],
)
def test_what_can_be_read_gives_numbers(good: Path, content: bytes, rows: int) -> None:
    odd = good.with_name("odd.csv")
    odd.write_bytes(content)
    trials = read_trials(odd, "throughput_tps")
    assert len(trials) == rows
    assert trials["throughput_tps"].between(10, 13).all()
    status, out, err = ran("compare", good, odd)
    assert (status, err) == (0, "")
    assert f"n=4+{rows}" in out


CELLS = ROWS[0].replace("\n", " ").split(",")


def with_cell(place: int, text: str) -> bytes:
    """A table whose third line has another text in one cell."""
    first = ",".join(CELLS)
    cells = [*CELLS[:place], text, *CELLS[place + 1 :]]
    return "\n".join([HEADER, first, ",".join(cells), first]).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"a,b\n1,2\n", "lacks the columns block, concurrency"),
        (DATA.replace(b",throughput_tps", b",rate"), "lacks the columns throughput_tps"),
        (DATA.replace(b"reason", b"cores"), "line 1: the column cores occurs twice"),
        (DATA[:-1] + DATA, "has 23 cells where the header has 12"),
        (with_cell(10, "1,5"), "line 3: has 13 cells"),
        (DATA + b"e,rag\n", "line 10: has 2 cells"),
        (with_cell(10, "fast"), "line 3: throughput_tps is 'fast', not a finite number"),
        (with_cell(10, "inf"), "line 3: throughput_tps is 'inf'"),
        (with_cell(3, "2.5"), "line 3: cores is '2.5', not a whole number"),
        (with_cell(3, "two"), "line 3: cores is 'two'"),
        (with_cell(7, "1e300"), "line 3: block is"),
        (with_cell(3, ""), "line 3: cores is empty"),
        (with_cell(5, ""), "line 3: concurrency is empty"),
        (with_cell(7, ""), "line 3: block is empty"),
        (with_cell(11, "a\0b"), "line 3: holds a NUL"),
        (with_cell(11, "caf") + b"\xe9", "line 5: is not UTF-8"),
        (with_cell(11, '"' + "x" * 200_000 + '"'), "line 3: field larger"),
        (gzip.compress(DATA)[:-9], "cannot be read"),
        (b"\x1f\x8b" + DATA, "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(good: Path, content: bytes, said: str) -> None:
    odd = good.with_name("odd.csv")
    odd.write_bytes(content)
    with pytest.raises(TrialsError) as caught:
        read_trials(odd, "throughput_tps")
    assert str(caught.value).startswith(str(odd)) and said in str(caught.value)
    commands = [["compare", good, odd], ["compare", odd, good]]
    out = good.parent / "out"
    for name in ("tables", "figures", "claims", "pyperf"):
        commands.append([name, "--trials", odd, "--out", out])
    for words in commands:
        status, printed, err = ran(*words)
        assert (status, printed) == (1, "")
        assert err == f"{caught.value}\n"
    assert not out.exists()


def test_what_is_no_file_is_named(good: Path) -> None:
    for place in (good.parent, good.parent / "absent.csv", good / "below"):
        tables = ["tables", "--trials", place, "--out", good.parent / "out"]
        for words in (["compare", good, place], tables):
            status, out, err = ran(*words)
            assert (status, out) == (1, "")
            assert err.startswith(str(place)) and err.count("\n") == 1


def test_every_other_file_of_an_analysis_is_named_too(good: Path) -> None:
    odd = good.with_name("odd")
    for content in (b"", b"{", b"[]", b"\xff", b"a,b\n1,2\n", b'{"preset": 1, "rag": 1}'):
        odd.write_bytes(content)
        for name, option in (
            *(("tables", option) for option in ("--titles", "--timelines", "--decisions")),
            ("claims", "--plan"),
        ):
            words = [name, "--trials", good, option, odd, "--out", good.parent / "out"]
            status, out, err = ran(*words)
            assert (status, out) == (1, ""), (content, option, err)
            assert str(odd) in err


PIECES = [b",", b"\n", b"\r\n", b'"', b"\0", b"\xff", b"nan", b"-1", b"1e999", b" ", b"True"]
PIECES += [b"not_run", b"2,", MARK, HEADER.encode(), ROWS[0].encode()]


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    where=st.integers(0, len(DATA)),
    more=st.lists(st.sampled_from(PIECES), max_size=6),
    cut=st.integers(0, 40),
)
def test_any_damage_gives_numbers_or_the_file(
    good: Path, where: int, more: list[bytes], cut: int
) -> None:
    odd = good.with_name("odd.csv")
    odd.write_bytes(DATA[:where] + b"".join(more) + DATA[where + cut :])
    status, out, err = ran("compare", good, odd)
    assert status in (0, 1)
    assert (status == 0) == bool(out)
    assert status == 0 or str(odd) in err
