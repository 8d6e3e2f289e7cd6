"""The beta-adaptive executor of ``harness.runtime``, and its ablations."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from harness.runtime import AdaptiveThreadPoolExecutor, Decision, Policy
from harness.strategies.base import Batch, Load, Strategy, keep_busy, run_through, start_together

#: parameters of the strategy that are options of the executor or of its policy
EXECUTOR_OPTIONS = ("keep_together", "use_proc")
POLICY_OPTIONS = ("gil_sampling", "run_queue", "headroom", "verify", "metric", "threshold", "spare")


class Adaptive(Strategy):
    """An adaptive pool of at most ``concurrency`` threads, under load from its first moment.

    Nothing is started beforehand: with ``cold`` the window opens with the first submit, else
    after the warm-up; ``held`` starts the pool at ``concurrency`` and keeps it there. Times of
    decisions are seconds of ``perf_counter``, which on Linux is the clock the executor uses.
    """

    def __init__(self, concurrency: int, parameters: Mapping[str, Any]) -> None:
        super().__init__(concurrency, parameters)
        self._decisions: list[Decision] = []
        self._executor: AdaptiveThreadPoolExecutor | None = None
        self._started = 0.0

    def run(self, load: Load) -> None:
        """Submit the population to a new pool and let it find its size."""
        executor = self._make_executor()
        if self.parameters.get("held"):
            start_together(executor, self.concurrency, load, load.run)
        else:
            load.begin()
            keep_busy(executor, load, load.run)
        load.wait_until_closed()

    def run_batch(self, batch: Batch) -> None:
        """Submit the tasks to a new pool and let it find its size."""
        run_through(self._make_executor(), batch, batch.run)

    def _make_executor(self) -> AdaptiveThreadPoolExecutor:
        self._executor = make_executor(self.concurrency, self.parameters, self._decisions)
        self._started = perf_counter()
        return self._executor

    def report(self) -> dict[str, Any]:
        """The decisions in order of time, and what the pool knew at the end."""
        if self._executor is None:  # it could not be made
            return {}
        stats = self._executor.stats()
        start = [{"at": self._started, "workers": 0, "backlog": 0, "action": "start"}]
        return {
            "decisions": start + [_entry(decision) for decision in self._decisions],
            "final_workers": stats.target,
            "metric_size": stats.model_size,
            "stats": {k: v for k, v in stats._asdict().items() if k != "decisions"},
        }


def make_executor(
    most: int, parameters: Mapping[str, Any], decisions: list[Decision]
) -> AdaptiveThreadPoolExecutor:
    """An executor as the parameters say; its decisions are appended to ``decisions``."""
    return AdaptiveThreadPoolExecutor(
        most,
        min_workers=most if parameters.get("held") else 1,
        policy=Policy(**{k: parameters[k] for k in POLICY_OPTIONS if k in parameters}),
        on_decision=decisions.append,
        **{k: parameters[k] for k in EXECUTOR_OPTIONS if k in parameters},
    )


def _entry(decision: Decision) -> dict[str, Any]:
    """A decision under the names all controllers use."""
    entry = decision._asdict()
    return {
        "at": entry.pop("at"),
        "workers": entry.pop("target"),
        "backlog": entry.pop("backlog"),
        "action": entry.pop("reason"),
        "beta": entry.pop("beta_naive"),
        **{key: value for key, value in entry.items() if key != "previous"},
    }
