"""Records survive crashes whole, and no altered one is ever used."""

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.store import records
from harness.store.records import (
    CellFile,
    RecordError,
    decode,
    encode,
    finite,
    read_file,
    read_trials,
)
from tests.samples import a_record, a_trial

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
RESERVED = {"schema", "sha256"}
RECORDS = st.dictionaries(st.text(max_size=8).filter(lambda k: k not in RESERVED), JSON, max_size=4)
SAMPLE: dict[str, Any] = {
    "spec_hash": "0123456789abcdef",
    "result": {
        "status": "ok",
        "reason": "é\n",
        "metrics": {"tps": 12.5, "n": 1000, "small": 1e-05},
        "list": [1, 2],
    },
}


@given(RECORDS)
def test_record_reads_back_as_it_was(record: dict[str, Any]) -> None:
    line = encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line, "x") == {**record, "schema": records.SCHEMA_VERSION}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_json_cannot_hold_are_refused_when_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"x": [value]})


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_json_cannot_hold_are_refused_when_read(constant: bytes) -> None:
    with pytest.raises(RecordError, match="x line 1: not a record"):
        decode(b'{"a":' + constant + b',"sha256":"0"}', "x line 1")


@pytest.mark.parametrize(
    "line", [b"", b"null", b"[]", b"{}", b"5", b'"sha256"', b"{", b"\xff", b'{"a":1}', b"{}{}"]
)
def test_lines_that_are_no_record_are_refused(line: bytes) -> None:
    with pytest.raises(RecordError, match="file line 3: not a record"):
        decode(line, "file line 3")


@settings(max_examples=500)
@given(st.integers(0, len(encode(SAMPLE)) - 1), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_record(position: int, change: int) -> None:
    line = bytearray(encode(SAMPLE))
    line[position] ^= change
    with suppress(RecordError):
        assert decode(bytes(line), "x") == decode(encode(SAMPLE), "x")


@pytest.mark.parametrize("schema", [records.SCHEMA_VERSION + 1, 0, None, "1"])
def test_record_of_another_schema_is_refused(
    schema: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "SCHEMA_VERSION", schema)
        line = encode(SAMPLE)
    with pytest.raises(
        RecordError, match=f"schema {schema!r}; this version reads {records.SCHEMA_VERSION}"
    ):
        decode(line, "x")


def test_finite_replaces_what_is_not_a_number_at_any_depth() -> None:
    data = {"a": math.nan, "b": [1.5, (math.inf, "x")], "c": {"d": -math.inf, "e": True}, "f": 3}
    assert finite(data) == {"a": None, "b": [1.5, [None, "x"]], "c": {"d": None, "e": True}, "f": 3}


@given(JSON)
def test_finite_leaves_finite_data_alone(data: Any) -> None:
    assert finite(data) == data


# --- files ---


@pytest.fixture
def cell(tmp_path: Path) -> CellFile:
    return CellFile(tmp_path / "raw" / "rag.cpython-3.12.2c")


def numbered(n: int) -> dict[str, Any]:
    """The record of the trial with a pool of ``n``."""
    return a_record(a_trial(concurrency=n))


def numbers(found: Any) -> list[int]:
    return [record["spec"]["concurrency"] for record in found]


def test_name_with_dots_keeps_them(cell: CellFile) -> None:
    assert cell.final.name == "rag.cpython-3.12.2c.jsonl"
    assert cell.partial.name == "rag.cpython-3.12.2c.jsonl.partial"


def test_appended_records_are_recovered_in_order(cell: CellFile) -> None:
    assert cell.recover() == []
    for n in range(3):
        cell.append(numbered(n))
    assert numbers(cell.recover()) == [0, 1, 2]
    assert not cell.finished


def test_finish_renames_the_partial_file(cell: CellFile) -> None:
    cell.append(numbered(1))
    cell.finish()
    assert cell.finished
    assert not cell.partial.exists()
    assert numbers(read_file(cell.final)) == [1]


def test_torn_last_line_is_dropped_and_the_cell_goes_on(cell: CellFile) -> None:
    cell.append(numbered(1))
    whole = cell.partial.read_bytes()
    for cut in range(1, len(encode(numbered(2)))):
        cell.partial.write_bytes(whole + encode(numbered(2))[:cut])
        assert numbers(cell.recover()) == [1]
        assert cell.partial.read_bytes() == whole
    cell.append(numbered(3))
    assert numbers(cell.recover()) == [1, 3]


def test_file_with_nothing_but_a_torn_line_is_empty(cell: CellFile) -> None:
    cell.partial.parent.mkdir(parents=True)
    cell.partial.write_bytes(b'{"n":1')
    assert cell.recover() == []
    assert cell.partial.read_bytes() == b""


def test_damage_before_the_last_line_is_refused_by_name(cell: CellFile) -> None:
    for n in range(3):
        cell.append(numbered(n))
    damaged = cell.partial.read_bytes().replace(b'"concurrency":1', b'"concurrency":7')
    cell.partial.write_bytes(damaged)
    with pytest.raises(RecordError, match=r"jsonl\.partial line 2: the checksum does not match"):
        cell.recover()
    assert cell.partial.read_bytes() == damaged


def test_finished_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes((encode({"n": 1}) * 2)[:-1])
    with pytest.raises(RecordError, match=r"a\.jsonl: the last line is cut off"):
        list(read_file(path))


def test_altered_finished_record_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode({"n": 1}) + encode({"n": 2}).replace(b'"n":2', b'"n":3'))
    with pytest.raises(RecordError, match=r"a\.jsonl line 2: .* altered"):
        list(read_file(path))


def test_append_is_one_write_and_synced(cell: CellFile, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    write, fsync = os.write, os.fsync

    def noting_write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return write(descriptor, data)

    def noting_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    monkeypatch.setattr(os, "write", noting_write)
    monkeypatch.setattr(os, "fsync", noting_fsync)
    cell.append(numbered(1))
    assert calls == ["write", "fsync"]


def test_record_that_the_disk_took_only_in_part_is_taken_back(
    cell: CellFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell.append(numbered(1))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        with pytest.raises(OSError, match="only part of a record"):
            cell.append(numbered(2))
    assert numbers(cell.recover()) == [1]
    assert cell.partial.read_bytes() == encode(numbered(1))


def test_record_that_cannot_be_written_leaves_the_file_alone(cell: CellFile) -> None:
    cell.append(numbered(1))
    with pytest.raises(ValueError, match="JSON compliant"):
        cell.append({**numbered(2), "n": math.nan})
    assert numbers(cell.recover()) == [1]


# --- records of trials ---


def stored(tmp_path: Path, *records_of_file: dict[str, Any]) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(map(encode, records_of_file)))
    return path


def changed(key: str, value: object) -> dict[str, Any]:
    """A trial's record with a part replaced and the checksum right."""
    record = numbered(1)
    *parents, last = key.split(".")
    part = record
    for parent in parents:
        part = part[parent]
    part[last] = value
    return record


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("spec", None), ("spec_hash", 5), ("sequence", "0"), ("run_id", None), ("result", [])],
        *[("result.status", None), ("result.metrics", []), ("result.strategy", "x")],
    ],
)
def test_record_without_its_parts_is_refused_by_name(
    key: str, value: object, tmp_path: Path
) -> None:
    path = stored(tmp_path, numbered(2), changed(key, value))
    with pytest.raises(
        RecordError, match=rf"a\.jsonl line 2: .*{key.rpartition('.')[2]} is missing"
    ):
        list(read_trials(path))


def test_record_of_an_unknown_status_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="line 1: the status 'fine' is not known"):
        list(read_trials(stored(tmp_path, changed("result.status", "fine"))))


def test_record_filed_under_another_spec_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="line 1: the spec is not that of"):
        list(read_trials(stored(tmp_path, changed("spec.population", 5))))


def test_two_records_of_a_spec_with_different_data_are_both_refused(tmp_path: Path) -> None:
    other = changed("result.metrics", {"throughput_tps": 5.0})
    path = stored(tmp_path, numbered(1), other)
    before = path.read_bytes()
    with pytest.raises(RecordError, match=r"a\.jsonl line 2: record \w+ is there twice"):
        list(read_trials(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity"])
def test_number_that_is_not_finite_in_a_file_is_refused_by_name(
    number: bytes, tmp_path: Path
) -> None:
    path = stored(tmp_path, changed("result.metrics", {"x": 12345}))
    path.write_bytes(path.read_bytes().replace(b"12345", number))
    with pytest.raises(RecordError, match=r"a\.jsonl line 1: not a record"):
        list(read_trials(path))


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_file_in_a_files_place_is_refused_by_name(kind: str, cell: CellFile) -> None:
    cell.append(numbered(1))
    elsewhere = cell.partial.with_name("elsewhere")
    cell.partial.rename(elsewhere)
    before = elsewhere.read_bytes()
    if kind == "link":
        cell.partial.symlink_to(elsewhere)
    elif kind == "folder":
        cell.partial.mkdir()
    else:
        os.mkfifo(cell.partial)
    with pytest.raises(RecordError, match=r"c\.jsonl\.partial: is a link, a folder or a device"):
        cell.recover()
    if kind == "link":
        with pytest.raises(OSError, match=r"jsonl\.partial"):
            cell.append(numbered(2))
    assert elsewhere.read_bytes() == before
