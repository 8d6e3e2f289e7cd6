"""A profiler for thread pools: what their tasks wait for, and how many threads are enough.

Standard library only, like the pool around it, which it takes its measures from.
"""

from .report import FunctionRow, PoolRow, Report
from .session import Profile

__all__ = ["FunctionRow", "PoolRow", "Profile", "Report"]
