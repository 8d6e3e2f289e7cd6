"""The ways of running tasks that are compared, by the ``kind`` that configuration names.

Another one is a module here, an entry below, a model of its parameters in
``harness/design/strategies.py`` and an entry in ``config/experiments.yaml``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from harness.strategies.adaptive import Adaptive
from harness.strategies.base import Batch, Load, Strategy
from harness.strategies.controlled import ControlledPool
from harness.strategies.event_loop import EventLoop
from harness.strategies.fixed import FixedPool
from harness.strategies.paper_algorithm1 import PaperAlgorithm1
from harness.strategies.processes import ProcessPool
from harness.strategies.queue_scaler import QueueScaler
from harness.strategies.shared import SharedProcess

KINDS: Mapping[str, Callable[[int, Mapping[str, Any]], Strategy]] = {
    "fixed": FixedPool,
    "processes": ProcessPool,
    "event_loop": EventLoop,
    "queue_scaler": partial(ControlledPool, QueueScaler),
    "paper_algorithm1": partial(ControlledPool, PaperAlgorithm1),
    "adaptive": Adaptive,
    "shared": SharedProcess,
}

__all__ = ["KINDS", "Batch", "Load", "Strategy"]
