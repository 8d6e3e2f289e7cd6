"""Full and read-only disks, links and damage: old files stay, and the offender is named."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.base.errors import ConfigError
from harness.base.whole_files import read_json, refuse_detour, write_json, write_whole
from harness.store.records import CellFile
from harness.store.table import write_table
from tests.samples import a_record, a_trial


def mounted(folder: Path, options: str) -> None:
    """Mount a small file system of its own; skips the test where that is not allowed."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"mounting a small file system takes root: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted(folder, "size=64k")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave not a byte free."""
    with (folder / "filler").open("wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 4096):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_full_disk_keeps_every_record_before_and_names_the_file(small_disk: Path) -> None:
    cell = CellFile(small_disk / "raw" / "cell")
    written = 0
    with pytest.raises(OSError, match=r"cell\.jsonl\.partial") as refused:
        for written in range(10_000):
            cell.append(a_record(a_trial(concurrency=written + 1)))
    assert refused.value.errno == errno.ENOSPC
    assert 10 < written < 10_000
    assert len(cell.recover()) == written
    with pytest.raises(OSError, match=r"cell\.jsonl\.partial"):
        cell.append(a_record(a_trial(concurrency=20_000), reason="a longer one" * 1000))
    assert len(cell.recover()) == written


def test_full_disk_keeps_the_old_table_and_leaves_no_part_of_the_new(small_disk: Path) -> None:
    table, titles = small_disk / "trials.csv", small_disk / "titles.json"
    table.write_text("the earlier table")
    titles.write_text("{}")
    fill(small_disk)
    before = sorted(small_disk.iterdir())
    with pytest.raises(OSError, match=r"trials\.csv"):
        write_table(table, iter([{"workload": "x" * 10_000}]))
    with pytest.raises(OSError, match=r"titles\.json"):
        write_json(titles, {"x": "y" * 10_000})
    assert (table.read_text(), titles.read_text()) == ("the earlier table", "{}")
    assert sorted(small_disk.iterdir()) == before


def test_read_only_disk_keeps_what_is_there_and_is_named(small_disk: Path) -> None:
    cell = CellFile(small_disk / "cell")
    cell.append(a_record(a_trial()))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OSError, match=r"cell\.jsonl\.partial"):
        cell.append(a_record(a_trial(concurrency=9)))
    with pytest.raises(OSError, match=r"trials\.csv"):
        write_whole(small_disk / "trials.csv", "x")
    assert len(cell.recover()) == 1


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_no_failure_leaves_a_part_of_the_new_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if call == "write":
            patch.setattr("harness.base.whole_files.os.fdopen", full)
        elif call == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match=r"No space left on device: .*table\.csv"):
            write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_link_in_place_of_a_file_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "trials.csv"
    target.write_text("mine")
    link.symlink_to(target)
    write_whole(link, "new")
    assert target.read_text() == "mine"
    assert not link.is_symlink()
    assert link.read_text() == "new"


@pytest.mark.parametrize("dangling", [False, True])
def test_link_in_place_of_a_folder_is_refused_with_the_fix(dangling: bool, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "results"
    if not dangling:
        target.mkdir()
    link.symlink_to(target)
    with pytest.raises(ConfigError, match=r"results: is a symbolic link.*snakemake --directory"):
        refuse_detour(link)


def test_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(ConfigError, match="results: is not a folder; move it away"):
        refuse_detour(tmp_path / "results")
    refuse_detour(tmp_path)
    refuse_detour(tmp_path / "absent")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_damaged_json_of_an_earlier_step_is_named_with_the_fix(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.json: is damaged .*delete it and run"):
        read_json(path)
