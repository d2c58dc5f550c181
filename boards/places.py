"""Where files go, and whether there is a place, found out before anything is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from eegrig.boards.errors import OutputError

__all__ = ["check_is_file", "check_place", "state_folder"]


def check_is_file(path: Path) -> None:
    """Refuse to write over what is there and no file: a new file would take a device's place.

    Raises
    ------
    OutputError
        If it is a folder, a device or a pipe.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder: name a file")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is a device or a pipe: name a file")


def check_place(path: Path, n_bytes: int = 0) -> None:
    """Find out whether a file can be written, without touching one that is there.

    Parameters
    ----------
    path : Path
    n_bytes : int
        How large it will be.

    Raises
    ------
    OutputError
        If it cannot be.
    """
    folder = path.absolute().parent
    check_is_file(path)
    if not folder.is_dir():
        raise OutputError(f"{path}: there is no folder {folder}: make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if free < n_bytes:
        raise OutputError(
            f"cannot write {path}: it needs {n_bytes / 1e6:.1f} MB, and there is room for "
            f"{free / 1e6:.1f} MB"
        )


def state_folder() -> Path:
    """Return the folder of what eegrig keeps for a user from one command to the next.

    ``eegrig`` under ``EEGRIG_STATE``, or ``XDG_STATE_HOME``, or ``~/.local/state``.
    """
    root = os.environ.get("EEGRIG_STATE") or os.environ.get("XDG_STATE_HOME")
    base = Path(root).expanduser() if root else Path.home() / ".local" / "state"
    return base / "eegrig"
