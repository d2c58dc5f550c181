"""The folder of a run: the new one is made beside what is there, and put in its place when whole.

What an earlier run wrote stays until a new one has something to put there, and what no run wrote
is never touched: ``files.json`` in the folder lists a run's files with their SHA-256, and a file
that is not in it, or was changed since, is somebody else's. One run at a time has a folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.places import check_place
from eegrig.boards.whole_file import write_whole
from eegrig.host.process.interruption import held

__all__ = ["FILE_NAME", "RunFolder", "listed_files", "note_rewritten", "open_run_folder"]

FILE_NAME = "files.json"
_WORK_PREFIX = ".eegrig-run-"


class _Listed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a run left: SHA-256 of each file, by its path in the folder.

    More than one where a run was killed while it put its files in place.
    """

    files: dict[str, list[str]]
    schema: int = 1


class RunFolder:
    """A run's folder, as long as the run has it.

    Attributes
    ----------
    out : Path
        Where the run's files will be.
    work : Path
        Where they are written meanwhile.
    """

    def __init__(self, out: Path, work: Path) -> None:
        self.out = out
        self.work = work
        self._listed = _read_list(out / FILE_NAME)

    def check(self, names: Collection[str]) -> None:
        """Make sure that files of these names can be written.

        Raises
        ------
        ConfigError
            If one is there that no run wrote.
        """
        taken = [name for name in sorted(names) if not self._is_free(name)]
        if taken:
            raise ConfigError(
                f"{self.out / taken[0]} was not written by a run of eegrig, or was changed since: "
                "move it away, or name another folder with --out"
            )

    def publish(self) -> None:
        """Put the new files in place, and take away those of the run before that are not renewed.

        Raises
        ------
        ConfigError
            If it cannot be done.
        """
        new = {
            path.relative_to(self.work).as_posix(): _digest(path)
            for path in sorted(self.work.rglob("*"))
            if path.is_file()
        }
        self.check(new)
        old = self._listed.files
        both = {name: [*old.get(name, ()), new[name]] for name in new}
        with held():
            self._put_in_place(old, new, both)

    def _put_in_place(
        self, old: dict[str, list[str]], new: dict[str, str], both: dict[str, list[str]]
    ) -> None:
        try:
            # Whenever this ends, a file in the folder is one of the list.
            _write_list(self.out / FILE_NAME, {**old, **both})
            for name in old.keys() - new.keys():
                self._remove(name)
            for name in new:
                target = self.out / name
                target.parent.mkdir(exist_ok=True)
                (self.work / name).replace(target)
            _write_list(self.out / FILE_NAME, {name: [digest] for name, digest in new.items()})
        except OSError as error:
            raise ConfigError(f"cannot write to {self.out}: {error.strerror or error}") from error

    def _remove(self, name: str) -> None:
        path = self.out / name
        if not path.is_file() or not self._is_free(name):
            return
        path.unlink()
        if path.parent != self.out:
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def _is_free(self, name: str) -> bool:
        """Tell whether a file of that name may be written: there is none, or it is a run's."""
        path = self.out / name
        if not path.parent.is_dir():
            return not (path.parent.exists() or path.parent.is_symlink())
        if not (path.exists() or path.is_symlink()):
            return True
        return path.is_file() and _digest(path) in self._listed.files.get(name, ())


@contextlib.contextmanager
def open_run_folder(out: Path, names: Collection[str], n_bytes: int = 0) -> Iterator[RunFolder]:
    """Take a folder for a run; it is made if there is none.

    Unless the run publishes its files, the folder is left as it was found.

    Parameters
    ----------
    out : Path
    names : collection of str
        Files that the run will write.
    n_bytes : int
        How much they will be.

    Raises
    ------
    ConfigError
        If another run has the folder, it cannot be written to, or one of `names` is there that no
        run wrote.
    """
    out = out.absolute()  # the run goes on in a directory of its own
    made = _missing(out)
    try:
        with contextlib.ExitStack() as stack:
            try:
                with held():
                    out.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(_alone(out))
                    work = Path(tempfile.mkdtemp(prefix=_WORK_PREFIX, dir=out))
                    stack.callback(_remove_folder, work)
            except OSError as error:
                raise ConfigError(f"cannot write to {out}: {error.strerror}") from None
            _remove_abandoned(out, work)
            folder = RunFolder(out, work)
            folder.check(names)
            check_place(work / FILE_NAME, n_bytes)
            yield folder
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()


def note_rewritten(out: Path, name: str) -> None:
    """Take note that a file of a finished run was written anew, if the folder has a list of them.

    Parameters
    ----------
    out : Path
        The run's folder.
    name : str
        The file's path in it.
    """
    path = out / FILE_NAME
    listed = _read_list(path)
    if name in listed.files:
        listed.files[name] = [_digest(out / name)]
        _write_list(path, listed.files)


def listed_files(out: Path) -> dict[str, list[str]]:
    """Return the files that a run left in its folder, by their path in it, each with its SHA-256.

    More than one where a run was killed while it put its files in place; nothing where there is no
    list.

    Raises
    ------
    ConfigError
        If the list is broken.
    """
    return _read_list(out / FILE_NAME).files


def _missing(out: Path) -> list[Path]:
    """Return the folders there are not yet on the way to `out`, the innermost first."""
    return [path for path in (out, *out.parents) if not path.exists()]


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other runs from the folder."""
    descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another run is writing to {out}: wait for it, or name another folder with --out"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(descriptor)


def _remove_folder(path: Path) -> None:
    with held():
        shutil.rmtree(path, ignore_errors=True)


def _remove_abandoned(out: Path, work: Path) -> None:
    """Take away what runs left that were killed: nobody else has the folder now."""
    for path in out.glob(f"{_WORK_PREFIX}*"):
        if path != work:
            shutil.rmtree(path, ignore_errors=True)


def _read_list(path: Path) -> _Listed:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Listed)
    except FileNotFoundError:
        return _Listed(files={})
    except (OSError, msgspec.DecodeError):
        raise ConfigError(
            f"{path} is not the list of a run's files: move it away, or name another folder with "
            "--out"
        ) from None


def _write_list(path: Path, files: dict[str, list[str]]) -> None:
    content = msgspec.json.encode(_Listed(files=files), order="sorted")
    write_whole(path, msgspec.json.format(content, indent=2) + b"\n")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
