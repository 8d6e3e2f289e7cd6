"""The measures by name: pure functions of a run's results, named in claims.yaml."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from harness.analysis.claims.data import Finding, Source

Measure = Callable[..., Finding]
MEASURES: dict[str, Measure] = {}


def measure(function: Measure) -> Measure:
    """Make a function known under its own name; it takes a source and named parameters."""
    MEASURES[function.__name__] = function
    return function


def apply(
    name: str, source: Source, parameters: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Finding:
    """Run a measure with its parameters; of ``defaults`` it gets those it has a name for.

    Raises ``NotMeasuredError``, and ``KeyError`` or ``TypeError`` for names it does not know.
    """
    function = MEASURES[name]
    accepted = inspect.signature(function).parameters
    named = {key: value for key, value in defaults.items() if key in accepted}
    return function(source, **{**named, **parameters})
