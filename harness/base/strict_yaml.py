"""YAML as configuration needs it: plain data, no key twice, no aliases, no surprises."""

import os
from pathlib import Path
from typing import Any

import yaml

from harness.base.errors import ConfigError

MAX_BYTES = 1_000_000
LARGEST_INTEGER = 2**53


#: collections inside collections; more than any configuration has, less than any stack
DEEPEST = 50
#: the parser of libyaml, which is ten times as fast, where PyYAML was built with it
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _refuse_shape(text: str) -> None:
    """Refuse aliases, which can expand without bound, and what is nested without end."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases are not allowed; write the value out"
        elif depth > DEEPEST:
            problem = "nested too deeply"
        else:
            continue
        mark: Any = event.start_mark
        raise yaml.constructor.ConstructorError(None, None, problem, mark)


class _StrictLoader(_Loader):  # type: ignore[misc]
    """A safe loader that refuses duplicate keys and large integers."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a mapping was expected here", node.start_mark
            )
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is not a text; quote it", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_yaml_int(self, node: Any) -> int:
        value = int(super().construct_yaml_int(node))
        if abs(value) > LARGEST_INTEGER:
            raise yaml.constructor.ConstructorError(
                None, None, "this integer is too large", node.start_mark
            )
        return value


# SafeLoader's table holds its own function: a subclass has to register the override.
_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_yaml_int)


def load(path: Path) -> Any:
    """Read one YAML document as plain dicts, lists, texts, numbers and booleans.

    Raises ``ConfigError`` for anything else: unreadable, too large, not UTF-8, not YAML, a
    tag that would construct an object, a duplicate key, an alias.
    """
    try:
        if b"\0" in os.fsencode(path):
            raise ConfigError(f"{str(path)!r}: is not a path")
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes; this is no configuration")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeEncodeError:  # half a surrogate pair
        raise ConfigError(f"{str(path)!r}: is not a path") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text: {error.reason}") from None
    try:
        _refuse_shape(text)
        return yaml.load(text, _StrictLoader)  # derived from a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{where}: {problem}") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        # What PyYAML's constructors let through for a value that does not fit its tag.
        raise ConfigError(f"{path}: a value does not fit its tag: {error!r:.200}") from None
