"""Records survive crashes whole, and no altered one is ever used."""

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import records
from harness.records import CellFile, RecordError, decode, encode, finite, read_file

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


def numbers(found: Any) -> list[int]:
    return [record["n"] for record in found]


def test_name_with_dots_keeps_them(cell: CellFile) -> None:
    assert cell.final.name == "rag.cpython-3.12.2c.jsonl"
    assert cell.partial.name == "rag.cpython-3.12.2c.jsonl.partial"


def test_appended_records_are_recovered_in_order(cell: CellFile) -> None:
    assert cell.recover() == []
    for n in range(3):
        cell.append({"n": n})
    assert numbers(cell.recover()) == [0, 1, 2]
    assert not cell.finished


def test_finish_renames_the_partial_file(cell: CellFile) -> None:
    cell.append({"n": 1})
    cell.finish()
    assert cell.finished
    assert not cell.partial.exists()
    assert numbers(read_file(cell.final)) == [1]


def test_torn_last_line_is_dropped_and_the_cell_goes_on(cell: CellFile) -> None:
    cell.append({"n": 1})
    whole = cell.partial.read_bytes()
    for cut in range(1, len(encode({"n": 2}))):
        cell.partial.write_bytes(whole + encode({"n": 2})[:cut])
        assert numbers(cell.recover()) == [1]
        assert cell.partial.read_bytes() == whole
    cell.append({"n": 3})
    assert numbers(cell.recover()) == [1, 3]


def test_file_with_nothing_but_a_torn_line_is_empty(cell: CellFile) -> None:
    cell.partial.parent.mkdir(parents=True)
    cell.partial.write_bytes(b'{"n":1')
    assert cell.recover() == []
    assert cell.partial.read_bytes() == b""


def test_damage_before_the_last_line_is_refused_by_name(cell: CellFile) -> None:
    for n in range(3):
        cell.append({"n": n})
    damaged = cell.partial.read_bytes().replace(b'"n":1', b'"n":7')
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
    cell.append({"n": 1})
    assert calls == ["write", "fsync"]


def test_record_that_the_disk_took_only_in_part_is_taken_back(
    cell: CellFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell.append({"n": 1})
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
        with pytest.raises(OSError, match="only part of a record"):
            cell.append({"n": 2})
    assert numbers(cell.recover()) == [1]
    assert json.loads(cell.partial.read_bytes())["n"] == 1


def test_record_that_cannot_be_written_leaves_the_file_alone(cell: CellFile) -> None:
    cell.append({"n": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        cell.append({"n": math.nan})
    assert numbers(cell.recover()) == [1]
