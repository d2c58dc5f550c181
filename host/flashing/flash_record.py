"""The manufacturing record: one line of JSON for every board that was flashed, or could not be.

``docs/how-to/flash-boards.md`` has the fields. A line is appended in one write, so that lines of
processes that flash at the same time never mix.
"""

from __future__ import annotations

import contextlib
import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from eegrig.boards.errors import ConfigError, InfrastructureError

__all__ = ["FlashRecord", "append_record", "check_writable", "default_operator", "now"]

SCHEMA = 1


class FlashRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one board.

    Attributes
    ----------
    schema : int
        1.
    time : str
        When it began: UTC, ISO 8601.
    operator : str
    board : str
        Kind of board that was asked for.
    probe, chip, chip_id, radio_address : str or None
        None where it did not get that far.
    version, image_hash : str
        Of the firmware that was to be flashed.
    runtime_sha256 : str or None
        Of the runtime's contents in flash memory, where one was flashed.
    way : str or None
        How the firmware got there: ``unchanged``, ``slot``, ``region`` or ``chip``.
    locked : bool
        Whether the chip was locked afterwards.
    duration_s : float
        All of it, wall time in seconds.
    result : {"pass", "fail"}
    exit_code : int
        0, or what the failure ends a command with: 1 board, 2 usage, 3 probe or link.
    error : str or None
        The failure in one line.
    self_test : list of dict or None
        Figures of the self-test: name, value, unit, low and high limit, passed.
    """

    schema: int = SCHEMA
    time: str
    operator: str
    board: str
    probe: str | None
    chip: str | None
    chip_id: str | None
    radio_address: str | None
    version: str
    image_hash: str
    runtime_sha256: str | None
    way: str | None
    locked: bool
    duration_s: float
    result: str
    exit_code: int
    error: str | None
    self_test: list[dict[str, Any]] | None


def append_record(path: Path, record: FlashRecord) -> None:
    """Append a record to a file, and have it on the disk before returning.

    Raises
    ------
    InfrastructureError
        If it cannot be written whole.
    """
    line = msgspec.json.encode(record) + b"\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _write_whole(file, line)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the record {path}: {error.strerror}; make room or name another file, "
            "and flash the board again to have it recorded"
        ) from error


def _write_whole(file: int, line: bytes) -> None:
    import errno
    import fcntl

    # A lock besides O_APPEND: a write that was cut short by a full disk is taken back.
    fcntl.flock(file, fcntl.LOCK_EX)
    end = os.lseek(file, 0, os.SEEK_END)
    try:
        written = os.write(file, line)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, end)
        raise
    if written != len(line):
        os.ftruncate(file, end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_writable(path: Path) -> None:
    """Say before any board is touched that the record could not be written.

    Raises
    ------
    ConfigError
        If the file cannot be opened.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
    except OSError as error:
        raise ConfigError(f"cannot write the record {path}: {error.strerror}") from error


def default_operator() -> str:
    """Return the name of the user, or ``unknown``."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
