"""Apt's configuration is read, third-party archives are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.interpreters.apt_sources import (
    AptEntry,
    choose,
    parse_deb822,
    parse_one_line,
    read_machine,
    render_source_entry,
)

pytestmark = pytest.mark.real

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEB822 = f"""\
# written by the installer
Types: deb
# a comment inside a stanza
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
"""


def test_deb822() -> None:
    assert parse_deb822(DEB822) == [
        AptEntry("http://mirror.test/debian", ("bookworm", "bookworm-updates"), KEYRING),
        AptEntry("http://mirror.test/debian-security", ("bookworm-security",), KEYRING),
    ]


def test_deb822_with_the_key_inside() -> None:
    text = (
        "types: deb\nuris: http://m.test/debian http://n.test/debian/\nsuites: trixie\n"
        "signed-by:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n"
        " -----END PGP PUBLIC KEY BLOCK-----\ntrusted: yes\n"
    )
    first, second = parse_deb822(text)
    assert (first.uri, second.uri) == ("http://m.test/debian", "http://n.test/debian/")
    # Rendered and read again, the folded key is the same.
    again = parse_deb822(render_source_entry(first, "trixie"))
    assert again == [first]
    assert first.trusted and first.signed_by.endswith("-----END PGP PUBLIC KEY BLOCK-----")


def test_one_line() -> None:
    text = (
        "# deb http://no.test/debian bookworm main\n"
        f"deb [arch=amd64 signed-by={KEYRING}] http://m.test/debian bookworm main # here\n"
        "deb-src http://m.test/debian bookworm main contrib\n"
        "deb [trusted=yes] file:/srv/debian trixie main\n"
        "nonsense\n"
    )
    assert parse_one_line(text) == [
        AptEntry("http://m.test/debian", ("bookworm",), KEYRING),
        AptEntry("http://m.test/debian", ("bookworm",)),
        AptEntry("file:/srv/debian", ("trixie",), trusted=True),
    ]


def test_only_debians_main_archive_is_chosen_its_own_key_first() -> None:
    entries = [
        AptEntry("http://board.test/debian/", ("bookworm",), "/usr/share/keyrings/board.gpg"),
        AptEntry("http://packages.test/apt", ("cloud-sdk-bookworm",)),
        AptEntry("http://node.test/node_20.x", ("nodistro",)),
        AptEntry("http://vendor.test/debian", ("./",)),
        AptEntry("http://m.test/debian-security", ("bookworm-security",), KEYRING),
        AptEntry("http://u.test/ubuntu", ("noble",)),
        AptEntry("http://m.test/debian", ("bookworm-updates",), KEYRING),
        AptEntry("http://m.test/debian", ("bookworm",), KEYRING),
        AptEntry("http://s.test/archive/debian/20250520T000000Z", ("trixie",)),
        AptEntry("mirror+file:///etc/apt/mirrors/debian.list", ("trixie",)),
        AptEntry("mirror+file:///etc/apt/mirrors/debian-security.list", ("trixie-security",)),
    ]
    assert [entry.uri for entry in choose(entries)] == [
        "http://m.test/debian",
        "http://board.test/debian/",
        "http://s.test/archive/debian/20250520T000000Z",
        "mirror+file:///etc/apt/mirrors/debian.list",
    ]


def test_rendered_entry() -> None:
    entry = AptEntry("http://m.test/debian", ("bookworm",), KEYRING)
    assert render_source_entry(entry, "trixie") == (
        "Types: deb-src\nURIs: http://m.test/debian\nSuites: trixie\nComponents: main\n"
        f"Signed-By: {KEYRING}\n"
    )


def test_both_styles_are_read_from_the_machine(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.test/debian trixie main\n")
    (parts / "b.list").write_text("deb http://b.test/x stable main\n")
    (parts / "c.sources").write_text(DEB822)
    (parts / "d.sources.disabled").write_text(DEB822)
    uris = [entry.uri for entry in read_machine(tmp_path)]
    assert uris[:2] == ["http://a.test/debian", "http://b.test/x"]
    assert len(uris) == 4
    assert read_machine(tmp_path / "absent") == []
