"""The ways of running tasks that are compared, by the ``kind`` that configuration names.

Another one is a module here, an entry below, a model of its parameters in
``harness/design/strategies.py`` and an entry in ``config/experiments.yaml``.
"""

from collections.abc import Mapping

from harness.strategies.adaptive import Adaptive
from harness.strategies.base import Batch, Load, Strategy
from harness.strategies.event_loop import EventLoop
from harness.strategies.fixed import FixedPool
from harness.strategies.paper_algorithm1 import PaperAlgorithm1
from harness.strategies.processes import ProcessPool
from harness.strategies.queue_scaler import QueueScaler

KINDS: Mapping[str, type[Strategy]] = {
    "fixed": FixedPool,
    "processes": ProcessPool,
    "event_loop": EventLoop,
    "queue_scaler": QueueScaler,
    "paper_algorithm1": PaperAlgorithm1,
    "adaptive": Adaptive,
}

__all__ = ["KINDS", "Batch", "Load", "Strategy"]
