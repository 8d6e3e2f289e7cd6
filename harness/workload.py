"""What a workload is to the harness, and how one is loaded from its file.

A workload describes tasks as generators: a task computes between its yields, yields the
seconds it wants to wait (its I/O part) and returns a small hashable result. The harness
does the waiting, so one definition serves threads, processes and asyncio, and the same
task can wait by sleeping or on a real socket.
"""

import importlib.util
import sys
from collections.abc import Generator, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

Task = Generator[float, None, Hashable]


class Workload(Protocol):
    """Tasks of one kind over a fixed set of inputs.

    ``variants`` is the number of distinct inputs; the result of ``task(index)`` depends on
    ``index % variants`` alone, which lets the harness check every task against a reference.

    A workload may also have ``errors``, classes of exceptions that are part of its work
    (refused, timed out): a task that raises one is counted as a failure. Any other exception
    ends the trial. Where the right results are known without computing, ``results`` has them,
    one for each variant.
    """

    variants: int

    def task(self, index: int) -> Task:
        """One task: yields waits in seconds, returns its result."""
        ...


class WrongResultError(Exception):
    """A task returned something else than the same input gave when it ran alone."""


def load_workload(path: Path, parameters: Mapping[str, object]) -> Workload:
    """Load a workload file and call its ``setup(**parameters)``.

    Raises ``AttributeError`` when the file has no ``setup``, ``ValueError`` when what it
    returns has no inputs, and whatever the file itself raises.
    """
    name = f"workload_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    workload: Workload = module.setup(**parameters)
    if workload.variants < 1:
        raise ValueError(f"{path}: a workload needs at least one input")
    return workload


def declared_errors(workload: Workload) -> tuple[type[Exception], ...]:
    """The errors that are part of a workload; none for most.

    Raises ``TypeError`` for anything but classes of exceptions: ``BaseException`` itself, and
    what ends a process, cannot be part of anybody's work.
    """
    errors = tuple(getattr(workload, "errors", ()))
    for error in errors:
        if not (isinstance(error, type) and issubclass(error, Exception)):
            raise TypeError(f"errors of a workload are classes of exceptions, not {error!r}")
    return errors


def run_without_waiting(task: Task) -> Hashable:
    """Run a task's computation and skip its waits; for reference results."""
    try:
        while True:
            next(task)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def reference_results(workload: Workload) -> tuple[Hashable, ...]:
    """The right result of every variant: known, or computed once by the calling thread."""
    known: Sequence[Hashable] | None = getattr(workload, "results", None)
    if known is not None:
        return tuple(known)
    return tuple(run_without_waiting(workload.task(i)) for i in range(workload.variants))
