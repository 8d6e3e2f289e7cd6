"""One thread of the pool and the few numbers it keeps about itself."""

import threading
import time
from contextvars import ContextVar
from typing import Any

from .probes import ThreadIdentity

#: how deep a worker runs tasks inside tasks before it waits instead
MOST_NESTED = 24


class Worker:
    """A worker's own record. Only its thread writes to it; others read.

    ``unoccupied`` is a pair, replaced as a whole so that readers see it consistent: seconds
    without a task so far, and since when the worker has none (None: it has one).
    """

    __slots__ = (
        "completed",
        "identity",
        "moved",
        "nested",
        "pool",
        "thread",
        "unoccupied",
        "variables",
    )

    def __init__(self, pool: object) -> None:
        #: told apart from other pools by identity alone
        self.pool = pool
        self.completed = 0
        self.nested = 0
        self.moved = False
        self.unoccupied: tuple[float, float | None] = (0.0, time.monotonic())
        self.identity: ThreadIdentity | None = None
        self.thread: threading.Thread | None = None
        # context variables that the pool's initializer has set in this thread
        self.variables: dict[ContextVar[Any], Any] = {}

    def unoccupied_seconds(self, now: float) -> float:
        """Seconds up to ``now`` in which the worker had no task."""
        total, since = self.unoccupied
        return total if since is None else total + max(0.0, now - since)

    def free(self, now: float) -> None:
        """The worker has no task from now on."""
        self.unoccupied = (self.unoccupied[0], now)

    def take_up(self) -> None:
        """The worker has a task again."""
        total, since = self.unoccupied
        if since is not None:
            self.unoccupied = (total + time.monotonic() - since, None)


class Here(threading.local):
    """What the calling thread is: a worker of some pool, or nothing."""

    worker: Worker | None = None


here = Here()
