"""A pool of threads on an invented machine, sized by the real controller.

``machine`` has cores, a run queue and perhaps a GIL; ``programs`` says what simulated threads do;
``pool`` puts the real governor (controller, placement, limits, meter) in front of them.
"""

from harness.simulation.run import Outcome, simulate

__all__ = ["Outcome", "simulate"]
