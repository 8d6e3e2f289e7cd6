"""Read the machine's apt configuration and derive a source entry for another release.

The mirror and the key are the machine's own: nothing here knows a host name.
Formats: sources.list(5), both the one-line and the deb822 style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_DEBIAN_SUITE = re.compile(
    r"(sid|unstable|testing|(old){0,2}stable|bullseye|bookworm|trixie|forky|duke)"
    r"(-updates|-backports|-proposed-updates)?"
)
# Ends in /debian; a snapshot adds its time; a mirror list names a file after the archive.
_DEBIAN_PATH = re.compile(r".*/debian(/\d{8}T\d{6}Z|\.list)?/?")
_ONE_LINE = re.compile(r"(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)")


@dataclass(frozen=True)
class AptEntry:
    """One archive of the machine's configuration."""

    uri: str
    suites: tuple[str, ...]
    signed_by: str = ""  # path, fingerprint, or a key block with its folded lines
    trusted: bool = False


def parse_one_line(text: str) -> list[AptEntry]:
    """Parse a `*.list` file; lines that are no entry are ignored."""
    entries = []
    for raw in text.splitlines():
        match = _ONE_LINE.match(raw.split("#", 1)[0].strip())
        if match:
            _, options, uri, suite = match.groups()
            pairs = (item.partition("=") for item in (options or "").split())
            given = {key.lower(): value for key, _, value in pairs}
            entries.append(
                AptEntry(uri, (suite,), given.get("signed-by", ""), given.get("trusted") == "yes")
            )
    return entries


def parse_deb822(text: str) -> list[AptEntry]:
    """Parse a `*.sources` file; disabled stanzas are left out."""
    entries = []
    for fields in _stanzas(text):
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "without", "off", "0"):
            continue
        suites = tuple(fields.get("suites", "").split())
        trusted = fields.get("trusted", "").strip().lower() == "yes"
        for uri in fields.get("uris", "").split():
            entries.append(AptEntry(uri, suites, fields.get("signed-by", "").strip(), trusted))
    return entries


def _stanzas(text: str) -> Iterable[Mapping[str, str]]:
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):  # a comment does not end a stanza
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += "\n" + line.rstrip()
        else:
            key, _, value = line.partition(":")
            name = key.strip().lower()
            fields[name] = value.strip()


def choose(entries: Iterable[AptEntry]) -> list[AptEntry]:
    """Return the entries that are Debian's main archive, the likeliest first, each URI once.

    Third-party archives are recognised by their path or suite. Derivatives may serve an
    archive of their own under /debian, therefore those signed by Debian's key come first.
    """
    chosen: dict[str, AptEntry] = {}
    for entry in entries:
        is_debian = any(_DEBIAN_SUITE.fullmatch(suite.strip("/")) for suite in entry.suites)
        if is_debian and _DEBIAN_PATH.fullmatch(urlsplit(entry.uri).path):
            chosen.setdefault(entry.uri, entry)
    return sorted(chosen.values(), key=lambda entry: "debian-archive" not in entry.signed_by)


def render_source_entry(entry: AptEntry, suite: str) -> str:
    """Return a deb822 stanza that offers the sources of `suite` from the entry's archive."""
    lines = ["Types: deb-src", f"URIs: {entry.uri}", f"Suites: {suite}", "Components: main"]
    if entry.signed_by:
        lines.append(f"Signed-By: {entry.signed_by}")
    if entry.trusted:
        lines.append("Trusted: yes")
    return "\n".join(lines) + "\n"


def read_machine(etc_apt: Path = Path("/etc/apt")) -> list[AptEntry]:
    """Parse every source file of the machine, in apt's order; unreadable ones are skipped."""
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    parsers = {".list": parse_one_line, ".sources": parse_deb822}
    entries: list[AptEntry] = []
    for file in files:
        parser = parsers.get(file.suffix)
        try:
            if parser:
                entries += parser(file.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    return entries
