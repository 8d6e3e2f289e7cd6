"""YAML is read as plain data, or refused with file and reason."""

from pathlib import Path

import pytest

from harness.base import strict_yaml
from harness.base.errors import ConfigError


def refusal_of(text: str | bytes, path: Path) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as refused:
        strict_yaml.load(path)
    return str(refused.value)


def test_yaml_gives_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb: [x, 2.5, true, null]\nc: {d: é}\n", encoding="utf-8")
    assert strict_yaml.load(path) == {"a": 1, "b": ["x", 2.5, True, None], "c": {"d": "é"}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2\n", "'a' occurs twice"),
        ("x: {a: 1, a: 1}\n", "'a' occurs twice"),
        ("no: 1\n", "not a text"),
        ("1: 1\n", "not a text"),
        ("? [1, 2]\n: 3\n", "not a text"),
        ("a: &x [1]\nb: *x\n", "aliases are not allowed"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "aliases are not allowed"),
        ("<<: {a: 1}\n", "merge"),
        ("a: !!python/object/apply:os.system ['touch owned']\n", "python/object/apply"),
        ("a: !thing 1\n", "!thing"),
        ("a: [1\n", "expected"),
        ("a: 1\n---\nb: 2\n", "another document"),
        ("a: 2001-99-99\n", "month"),
        (b"a: \xff\xfe\n", "not UTF-8"),
        (b"a: \x00\n", "not allowed"),
        ("a: " + "9" * 5000, "digits"),
        ("[" * 5000, "nested too deeply"),
        ("{a: " * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("a: " + "x" * 2_000_000, "larger than"),
    ],
)
def test_yaml_refusal_names_file_and_reason(text: str | bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    message = refusal_of(text, path)
    assert message.startswith(str(path))
    assert reason in message
    assert list(tmp_path.iterdir()) == [path]


def test_yaml_refusal_tells_line_and_column(tmp_path: Path) -> None:
    assert "line 3, column 1:" in refusal_of("a: 1\nb: 2\na: 3\n", tmp_path / "odd.yaml")


def test_alias_bomb_is_refused_without_expanding(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases" in refusal_of(bomb, tmp_path / "bomb.yaml")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "\ud800/x.yaml"])
def test_text_that_cannot_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a path"):
        strict_yaml.load(Path(name))


@pytest.mark.parametrize("name", ["absent.yaml", "folder"])
def test_unreadable_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=name):
        strict_yaml.load(tmp_path / name)
