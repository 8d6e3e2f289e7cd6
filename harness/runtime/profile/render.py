"""A report as text for people and as JSON for programs."""

import dataclasses
from typing import Any

from .report import FunctionRow, PoolRow, Report

_WIDEST_NAME = 44
_HEADINGS = ("calls", "wall s", "CPU s", "naive", "beta*", "GIL", "CPU queue", "queued s")
_LEGEND = (
    "wall, CPU: thread seconds in calls. naive: 1 - CPU/wall. beta*: share of their own time "
    "that tasks block,\nwithout waiting for the GIL (GIL) or for a core (CPU queue), which are "
    "shares of wall. queued: waiting for a thread."
)


def as_text(report: Report) -> str:
    """A table for each pool with its advice; no line of it goes to the program's output."""
    gil = "with a GIL" if report.gil else "without a GIL"
    lines = [
        f"thread pools in {report.wall_seconds:.2f} s on CPython {report.python} {gil}, "
        f"{report.cores_granted:g} cores granted"
    ]
    lines += [f"note: {note}" for note in report.notes]
    if not report.pools:
        return "\n".join([*lines, "no call was submitted to a thread pool"])
    names = [row.name for pool in report.pools for row in pool.functions]
    width = min(_WIDEST_NAME, max([12, *map(len, names)]) + 2)
    for pool in report.pools:
        lines += ["", *_pool_lines(pool, width)]
    return "\n".join([*lines, "", _LEGEND])


def as_json(report: Report) -> dict[str, Any]:
    """Keys are those of ``Report``, ``PoolRow`` and ``FunctionRow``, units in their names.

    Shares and betas are from 0 to 1; what cannot be told is null.
    """
    return {"format": 1, **dataclasses.asdict(report)}


def _pool_lines(pool: PoolRow, width: int) -> list[str]:
    size = f"{pool.threads} of {pool.max_workers}" if pool.max_workers else str(pool.threads)
    enough = "?" if pool.enough_threads is None else str(pool.enough_threads)
    lines = [
        f"pool {pool.number}  {pool.kind} {pool.label}: {size} threads used, "
        f"{pool.busy_threads:.1f} busy, {pool.cores_used:.2f} cores, enough: {enough}",
        f"  -> {pool.advice}",
        "  " + " " * width + "".join(f"{heading:>10}" for heading in _HEADINGS),
    ]
    lines += [_row_line(row, width) for row in pool.functions]
    if len(pool.functions) > 1:
        lines.append(_row_line(pool.total, width))
    return lines


def _row_line(row: FunctionRow, width: int) -> str:
    name = row.name if len(row.name) <= width else "…" + row.name[1 - width :]
    calls = f"{row.calls}+{row.in_flight}" if row.in_flight else str(row.calls)
    cells = [
        calls,
        f"{row.wall_seconds:.3f}",
        f"{row.cpu_seconds:.3f}",
        _ratio(row.beta_naive),
        _ratio(row.beta_star),
        _percent(row.gil_wait_share),
        _percent(row.run_queue_share),
        f"{row.queued_seconds:.3f}",
    ]
    return f"  {name:<{width}}" + "".join(f"{cell:>10}" for cell in cells)


def _ratio(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.0f} %"
