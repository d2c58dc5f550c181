"""Files that are whole or not there: written beside their place, on the disk, then put into it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from eegrig.boards.errors import OutputError
from eegrig.boards.places import check_is_file

__all__ = ["whole_files", "write_whole"]


def write_whole(path: Path, content: bytes | bytearray) -> None:
    """Write a file; `whole_files` says how.

    Raises
    ------
    boards.errors.OutputError
        If it cannot be written.
    """
    with whole_files(path) as (fresh,):
        fresh.write_bytes(content)


@contextlib.contextmanager
def whole_files(*paths: Path) -> Iterator[list[Path]]:
    """Give files beside `paths` to be written, and put them in place if all went well.

    What was there stays until then. After a crash at any moment each of `paths` is what it was or
    what it was to be; the first is put in place last, so that it never lies beside what belongs to
    another.

    Parameters
    ----------
    *paths : Path

    Yields
    ------
    list of Path
        Where to write, one for each; the files are there, empty, with the ending of their place.

    Raises
    ------
    boards.errors.OutputError
        If one of them cannot be written, or is there and no file; nothing is left over then.
    """
    for path in paths:
        check_is_file(path)
    fresh: list[Path] = []
    at = paths[0]
    try:
        for at in paths:
            fresh.append(_beside(at))
        yield fresh
        for at, new in zip(reversed(paths), reversed(fresh), strict=True):
            _sync(new)
            new.replace(at)
            _sync(at.parent)
    except OSError as error:
        raise OutputError(f"cannot write {at}: {error.strerror or error}") from error
    finally:
        for new in fresh:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Return a new file that begins with a dot and ends as `path`: nobody takes it for a result."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    # A temporary file is private; what is put in place is as readable as any other new file.
    umask = os.umask(0)
    os.umask(umask)
    os.fchmod(handle, 0o666 & ~umask)
    os.close(handle)
    return Path(name)


def _sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
