"""``like: NAME``: an entry of a configuration file that is another one with changes.

The entry takes over everything that it does not say itself. Of mappings, such as parameters,
each key is taken over by itself; lists and single values are replaced whole.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.base.errors import ConfigError

KEY = "like"
#: so many steps from an entry to the one that is written out
DEEPEST = 4


def resolve(document: Any, sections: tuple[str, ...], path: Path) -> Any:
    """A YAML document with the ``like`` of every entry of ``sections`` carried out.

    Raises ``ConfigError`` for an unknown name, a circle, and more than ``DEEPEST`` steps. What
    is no mapping stays as it is: that is for whoever checks the document.
    """
    if not isinstance(document, Mapping):
        return document
    return {
        key: _section(value, key, path) if key in sections else value
        for key, value in document.items()
    }


def _section(entries: Any, section: str, path: Path) -> Any:
    if not isinstance(entries, Mapping):
        return entries
    return {name: _written_out(name, entries, f"{path}: {section}.{name}") for name in entries}


def _written_out(name: str, entries: Mapping[str, Any], where: str) -> Any:
    """An entry with all that it takes over from others."""
    chain, entry = [name], entries[name]
    changes: list[Mapping[str, Any]] = []
    while isinstance(entry, Mapping) and KEY in entry:
        changes.append({key: value for key, value in entry.items() if key != KEY})
        parent = entry[KEY]
        if not isinstance(parent, str) or parent not in entries:
            raise ConfigError(
                f"{where}.{KEY}: {parent!r} is not known; it names another entry beside this one"
            )
        chain.append(parent)
        if parent in chain[:-1]:
            raise ConfigError(f"{where}.{KEY}: {' is like '.join(chain)}: write one of them out")
        if len(chain) > DEEPEST + 1:
            raise ConfigError(
                f"{where}.{KEY}: more than {DEEPEST} steps ({' is like '.join(chain)} …); "
                "write one of them out"
            )
        entry = entries[parent]
    for change in reversed(changes):
        if not isinstance(entry, Mapping):
            break
        entry = _merged(entry, change)
    return entry


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged
