"""The beta-adaptive runtime: a thread pool executor that finds its best size by itself.

Standard library only; CPython 3.12 to 3.14 with and without a GIL. It knows nothing of the
rest of the harness and can be taken out of it as it is.
"""

from .executor import AdaptiveThreadPoolExecutor, Stats
from .policy import Decision, Policy

__all__ = ["AdaptiveThreadPoolExecutor", "Decision", "Policy", "Stats"]
