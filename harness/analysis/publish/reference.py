"""The committed reference: what of one run is kept in git, enough to make its tables again.

Texts and numbers go to ``results/reference/``, figures to ``paper_figures/reference/``. The same
run gives the same bytes. A ``README.md`` in either folder is written by hand and left alone.
"""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.analysis.data.results import figures_of
from harness.base.errors import ConfigError
from harness.base.whole_files import refuse_detour, write_whole
from harness.machine.describe import NOT_PUBLISHED, build_options

#: patterns of files in a run's folder; LaTeX versions of the tables are left out
PLAIN = (
    *("claims.csv", "machine.json", "titles.json"),
    *("tables/*.csv", "tables/*.md", "tables/*.json"),
)
PACKED = ("trials.csv", "timelines.csv", "decisions.csv")
MICRO = ("pyperf/micro-*.json",)
FIGURES = ("*.pdf", "*.png", "*.csv")
HAND_WRITTEN = "README.md"


def make_reference(run: Path, reference: Path) -> list[Path]:
    """Replace the reference and its figures by those of ``run``; returns the files written.

    What an older run left in either folder is removed. Raises ``ConfigError``, before anything
    is changed, when the run lacks something or when it is the reference.
    """
    if run.resolve() == reference.resolve():
        raise ConfigError(f"{run}: is the reference itself; name the folder of a run")
    pictures = figures_of(reference)
    content: dict[Path, bytes] = {}
    for source in _found(run, PLAIN):
        content[reference / source.relative_to(run)] = source.read_bytes()
    for source in _found(run, PACKED):
        # Without a time in its header, so that the bytes follow from the content alone.
        content[reference / f"{source.name}.gz"] = gzip.compress(source.read_bytes(), mtime=0)
    for source in _found(run, MICRO):
        content[reference / source.relative_to(run)] = _published(source)
    for source in _found(figures_of(run), FIGURES):
        content[pictures / source.name] = source.read_bytes()
    for folder in (reference, pictures):
        refuse_detour(folder)
        _clear(folder)
    for target, data in content.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)
    return list(content)


def _found(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        files = sorted(folder.glob(pattern))
        if not files:
            raise ConfigError(f"{folder}: has no {pattern}; let the run end first")
        yield from files


def _published(file: Path) -> bytes:
    """A file of pyperf's without what it tells of the host and of folders there."""

    def kept(values: dict[str, Any]) -> dict[str, Any]:
        values = {name: value for name, value in values.items() if name not in NOT_PUBLISHED}
        if (options := "python_config_args") in values:
            values[options] = build_options(str(values[options]))
        return values

    content = json.loads(file.read_text(encoding="utf-8"), object_hook=kept)
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _clear(folder: Path) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != HAND_WRITTEN:
            path.unlink()
