"""Named values in one column of trials.csv: written as ``key=value;…`` and read back.

Values are JSON, so a text stands in quotes and may hold the separators: ``;`` and ``=`` end
nothing inside them. Keys are names without either.
"""

import json
from collections.abc import Mapping
from typing import Any

_DECODER = json.JSONDecoder()


def parameter_text(values: Mapping[str, Any]) -> str:
    """The values in the order of their keys; empty for none."""
    return ";".join(f"{key}={json.dumps(values[key])}" for key in sorted(values))


def parse_parameters(text: object) -> dict[str, Any]:
    """The inverse of :func:`parameter_text`; empty for anything but a text.

    What is no JSON is taken as a text up to the next ``;``: older tables hold texts without
    quotes. A part without ``=`` is passed over.
    """
    found: dict[str, Any] = {}
    rest = text if isinstance(text, str) else ""
    while "=" in rest:
        before, _, rest = rest.partition("=")
        key = before.rpartition(";")[2]
        found[key], rest = _value(rest)
    return found


def _value(text: str) -> tuple[Any, str]:
    """The value that ``text`` begins with, and what follows its ``;``."""
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        end = None
    if end is None or text[end : end + 1] not in ("", ";"):
        value, _, rest = text.partition(";")
        return value, rest
    return value, text[end + 1 :]
