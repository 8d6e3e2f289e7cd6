"""Messages of the zygote and its trials: JSON objects, one a line, of known kinds.

The descriptor they are written to is open in the measured process, too, so that anything at
all may come out of it.
"""

import json
from numbers import Real
from typing import Any

#: what each kind of message must have, as numbers; ``report`` has texts instead
NUMBERS = {
    "hello": (),
    "started": ("pid", "speed_before"),
    "ready": ("setup_s", "ready_at", "open_at", "close_at"),
    "report": (),
    "ended": ("exit_code", "strays_killed", "cpu_s", "speed_after"),
}
TEXTS = {"report": ("status", "reason")}
#: the longest message; a controller's decisions over an hour take less
MOST_BYTES = 64 * 2**20
SHOWN_BYTES = 200


def parse(line: bytes) -> dict[str, Any]:
    """One message; ``{"event": "garbage", "text": …}`` for whatever is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return garbage(line)
    if not isinstance(message, dict) or message.get("event") not in NUMBERS:
        return garbage(line)
    event = message["event"]
    numbers = all(isinstance(message.get(key), Real) for key in NUMBERS[event])
    texts = all(isinstance(message.get(key), str) for key in TEXTS.get(event, ()))
    return message if numbers and texts else garbage(line)


def garbage(line: bytes) -> dict[str, Any]:
    """What stands for a line that is no message."""
    shown = line[:SHOWN_BYTES].decode(errors="backslashreplace")
    return {"event": "garbage", "text": shown + ("…" if len(line) > SHOWN_BYTES else "")}
