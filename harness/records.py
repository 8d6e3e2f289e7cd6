"""Records of trials on disk: one JSON object a line, checksummed, never overwritten.

While a cell is being measured its records are appended to ``<cell>.jsonl.partial``, one
write a record; when all of them are there the file is renamed to ``<cell>.jsonl``. A run
that was killed thus loses the trial in flight and nothing else, and knows what it has.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 2

Record = dict[str, Any]


class RecordError(Exception):
    """A record that must not be used; the message names file and line."""


def _canonical(record: Record) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def encode(record: Record) -> bytes:
    """One line: the record with its schema version and checksum.

    Raises ``ValueError`` for NaN or infinity, which JSON cannot hold.
    """
    body = {**record, "schema": SCHEMA_VERSION}
    digest = hashlib.sha256(_canonical(body)).hexdigest()
    return _canonical({**body, "sha256": digest}) + b"\n"


def decode(line: bytes, where: str) -> Record:
    """Check and read one line; raises ``RecordError`` naming ``where``."""
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{where}: not a record: {error}") from None
    if not isinstance(record, dict) or "sha256" not in record:
        raise RecordError(f"{where}: not a record: it has no checksum")
    if record.get("schema") != SCHEMA_VERSION:
        raise RecordError(
            f"{where}: schema {record.get('schema')!r}; this version reads {SCHEMA_VERSION}"
        )
    digest = record.pop("sha256")
    try:
        actual = hashlib.sha256(_canonical(record)).hexdigest()
    except ValueError as error:
        raise RecordError(f"{where}: not a record: {error}") from None
    if actual != digest:
        raise RecordError(f"{where}: the checksum does not match: the record was altered")
    return record


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number a record may hold")


def finite(value: Any) -> Any:
    """The same data with numbers that are not finite replaced by None, for any nesting."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    return value


def read_file(path: Path, *, torn_end: bool = False) -> Iterator[Record]:
    """Every record of a file, in order. Raises ``RecordError`` at the first bad one.

    ``torn_end``: a last line without its end, as a power failure leaves it, is no record.
    """
    complete, newline, torn = path.read_bytes().rpartition(b"\n")
    if torn and not torn_end:
        raise RecordError(f"{path}: the last line is cut off")
    for number, line in enumerate((complete + newline).splitlines(), start=1):
        yield decode(line, f"{path} line {number}")


class CellFile:
    """The records of one cell in one block, finished or in the making.

    ``where`` is the path without ending. Not for use by two processes at a time; the
    machine lock sees to that.
    """

    def __init__(self, where: Path) -> None:
        self.final = where.with_name(where.name + ".jsonl")
        self.partial = where.with_name(where.name + ".jsonl.partial")

    @property
    def finished(self) -> bool:
        """Whether every planned record is there."""
        return self.final.exists()

    def recover(self) -> list[Record]:
        """Records an earlier run left in the partial file.

        A last line that was cut off by a power failure is dropped; any other damage raises
        ``RecordError``.
        """
        if not self.partial.exists():
            return []
        complete, newline, torn = self.partial.read_bytes().rpartition(b"\n")
        if torn:
            self._replace_partial(complete + newline)
        return list(read_file(self.partial))

    def _replace_partial(self, data: bytes) -> None:
        temporary = self.partial.with_name(self.partial.name + ".tmp")
        temporary.write_bytes(data)
        temporary.replace(self.partial)

    def append(self, record: Record) -> None:
        """Add a record in one write and push it to the disk."""
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            line = encode(record)
            start = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, start)
                raise OSError(f"{self.partial}: the disk took only part of a record")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def finish(self) -> None:
        """Declare the cell complete."""
        self.partial.rename(self.final)
