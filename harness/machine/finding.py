"""One thing the doctor looked at, with advice where something is wrong."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from harness.machine.noise import Roots


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``serious`` means that measurements would suffer."""

    subject: str
    state: str
    serious: bool = False
    advice: str = ""

    @property
    def mark(self) -> str:
        """``ok``, ``--`` with advice, ``!!`` when serious."""
        return "!!" if self.serious else "--" if self.advice else "ok"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


Check = Callable[[Roots], Finding]


def finding(subject: str, state: str, problem: bool, advice: str, *, serious: bool) -> Finding:
    """A finding that carries its advice only when there is a problem."""
    return Finding(subject, state, problem and serious, advice if problem else "")
