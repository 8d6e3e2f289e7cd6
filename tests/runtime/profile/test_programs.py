"""Whole programs under the profiler, held against what they are known to do."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from harness.runtime.profile import FunctionRow, PoolRow, Report
from tests import ROOT
from tests.runtime.profile.conftest import Profiled

pytestmark = pytest.mark.measures

WORK = """
import sys, threading, time
from concurrent.futures import ThreadPoolExecutor

def burn(seconds):
    end, x = time.thread_time() + seconds, 0
    while time.thread_time() < end:
        for i in range(100): x += i

def crunch(): burn(0.002)
def fetch(): time.sleep(0.01)
def mixed():
    burn(0.001)
    time.sleep(0.01)
"""


def test_tasks_that_only_compute_are_not_said_to_block(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
with ThreadPoolExecutor(8) as pool:
    for _ in range(400): pool.submit(crunch)
"""
    )
    assert outcome.status == 0, outcome.err
    row = outcome.function("__main__.crunch")
    assert row["calls"] == 400
    assert 0.7 < row["cpu_seconds"] < 2
    assert row["beta_naive"] > 0.5
    assert row["beta_star"] < 0.4
    assert outcome.pool()["enough_threads"] <= 8


def test_tasks_that_only_sleep_are_said_to_block_and_to_want_more_threads(
    profiled: Profiled,
) -> None:
    outcome = profiled(
        WORK
        + """
with ThreadPoolExecutor(4) as pool:
    for _ in range(200): pool.submit(fetch)
"""
    )
    row = outcome.function("__main__.fetch")
    assert row["calls"] == 200
    assert row["wall_seconds"] >= 2
    assert row["beta_star"] > 0.9
    # tests run on busy machines, too: then there is no CPU for more threads
    contended = row["gil_wait_share"] + row["run_queue_share"] > 0.2
    assert outcome.pool()["enough_threads"] > 8 or contended
    assert outcome.pool()["threads"] == outcome.pool()["max_workers"] == 4
    assert "tasks block" in outcome.pool()["advice"]


def test_beta_star_is_the_tasks_own_whatever_the_pools_size(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
with ThreadPoolExecutor(16) as pool:
    for _ in range(1000): pool.submit(mixed)
"""
    )
    # 1 ms of CPU, 10 ms of sleep: 0.909; on a busy machine the sleep takes longer
    assert 0.8 < outcome.function("__main__.mixed")["beta_star"] < 0.97
    assert 1 < outcome.pool()["enough_threads"] < 80


def test_functions_and_pools_are_told_apart(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
class Mine(ThreadPoolExecutor): pass
with Mine(2, "first") as first:
    for _ in range(60):
        first.submit(crunch)
        first.submit(fetch)
with ThreadPoolExecutor(3, "second") as second:
    list(second.map(lambda _: fetch(), range(50)))
"""
    )
    assert [outcome.pool(n)["label"] for n in (1, 2)] == ["first", "second"]
    assert outcome.pool(1)["kind"] == "Mine"
    assert outcome.pool(1)["total"]["calls"] == 120
    crunch, fetch = outcome.function("__main__.crunch"), outcome.function("__main__.fetch")
    assert crunch["beta_star"] < fetch["beta_star"]
    assert fetch["beta_star"] > 0.8
    assert crunch["cpu_seconds"] > 5 * fetch["cpu_seconds"]
    assert outcome.function("__main__.<lambda>", 2)["calls"] == 50


def test_asyncio_threads_are_seen_by_the_name_of_what_they_run(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
import asyncio, functools
async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(asyncio.to_thread(fetch) for _ in range(20)))
    await asyncio.gather(*(loop.run_in_executor(None, functools.partial(burn, 0.001))
                           for _ in range(10)))
asyncio.run(main())
"""
    )
    assert outcome.pool()["label"] == "asyncio"
    assert outcome.function("__main__.fetch")["calls"] == 20
    assert outcome.function("__main__.burn")["calls"] == 10


def test_the_adaptive_executor_is_seen(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
from harness.runtime import AdaptiveThreadPoolExecutor
with AdaptiveThreadPoolExecutor(max_workers=20) as pool:
    def outer(): return pool.submit(fetch).result()
    futures = [pool.submit(outer) for _ in range(50)]
    for future in futures: future.result()
"""
    )
    assert outcome.status == 0, outcome.err
    assert outcome.pool()["adaptive"] and outcome.pool()["max_workers"] == 20
    assert outcome.function("__main__.fetch")["calls"] == 50
    assert outcome.function("__main__.outer")["calls"] == 50


def test_calls_in_flight_are_accounted_for(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
from harness.runtime.profile.session import _Process
hold, inside = threading.Event(), threading.Barrier(4)
def stay():
    burn(0.05)
    inside.wait()
    hold.wait()
pool = ThreadPoolExecutor(3)
for _ in range(3): pool.submit(stay)
inside.wait()
time.sleep(0.2)
row = _Process.active.report().pools[0].total
print(row.calls, row.in_flight, row.wall_seconds >= 0.6, row.cpu_seconds >= 0.13)
hold.set()
"""
    )
    assert outcome.out == "0 3 True True\n", outcome.err
    assert outcome.function("__main__.stay")["calls"] == 3


def test_calls_that_outlive_the_script_are_in_the_report(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
pool = ThreadPoolExecutor(2)
for _ in range(30): pool.submit(fetch)
print("end of script")
"""
    )
    assert outcome.out == "end of script\n"
    assert outcome.function("__main__.fetch")["calls"] == 30


def test_the_program_sees_its_arguments_and_its_output_is_its_own(profiled: Profiled) -> None:
    outcome = profiled(
        """
        import sys, pickle, pathlib
        class Thing: pass
        pickle.dumps(Thing())
        print(sys.argv[1:], __name__, pathlib.Path(__file__).name)
        print(sys.path[0] == str(pathlib.Path(__file__).resolve().parent))
        """,
        "--json",
        "x",
    )
    assert outcome.out == "['--json', 'x'] __main__ program.py\nTrue\n", outcome.err
    assert outcome.status == 0
    assert "no call was submitted" in outcome.err


def test_an_exit_status_passes_through(profiled: Profiled) -> None:
    outcome = profiled("import sys; sys.exit(3)")
    assert (outcome.status, outcome.out) == (3, "")
    assert outcome.profile is not None


def test_an_exception_is_printed_without_the_profilers_frames(profiled: Profiled) -> None:
    outcome = profiled("def f(): raise ValueError('broken')\nf()")
    assert outcome.status == 1
    assert "ValueError: broken" in outcome.err
    assert "command.py" not in outcome.err
    assert outcome.profile is not None


def test_an_exception_in_a_task_is_the_futures(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
def fail(): raise KeyError("mine")
with ThreadPoolExecutor(1) as pool:
    future = pool.submit(fail)
print(repr(future.exception()))
"""
    )
    assert outcome.out == "KeyError('mine')\n"
    assert outcome.function("__main__.fail")["calls"] == 1


def test_a_profile_that_cannot_be_saved_fails_the_command_and_says_why(
    profiled: Profiled, tmp_path: Path
) -> None:
    nowhere = ("--json", str(tmp_path / "missing" / "profile.json"))
    outcome = profiled("print('done')", options=nowhere)
    assert (outcome.status, outcome.out) == (1, "done\n")
    assert "the profile was not saved: No such file or directory" in outcome.err
    assert profiled("import sys; sys.exit(3)", options=nowhere).status == 3


def test_without_proc_the_report_says_what_it_cannot_tell(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
with ThreadPoolExecutor(4) as pool:
    for _ in range(100): pool.submit(fetch)
""",
        options=("--without-proc",),
    )
    row = outcome.function("__main__.fetch")
    assert row["beta_naive"] > 0.9
    assert row["beta_star"] is row["gil_wait_share"] is row["run_queue_share"] is None
    assert outcome.pool()["enough_threads"] > 4
    assert "no /proc" in outcome.err


def test_the_json_has_the_documented_keys(profiled: Profiled) -> None:
    profile = profiled(WORK + "with ThreadPoolExecutor(1) as pool: pool.submit(fetch)").profile
    assert profile is not None
    assert profile["format"] == 1
    assert set(profile) == {"format", *_names(Report)}
    assert set(profile["pools"][0]) == _names(PoolRow)
    assert set(profile["pools"][0]["functions"][0]) == _names(FunctionRow)
    assert profile["pools"][0]["advice"] == "too few calls to tell"


def _names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_a_forked_child_is_left_alone(profiled: Profiled) -> None:
    outcome = profiled(
        WORK
        + """
import os, warnings
warnings.simplefilter("ignore")
with ThreadPoolExecutor(1) as pool:
    pool.submit(fetch).result()
    child = os.fork()
    if child == 0:
        with ThreadPoolExecutor(1) as own:
            own.submit(fetch).result()
        sys.exit(0)
    os.waitpid(child, 0)
"""
    )
    assert outcome.status == 0, outcome.err
    assert outcome.err.count("thread pools in") == 1
    assert outcome.function("__main__.fetch")["calls"] == 1


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "profile", str(tmp_path / "no.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "no such program" in done.stderr


def test_a_module_can_be_profiled_through_the_harness_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "profile", "-m", "timeit", "-n", "1", "-r", "1", "pass"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 loop" in done.stdout
    assert "no call was submitted" in done.stderr
