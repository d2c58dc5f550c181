"""Where a virtual chip keeps what survives a power cycle: files, or memory of this process."""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from pathlib import Path
from typing import IO

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.boards.whole_file import write_whole

__all__ = ["Storage"]


class Storage:
    """Non-volatile memories, each a file in one directory that one process may hold.

    The files are mapped shared, so a process that is killed is a power loss with whatever had
    been programmed until then.

    Parameters
    ----------
    directory : Path or None
        Where the files are; made when missing. None keeps the contents in this process only.

    Raises
    ------
    InfrastructureError
        If another process holds the directory, or it cannot be made.
    """

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._lock: IO[str] | None = None
        self._mark = secrets.token_hex(8)
        self._files: dict[Path, int] = {}
        if directory is not None:
            self._lock, _ = _acquire(directory, self._mark)

    def map(self, name: str, size: int) -> mmap.mmap:
        """Map the memory `name`, erased (all ones) if it is new.

        Parameters
        ----------
        name : str
            File name inside the directory.
        size : int
            Size in bytes.

        Raises
        ------
        ConfigError
            If the file exists with another size.
        """
        if self.directory is None:
            memory = mmap.mmap(-1, size)
            memory[:] = b"\xff" * size
            return memory
        path = self.directory / name
        if not path.exists():
            write_whole(path, b"\xff" * size)
        found = path.stat().st_size
        if found != size:
            raise ConfigError(
                f"{path} has {found} bytes where the chip has {size}: delete it to start erased"
            )
        with path.open("r+b") as file:
            self._files[path] = os.fstat(file.fileno()).st_ino
            return mmap.mmap(file.fileno(), size)

    def close(self) -> None:
        """Let other processes have the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def reopen(self) -> bool:
        """Hold the directory again after `close`.

        Returns
        -------
        bool
            Whether nobody else held it meanwhile and the files are those that are mapped; False
            leaves it to others.

        Raises
        ------
        InfrastructureError
            If another process holds the directory.
        """
        if self.directory is None:
            return True
        self._lock, last = _acquire(self.directory, self._mark)
        if last == (str(os.getpid()), self._mark) and all(
            path.exists() and path.stat().st_ino == number for path, number in self._files.items()
        ):
            return True
        self.close()
        return False


def _acquire(directory: Path, mark: str) -> tuple[IO[str], tuple[str, str]]:
    """Lock a directory for the holder with that mark; return the lock and who was last."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("a+", encoding="ascii")
    except OSError as error:
        raise InfrastructureError(
            f"cannot keep a virtual board in {directory}: {error.strerror}; "
            "set EEGRIG_STATE to a directory that can be written"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder, _ = _holder(lock)
        lock.close()
        raise InfrastructureError(
            f"the virtual board in {directory} is in use by process {holder}: "
            "wait until it ends, or set EEGRIG_STATE to another directory"
        ) from None
    last = _holder(lock)
    lock.truncate(0)
    lock.write(f"{os.getpid()} {mark}")
    lock.flush()
    return lock, last


def _holder(lock: IO[str]) -> tuple[str, str]:
    """Return process and mark of whoever wrote the lock file last."""
    lock.seek(0)
    process, _, mark = lock.read().strip().partition(" ")
    return process or "unknown", mark
