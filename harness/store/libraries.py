"""Whether all that is to be compared ran the same libraries, on the same interpreters."""

from collections.abc import Iterable

from harness.base.errors import ConfigError
from harness.store.records import Record

ALLOW = "allow_version_differences"


def differences(records: Iterable[Record]) -> list[str]:
    """What was measured in more than one version, and on which interpreters: a text each.

    A library must have one version in all records, an interpreter one build. What a trial
    did not import, and records without that knowledge, differ from nothing.
    """
    seen: dict[str, dict[str, set[str]]] = {}
    for record in records:
        interpreter = record["spec"]["interpreter"]
        about = record["result"].get("interpreter") or {}
        versions = dict(about.get("wheels") or {})
        if about.get("version"):
            versions[f"the interpreter {interpreter}"] = about["version"]
        for name, version in versions.items():
            seen.setdefault(name, {}).setdefault(str(version), set()).add(interpreter)
    return [
        f"{name}: "
        + "; ".join(f"{version} on {', '.join(sorted(on))}" for version, on in found.items())
        for name, found in sorted(seen.items())
        if len(found) > 1
    ]


def note_on_differences(records: Iterable[Record], allowed: bool) -> str:
    """What tables must say about differing versions; empty when nothing differs.

    Raises ``ConfigError`` unless the user asked for the comparison.
    """
    found = differences(records)
    if not found:
        return ""
    if not allowed:
        raise ConfigError(
            "the records were measured with different versions, and comparing them would "
            f"compare those ({' | '.join(found)}). Measure again with one version of each: move "
            "the results away, pin versions in requirements/worker.in that every interpreter has "
            "wheels for, run `make requirements`, and the same command again. To compare all the "
            f"same, set {ALLOW}: true in config/config.yaml"
        )
    return f"versions differ: {' | '.join(found)}"
