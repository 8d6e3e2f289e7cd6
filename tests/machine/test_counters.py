"""What the kernel counts, from a made-up /proc."""

import os
import time
from pathlib import Path

import pytest

from harness.machine import counters
from harness.machine.counters import MemoryUse, descendants, difference, read_memory, read_tree

NOBODY = 4_200_000  # above any pid that Linux gives out


STAT = "cpu  100 20 30 4000 500 6 4 80 7 9\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n"


PRESSURE = "some avg10={avg} avg60=1.00 avg300=0.50 total=2500000\nfull avg10=0 total=9\n"


ROLLUP = """00400000-7fff ---p 00000000 00:00 0    [rollup]
Rss:                4096 kB
Pss:                2048 kB
Pss_Dirty:          1024 kB
Private_Clean:       256 kB
Private_Dirty:       768 kB
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc of a machine that counts everything and is at rest."""
    folder = tmp_path / "proc"
    write(folder / "stat", STAT)
    write(folder / "pressure/cpu", PRESSURE.format(avg="0.25"))
    write(folder / "vmstat", "nr_free 1\noom_kill_other 7\noom_kill 3\n")
    write(folder / "self/schedstat", "1 2 3\n")
    write(folder / "self/smaps_rollup", ROLLUP)
    return folder


def add_process(proc: Path, pid: int, waits_ms: list[int], children: str = "") -> None:
    """A process with one thread per wait; the first one has the children."""
    for number, wait in enumerate(waits_ms):
        task = proc / str(pid) / "task" / str(pid + number)
        write(task / "schedstat", f"5000 {wait * 1_000_000} 7\n")
        write(task / "children", children if number == 0 else "")
    write(proc / str(pid) / "smaps_rollup", ROLLUP)


def test_machine_that_counts_nothing_gives_none_and_never_zero(tmp_path: Path) -> None:
    assert counters.pressure_totals(tmp_path) == {}
    assert counters.vmstat(tmp_path) == {}
    assert read_memory([NOBODY], tmp_path) is None
    assert read_tree(NOBODY, tmp_path).run_queue_s is None


@pytest.mark.parametrize(
    ("later", "earlier", "expected"), [(5, 3, 2), (None, 3, None), (5, None, None), (0, 0, 0)]
)
def test_difference_needs_both_sides(
    later: float | None, earlier: float | None, expected: float | None
) -> None:
    assert difference(later, earlier) == expected


def test_descendants_are_found_at_every_depth(proc: Path) -> None:
    add_process(proc, NOBODY, [1], children=f"{NOBODY + 10} {NOBODY + 20}")
    add_process(proc, NOBODY + 10, [1], children=f"{NOBODY + 30}")
    add_process(proc, NOBODY + 30, [1])
    assert descendants(NOBODY, proc) == [NOBODY, NOBODY + 10, NOBODY + 20, NOBODY + 30]


def test_run_queue_wait_adds_up_over_threads_and_processes(proc: Path) -> None:
    add_process(proc, NOBODY, [10, 20], children=f"{NOBODY + 10}")
    add_process(proc, NOBODY + 10, [30])
    tree = read_tree(NOBODY, proc)
    assert tree.run_queue_s == pytest.approx(0.06)
    assert tree.threads == 3


def test_processes_that_started_since_the_tree_was_looked_at_are_counted(proc: Path) -> None:
    add_process(proc, NOBODY, [10], children=f"{NOBODY + 10}")
    add_process(proc, NOBODY + 10, [20], children=f"{NOBODY + 20}")
    add_process(proc, NOBODY + 20, [40])
    assert read_tree(NOBODY, proc, known=[NOBODY]).run_queue_s == pytest.approx(0.07)


@pytest.mark.parametrize(("late", "readings"), [([0.0], 1), ([1.0, 1.0, 0.0], 3), ([1.0] * 9, 5)])
def test_readings_that_were_torn_apart_are_taken_again_but_not_for_ever(
    proc: Path, late: list[float], readings: int
) -> None:
    asked = []

    def at_once() -> float:
        asked.append(late[len(asked)])
        return time.perf_counter() - counters.AT_ONCE_S * 0.5 + asked[-1]

    add_process(proc, NOBODY, [10])
    read_tree(NOBODY, proc, at_once=at_once)
    assert len(asked) == readings


def test_large_pools_are_sampled_and_scaled_up(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_process(proc, NOBODY, [5] * 40)
    monkeypatch.setattr(counters, "SCHEDSTAT_SAMPLE", 10)
    tree = read_tree(NOBODY, proc)
    assert tree.run_queue_s == pytest.approx(0.2)
    assert tree.threads == 40


def test_thread_that_ended_meanwhile_is_left_out(proc: Path) -> None:
    add_process(proc, NOBODY, [10, 10])
    (proc / f"{NOBODY}/task/{NOBODY + 1}/schedstat").unlink()
    assert read_tree(NOBODY, proc).run_queue_s == pytest.approx(0.02)


def test_memory_adds_up_over_processes(proc: Path) -> None:
    add_process(proc, NOBODY, [1])
    add_process(proc, NOBODY + 10, [1])
    assert read_memory([NOBODY, NOBODY + 10, NOBODY + 99], proc) == MemoryUse(4.0, 2.0, 8.0)


def test_cpu_clock_of_this_process_runs() -> None:
    before = counters.process_cpu_seconds([os.getpid()])
    sum(range(200_000))
    assert 0 < before < counters.process_cpu_seconds([os.getpid()])
