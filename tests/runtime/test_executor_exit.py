"""How an interpreter ends that still has an executor; and systems that refuse threads."""

import subprocess
import sys

import pytest

from tests import ROOT

pytestmark = pytest.mark.measures

IMPORTS = """
import atexit, os, threading, time
from harness.runtime import AdaptiveThreadPoolExecutor as Executor
"""


def run(code: str) -> str:
    """What a program prints; it has to end by itself, with nothing on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_pending_work_is_finished_before_the_interpreter_ends() -> None:
    code = """
executor = Executor(2)
for n in range(20):
    executor.submit(lambda: (time.sleep(0.001), print("done", flush=True)))
"""
    assert run(code).count("done") == 20


def test_work_of_a_dropped_and_of_a_shut_down_executor_is_finished() -> None:
    code = """
executor = Executor(1)
executor.submit(print, "shut down", flush=True)
executor.shutdown(wait=False)
Executor(1).submit(print, "dropped", flush=True)
"""
    assert set(run(code).splitlines()) == {"shut down", "dropped"}


@pytest.mark.parametrize("creation", ["executor = Executor(1)", ""])
def test_submitting_at_exit_is_an_error_of_old_and_new_executors(creation: str) -> None:
    code = f"""
{creation}
@atexit.register
def late():
    try:
        (globals().get("executor") or Executor(1)).submit(int)
    except RuntimeError as error:
        print(error)
"""
    assert run(code) == "cannot schedule new futures after interpreter shutdown\n"


def test_a_task_that_submits_at_exit_hears_of_it() -> None:
    code = """
executor = Executor(1)
def task():
    while not executor._shutdown:
        time.sleep(0.001)
    try:
        executor.submit(int)
    except RuntimeError as error:
        print(error)
executor.submit(task)
"""
    assert run(code) == "cannot schedule new futures after interpreter shutdown\n"


def test_a_worker_that_forks_leaves_a_child_that_can_go_on() -> None:
    code = """
import warnings
warnings.simplefilter("ignore")
def task():
    child = os.fork()
    if child == 0:
        with Executor(1) as own:
            own.submit(print, "child", flush=True).result(30)
        print(executor.submit(pow, 2, 5).result(30), flush=True)
        os._exit(0)
    return os.waitpid(child, 0)[1]
executor = Executor(2)
print(executor.submit(task).result(30), executor.submit(int).result(30))
"""
    assert run(code) == "child\n32\n0 0\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS to bind")
def test_a_pool_that_the_system_refuses_threads_works_with_those_it_has() -> None:
    # Address space rather than the number of processes, which root is not held to.
    code = """
import resource
threading.stack_size(256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (1400 << 20, 1400 << 20))
executor = Executor(64, min_workers=64)
futures = [executor.submit(time.sleep, 0.001) for _ in range(200)]
assert all(future.result(30) is None for future in futures)
print(1 <= executor.stats().workers < 8)
"""
    assert run(code) == "True\n"
