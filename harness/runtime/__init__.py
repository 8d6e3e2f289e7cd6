"""A ``ThreadPoolExecutor`` that finds the number of its threads by itself.

``AdaptiveThreadPoolExecutor`` takes the time of its workers apart (CPU, run queue, GIL, waiting)
and sizes itself by what is left; ``profile`` says the same of any program's pools. Standard
library only: this folder is a distribution of its own (see pyproject.toml), which the harness uses
in place.
"""

from .executor import AdaptiveThreadPoolExecutor, Stats
from .policy import Decision, Policy

__all__ = ["AdaptiveThreadPoolExecutor", "Decision", "Policy", "Stats"]
