"""Every counterpart of a table of the paper, in the paper's order."""

from collections.abc import Iterator

from harness.analysis.paper_tables.clocks import clock_tables
from harness.analysis.paper_tables.inputs import Inputs
from harness.analysis.paper_tables.interpreters import interpreter_tables
from harness.analysis.paper_tables.memory import memory_tables
from harness.analysis.paper_tables.strategies import strategy_tables
from harness.analysis.paper_tables.throughput import throughput_tables
from harness.analysis.paper_tables.timeline import timeline_tables
from harness.analysis.writing import Table


def paper_tables(inputs: Inputs) -> Iterator[Table]:
    """The tables one after the other; none for an experiment that was not run."""
    yield from throughput_tables(inputs)
    yield from interpreter_tables(inputs)
    yield from clock_tables(inputs)
    yield from memory_tables(inputs)
    yield from strategy_tables(inputs)
    yield from timeline_tables(inputs)
