"""What a batch trial says of its own edges, and the numbers that only a batch has."""

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from harness.machine.counters import MemoryUse, TreeCounters
from harness.measure.observation import BatchTimes, Observation

Read = TypeVar("Read", TreeCounters, MemoryUse, BatchTimes)


def adopt(seen: Observation) -> None:
    """Take counters, memory and times from the report of a batch, if it is one's and ended well.

    What cannot be is noted as ``garbage``: the report comes from the measured process.
    """
    told = seen.report.get("batch")
    if told is None:
        return
    try:
        times = _read(BatchTimes, told)
        if not times.open_at <= times.drained_at <= times.resumed_at <= times.close_at:
            raise ValueError(f"times out of order: {times}")
        seen.tree_at_open = _read(TreeCounters, told["tree_at_open"])
        seen.tree_at_close = _read(TreeCounters, told["tree_at_close"])
        if told["memory"] is not None:
            seen.memory = _read(MemoryUse, told["memory"])
    except (KeyError, TypeError, ValueError) as error:
        seen.garbage = seen.garbage or f"no report of a batch: {error!r}"[:200]
        return
    seen.batch = times
    seen.ready = {**seen.ready, "open_at": times.open_at, "close_at": times.close_at}


def _read(kind: type[Read], told: Any) -> Read:
    """A record of numbers from JSON; raises ``KeyError``, ``TypeError``, ``ValueError``."""
    values = {}
    for field in fields(kind):
        value = told[field.name]
        optional = value is None and "None" in str(field.type)
        if not optional and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{field.name} is {value!r}")
        values[field.name] = value
    return kind(**values)


def batch_metrics(seen: Observation) -> dict[str, float | int | None]:
    """Seconds a batch took, and its two ends; all None for a trial that is no batch.

    ``startup_s`` is until the last of the workers that ran a task had begun its first;
    ``shutdown_s`` is from the last task's end until the pool was gone.
    """
    times, tasks = seen.batch, seen.tasks
    if times is None or tasks is None or not len(tasks.started):
        return dict.fromkeys(("elapsed_s", "startup_s", "shutdown_s"))
    owners = np.stack([tasks.process, tasks.worker], axis=1)
    _, index = np.unique(owners, axis=0, return_inverse=True)
    first = np.full(index.max() + 1, np.inf)
    np.minimum.at(first, index.ravel(), tasks.started)
    after_last = times.drained_at - float(np.nanmax(tasks.ended))
    return {
        "elapsed_s": times.elapsed_s,
        "startup_s": float(first.max()) - times.open_at,
        "shutdown_s": after_last + times.close_at - times.resumed_at,
    }
