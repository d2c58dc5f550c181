"""The files that runs left, kept once each under their SHA-256.

Whoever adds a run and whoever takes contents away that no run refers to wait for each other, by a
lock on a file in the folder: between the two a content would have no run yet.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from eegrig.boards.errors import OutputError
from eegrig.boards.whole_file import whole_files
from eegrig.hil.figures.results import FILE_NAME as RESULTS
from eegrig.hil.history.errors import HistoryError
from eegrig.hil.run.run_folder import listed_files

__all__ = ["FileStore", "RunFile", "files_of"]

_LOCK = ".lock"


@dataclass(frozen=True)
class RunFile:
    """A file that a run left.

    Attributes
    ----------
    path : str
        In the run's folder.
    sha256 : str
    size_bytes : int
    """

    path: str
    sha256: str
    size_bytes: int


def files_of(directory: Path) -> list[RunFile]:
    """Return what a run left in its folder and is still there.

    Raises
    ------
    HistoryError
        If a file was changed since the run wrote it, or is not in the folder.
    """
    listed = {RESULTS: [], **listed_files(directory)}
    found = []
    for name, digests in sorted(listed.items()):
        path = directory / name
        if not path.resolve().is_relative_to(directory.resolve()):
            raise HistoryError(f"{directory}: its list of files has {name}, which is elsewhere")
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise HistoryError(f"cannot read {path}: {error.strerror or error}") from error
        if digests and digest not in digests:
            raise HistoryError(f"{path} was changed since the run wrote it: run again")
        found.append(RunFile(name, digest, path.stat().st_size))
    return found


class FileStore:
    """A folder of contents, each under the first letters of its hash: ``9f/9f2c4e71...``.

    Parameters
    ----------
    folder : Path
        Is made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where a content is, or would be."""
        return self.folder / sha256[:2] / sha256

    @contextlib.contextmanager
    def adding(self) -> Iterator[None]:
        """Keep others from taking contents away that no run refers to yet."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def keep(self, source: Path, sha256: str) -> None:
        """Keep a file's content, unless it is there.

        Raises
        ------
        HistoryError
            If the file does not have this content any more.
        OutputError
            If it cannot be written.
        """
        target = self.path(sha256)
        if target.exists():
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make {target.parent}: {error.strerror or error}") from error
        with whole_files(target) as (fresh,):
            shutil.copyfile(source, fresh)
            with fresh.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != sha256:
                raise HistoryError(f"{source} was changed while it was read: try again")

    @contextlib.contextmanager
    def taking_away(self) -> Iterator[None]:
        """Keep others from adding files meanwhile."""
        with self._locked(fcntl.LOCK_EX):
            yield

    def sweep(self, wanted: Collection[str]) -> int:
        """Take contents away that are not wanted, and return how many bytes that freed."""
        freed_bytes = 0
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*")):
            if path.name in wanted:
                continue
            freed_bytes += path.stat().st_size
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        return freed_bytes

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OutputError(f"cannot write to {self.folder}: {error.strerror}") from error
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)
