"""Ways to spoil a configuration: its data, its text, and what the command line adds."""

import copy
import shutil
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from tests import ROOT

FILES = (
    "config.yaml",
    "experiments.yaml",
    "workloads.yaml",
    "interpreters.yaml",
    "presets/smoke.yaml",
)
Document = dict[str, Any]

NAMES = st.sampled_from(
    [
        *("../../x", "a;touch y", "x" * 300, "grün", "", "-rf", "A", "a b", "a/b", ".", "$(x)"),
        *("`id`", "a\nb", "a\0b", "%s", "{x}", "~", "con", "fixed", "rag", "micro", "smoke"),
        *("cpython-3.12", "cpython-3.13t", "sleep", "socket", "batch", "\ud800", "\u202e", "'"),
    ]
)
NUMBERS = st.sampled_from(
    [0, 1, 2, -1, 3, 64, 4096, 10**9, 2**53 + 1, 10**30, 2.0, 3.10, 1e3, -0.0, 1e308]
) | st.sampled_from([float("inf"), float("-inf"), float("nan"), True, False, None])
SCALARS = NAMES | NUMBERS | st.text(max_size=20) | st.integers() | st.floats()
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=6,
)
BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
SNIPPETS = st.sampled_from(
    [
        "!!python/object/apply:os.system ['touch owned']",
        "!!python/name:os.system ''",
        "!!python/object/new:subprocess.Popen [['touch', 'owned']]",
        *("!!binary '????'", "!!set {a, b}", "!!omap [a: 1]", "!!timestamp '2001-99-99'"),
        *("!!int 'x'", "!!float ''", "!!bool maybe", "!!null x", "!!map [1]", "!!seq {a: 1}"),
        *("&x [*x]", "*nowhere", "<<: {a: 1}", "? [1]\n: 2", "- - -", "{", "]", "|", ">", "%"),
        *("--- \n", "...\n", "\t", "\x00", "\x85", "\ufeff", "\u2028", "0o7", "0b1", "1:30", "1_0"),
        *("3.10", "no", "1e3", "true", ".inf", ".nan", "2001-01-01", "=", "'", '"', "#", "\r"),
        *(BOMB, "[" * 2000, "{a: " * 500, "9" * 5000, "- " * 1000, "a: 1\n" * 2),
    ]
)


def shrunken_files() -> dict[str, Document]:
    """The shipped files with few entries, so that thousands of examples take minutes."""
    files = {
        name: yaml.load((ROOT / "config" / name).read_text(), yaml.CSafeLoader) for name in FILES
    }
    catalogue, preset = files["experiments.yaml"], files["presets/smoke.yaml"]
    catalogue["experiments"] = {"cliff": catalogue["experiments"]["cliff"]}
    preset["experiments"] = {"cliff": preset["experiments"]["cliff"]}
    used = {*preset["experiments"]["cliff"]["concurrency"], "processes", "paper_algorithm1"}
    used |= set(catalogue["experiments"]["cliff"]["strategies"])
    used |= {catalogue["strategies"][name].get("like", name) for name in used}
    catalogue["strategies"] = {n: s for n, s in catalogue["strategies"].items() if n in used}
    wanted = {*catalogue["experiments"]["cliff"]["workloads"], "onnx_mobilenet"}
    workloads = files["workloads.yaml"]
    workloads["workloads"] = {n: w for n, w in workloads["workloads"].items() if n in wanted}
    known = files["interpreters.yaml"]
    known["interpreters"] = {n: known["interpreters"][n] for n in known["default"]}
    return files


SHRUNKEN = shrunken_files()


def make_project(target: Path) -> Path:
    """A project with the shrunken configuration; returns its folder."""
    shutil.copytree(ROOT / "config", target / "config")
    (target / "workloads").mkdir()
    for file in (ROOT / "workloads").glob("*.py"):
        (target / "workloads" / file.name).touch()
    for name in FILES:
        restore(target, name)
    return target


def restore(project: Path, name: str) -> None:
    """Write a file as it was before it was spoilt."""
    (project / "config" / name).write_text(dump(SHRUNKEN[name]), encoding="utf-8")


def dump(document: object) -> str:
    """YAML of any data; of half a surrogate pair, what a broken program would write."""
    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    return text


@st.composite
def spoilt_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """The name of a configuration file and what stands in it instead."""
    name = draw(st.sampled_from(FILES))
    document = copy.deepcopy(SHRUNKEN[name])
    how = draw(st.sampled_from(["data"] * 6 + ["text"] * 4 + ["huge", "bytes"]))
    if how == "huge":
        return name, b"a: [" + b"x, " * draw(st.sampled_from([400_000, 2_000_000])) + b"x]\n"
    if how == "bytes":
        return name, draw(st.binary(max_size=200))
    if how == "data":
        try:
            text = dump(_mutated(document, draw))
        except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
            text = repr(document)
    else:
        text = _edited(dump(document), draw)
    return name, text.encode("utf-8", errors="surrogatepass")


def _mutated(document: Any, draw: st.DrawFn) -> Any:
    """Replace, rename, add or remove something at a random depth."""
    if isinstance(document, list) and document and draw(st.booleans()):
        document[draw(st.integers(0, len(document) - 1))] = draw(DATA)
        return document
    inside = list(document) if isinstance(document, dict) else []
    if not inside or draw(st.integers(0, 7)) == 0:
        return draw(DATA)
    key = draw(st.sampled_from(inside))
    change = draw(st.sampled_from(["descend"] * 6 + ["remove", "add", "rename"]))
    if change == "remove":
        del document[key]
    elif change == "add":
        document[draw(SCALARS)] = draw(DATA)
    elif change == "rename":
        document[draw(NAMES)] = document.pop(key)
    else:
        document[key] = _mutated(document[key], draw)
    return document


def _edited(text: str, draw: st.DrawFn) -> str:
    """Put a piece of YAML in place of a value, between two lines, or anywhere."""
    lines = text.splitlines(keepends=True)
    at = draw(st.integers(0, len(lines) - 1))
    snippet = draw(SNIPPETS)
    how = draw(st.sampled_from(["value", "line", "anywhere", "twice"]))
    if how == "value":
        key, colon, _ = lines[at].partition(":")
        lines[at] = f"{key}{colon or ':'} {snippet}\n"
    elif how == "line":
        lines.insert(at, f"{snippet}\n")
    elif how == "twice":
        lines.insert(at, lines[at])
    else:
        column = draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:column] + snippet + lines[at][column:]
    return "".join(lines)


#: what ``snakemake --config`` hands over: texts, numbers, lists, nothing
OVERRIDES = st.dictionaries(
    st.sampled_from(["preset", "interpreters", "io", "config_folder", "presets", "seed", "a;b"])
    | st.text(max_size=5),
    SCALARS | st.lists(SCALARS, max_size=3),
    max_size=2,
)
