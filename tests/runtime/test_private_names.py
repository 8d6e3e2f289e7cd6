"""The private names the executor uses of the standard library, and those it offers itself.

Used: ``threading._register_atexit``, the only way to be told of the interpreter's end before
it waits for the worker threads; ``concurrent.futures`` uses it for the same.

Offered, read-only, because programs read them of a ``ThreadPoolExecutor``:

    _max_workers   the bound given, not the present number
    _threads       a snapshot of the threads there are; a finished pool has none
    _work_queue    something with ``qsize()``
    _shutdown      whether calls are refused
    _broken        False, or why the pool is

Not offered: _idle_semaphore, _shutdown_lock, _initializer, _initargs, _create_worker_context,
_resolve_work_item_task and _adjust_thread_count, which have no meaning here.
"""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from harness.runtime import AdaptiveThreadPoolExecutor

pytestmark = pytest.mark.measures

OFFERED = ("_max_workers", "_threads", "_work_queue", "_shutdown", "_broken")


def test_the_hook_for_interpreter_exit_exists_and_runs_before_threads_are_joined() -> None:
    code = """
import threading
end = threading.Event()
threading.Thread(target=end.wait).start()
threading._register_atexit(lambda: (print("first"), end.set()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "first\n"
    assert callable(threading._register_atexit)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OFFERED)
def test_names_offered_are_the_standard_librarys_and_read_only(name: str) -> None:
    with ThreadPoolExecutor(1) as original, AdaptiveThreadPoolExecutor(1) as executor:
        assert hasattr(original, name)
        with pytest.raises(AttributeError):
            setattr(executor, name, None)


def test_names_offered_tell_what_the_standard_librarys_tell() -> None:
    end, begun = Event(), Event()
    for kind in (ThreadPoolExecutor, AdaptiveThreadPoolExecutor):
        end.clear()
        begun.clear()
        with kind(1) as executor:
            executor.submit(lambda: (begun.set(), end.wait(60)))
            assert begun.wait(60)
            executor.submit(int)
            assert executor._max_workers == 1
            assert len(executor._threads) == 1
            assert executor._work_queue.qsize() == 1
            assert executor._shutdown is False
            assert executor._broken is False
            end.set()
        assert executor._shutdown is True
