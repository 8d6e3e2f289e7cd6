"""Every counterpart of a table of the paper, in the paper's order."""

from collections.abc import Iterator

from harness.analysis.tables.inputs import Inputs
from harness.analysis.tables.paper.clocks import clock_tables
from harness.analysis.tables.paper.interpreters import interpreter_tables
from harness.analysis.tables.paper.memory import memory_tables
from harness.analysis.tables.paper.strategies import strategy_tables
from harness.analysis.tables.paper.throughput import throughput_tables
from harness.analysis.tables.paper.timeline import timeline_tables
from harness.analysis.tables.writing import Table


def paper_tables(inputs: Inputs) -> Iterator[Table]:
    """The tables one after the other; none for an experiment that was not run."""
    yield from throughput_tables(inputs)
    yield from interpreter_tables(inputs)
    yield from clock_tables(inputs)
    yield from memory_tables(inputs)
    yield from strategy_tables(inputs)
    yield from timeline_tables(inputs)
