"""Records of trials on disk: one JSON object a line, checksummed, never overwritten.

While a cell is being measured its records are appended to ``<cell>.jsonl.partial``, one
write a record; when all of them are there the file is renamed to ``<cell>.jsonl``. A run
that was killed thus loses the trial in flight and nothing else, and knows what it has.
"""

import errno
import hashlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base.errors import RefusedError
from harness.base.whole_files import is_regular, write_whole
from harness.trial.spec import identity

SCHEMA_VERSION = 2

STATUSES = ("ok", "timeout", "oom", "crash", "error", "invalid_gil", "refused")

Record = dict[str, Any]

#: width of the bins of a record's timeline, which shows how its throughput develops
TIMELINE_BIN_S = 0.05
#: what the record of a trial holds at least, and of which type
TRIAL_FIELDS = {"spec": dict, "spec_hash": str, "sequence": int, "run_id": str, "result": dict}
RESULT_FIELDS = {"status": str, "reason": str, "metrics": dict, "strategy": dict}


class RecordError(RefusedError):
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
    if not is_regular(path):
        raise RecordError(f"{path}: is a link, a folder or a device, not a file; move it away")
    complete, newline, torn = path.read_bytes().rpartition(b"\n")
    if torn and not torn_end:
        raise RecordError(f"{path}: the last line is cut off")
    for number, line in enumerate((complete + newline).splitlines(), start=1):
        yield decode(line, f"{path} line {number}")


def read_trials(path: Path, *, torn_end: bool = False) -> Iterator[Record]:
    """Every record of a file of trials, in order; ``torn_end`` as in :func:`read_file`.

    Raises ``RecordError`` at the first that is damaged, is no trial's, says something else
    than the spec it is filed under, or is there twice.
    """
    seen = set()
    for number, record in enumerate(read_file(path, torn_end=torn_end), start=1):
        where = f"{path} line {number}"
        check_trial(record, where)
        key = record["spec_hash"], record.get("attempt", 1)
        if key in seen:
            raise RecordError(f"{where}: record {key[0]} is there twice")
        seen.add(key)
        yield record


def check_trial(record: Record, where: str) -> None:
    """Raise ``RecordError`` unless this is the record of a trial, filed under its own spec."""
    for part, fields in ((record, TRIAL_FIELDS), (record.get("result"), RESULT_FIELDS)):
        for key, kind in fields.items():
            if not isinstance(part, dict) or not isinstance(part.get(key), kind):
                raise RecordError(
                    f"{where}: not the record of a trial: {key} is missing or of another type"
                )
    if record["result"]["status"] not in STATUSES:
        raise RecordError(f"{where}: the status {record['result']['status']!r:.50} is not known")
    if identity(record["spec"]) != record["spec_hash"]:
        raise RecordError(f"{where}: the spec is not that of {record['spec_hash']!r:.50}")


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
        ``RecordError``, and the file stays as it is.
        """
        if not self.partial.is_symlink() and not self.partial.exists():
            return []
        found = list(read_trials(self.partial, torn_end=True))
        complete, newline, torn = self.partial.read_bytes().rpartition(b"\n")
        if torn:
            write_whole(self.partial, complete + newline)
        return found

    def reopen(self) -> set[str]:
        """Make a file open for more records, whether it was finished or not; returns the
        identities of those it holds."""
        if self.finished:
            self.final.rename(self.partial)
        return {record["spec_hash"] for record in self.recover()}

    def append(self, record: Record) -> None:
        """Add a record in one write and push it to the disk.

        Raises ``OSError`` that names the file when the disk does not take it whole; earlier
        records are untouched.
        """
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        line = encode(record)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(self.partial, flags, 0o644)
        try:
            start = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, start)
                raise OSError(errno.ENOSPC, "the disk took only part of a record")
            os.fsync(descriptor)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self.partial)) from None
        finally:
            os.close(descriptor)

    def finish(self) -> None:
        """Declare the cell complete."""
        self.partial.rename(self.final)
