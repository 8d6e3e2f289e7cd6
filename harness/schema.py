"""Checking plain data against the JSON Schemas in ``config/schema/``."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.light_jsonschema import jsonschema
from harness.strict_yaml import ConfigError, load

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "config" / "schema"


def _is_count(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: object, value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"integer": _is_count, "number": _is_number}
)
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, type_checker=_CHECKER
)


def _shorten(text: str, length: int) -> str:
    """The text, cut in the middle: the value stands first, the reason last."""
    if len(text) <= length:
        return text
    return f"{text[: length // 2]} … {text[-length // 2 :]}"


def validate(data: Any, schema: str, path: Path) -> None:
    """Check ``data`` against a schema; raises ``ConfigError`` naming file, key and reason."""
    rules = json.loads((SCHEMA_FOLDER / f"{schema}.json").read_text())
    errors = sorted(
        _Validator(rules).iter_errors(data), key=lambda e: list(map(str, e.absolute_path))
    )
    if not errors:
        return
    lines = []
    for error in errors[:5]:
        best = jsonschema.exceptions.best_match([error]) or error
        key = ".".join(str(part) for part in best.absolute_path) or "(top level)"
        lines.append(f"{path}: {key}: {_shorten(best.message, 300)}")
    if len(errors) > 5:
        lines.append(f"{path}: and {len(errors) - 5} more")
    raise ConfigError("\n".join(lines))


def read_checked(path: Path, schema: str) -> dict[str, Any]:
    """Read a YAML file and check it; raises ``ConfigError``."""
    data = load(path)
    validate(data, schema, path)
    return dict(data)


def require_known(names: Iterable[str], known: Mapping[str, object], path: Path, key: str) -> None:
    """Raise ``ConfigError`` when one of ``names``, found in ``path`` at ``key``, is not known."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {key}: {name!r} is not known; known are {', '.join(sorted(known))}"
            )
