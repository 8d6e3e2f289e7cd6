"""What pools owe the process: to end at interpreter exit, and to begin anew in a forked child."""

import os
import threading
import weakref
from typing import Protocol

from .worker import here


class Lasting(Protocol):
    """A pool, as the process sees it."""

    def close(self) -> None: ...

    def join(self) -> None: ...

    def reset_after_fork(self) -> None: ...


# Every pool that may have threads; guarded by _lock, which a finalizer may find taken.
_pools: "weakref.WeakSet[Lasting]" = weakref.WeakSet()
_lock = threading.RLock()
_exiting = threading.Event()


def register(pool: Lasting) -> None:
    """Close ``pool`` at interpreter exit and reset it in forked children."""
    with _lock:
        _pools.add(pool)


def exiting() -> bool:
    """Whether the interpreter is on its way out."""
    return _exiting.is_set()


def _close_all_at_exit() -> None:
    _exiting.set()
    with _lock:
        pools = list(_pools)
    for pool in pools:
        pool.close()
    for pool in pools:
        pool.join()


def _reset_in_child() -> None:
    pools = list(_pools)
    _lock.release()
    here.worker = None
    for pool in pools:
        pool.reset_after_fork()


# Private, and the only way: worker threads must be told to leave before the interpreter joins
# them, which it does before it runs the functions of ``atexit``. concurrent.futures does the
# same. tests/runtime/test_private_names.py checks that it exists and does this.
threading._register_atexit(_close_all_at_exit)  # type: ignore[attr-defined]

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_child=_reset_in_child, after_in_parent=_lock.release
    )
