"""A board's LittleFS file system, made, read and changed on a computer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eegrig.boards.errors import ConfigError
from eegrig.host.process.interruption import held

__all__ = [
    "Erase",
    "FileSystemCopy",
    "FileSystemFull",
    "Operation",
    "Program",
    "data_blocks",
    "pack",
    "unpack",
]

# Sizes MicroPython's VfsLfs2 mounts with unless told otherwise.
_READ_SIZE = _PROG_SIZE = 32
# It keeps files that fit its cache, four times the size above, in their directory, if they take no
# more than an eighth of a block (lfs2.c, inline_max).
_CACHE_SIZE = 128
_INLINE_SHARE = 8
_NO_SPACE, _CORRUPT = -28, -84
_POINTER_SIZE = 4


class FileSystemFull(ConfigError):
    """The files do not fit."""


@held()  # an interrupt in one of its callbacks would be dropped, and what it was to write with it
def pack(files: Mapping[str, bytes], size: int, block_size: int) -> tuple[bytes, int]:
    """Make a file system.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by path, without a leading slash.
    size, block_size : int
        Of the region, in bytes.

    Returns
    -------
    data : bytes
        The whole region.
    used_bytes : int
        Bytes in blocks that are in use.

    Raises
    ------
    FileSystemFull
        If the files do not fit.
    ConfigError
        If LittleFS does not take them.
    """
    from littlefs import LittleFSError

    fs = _file_system(size, block_size)
    try:
        fs.format()
        fs.mount()
        for path in sorted(files):
            parent = path.rpartition("/")[0]
            if parent:
                fs.makedirs(parent, exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(files[path])
        used_bytes = fs.used_block_count * block_size
    except LittleFSError as error:
        if error.code == _NO_SPACE:
            raise FileSystemFull(f"the files do not fit into {size} bytes") from None
        raise ConfigError(f"cannot make the file system: {error}") from error
    return bytes(fs.context.buffer), used_bytes


def unpack(data: bytes, block_size: int) -> dict[str, bytes]:
    """Read a file system, whoever made it.

    Parameters
    ----------
    data : bytes
        The whole region.
    block_size : int
        Block size in bytes.

    Returns
    -------
    dict of str to bytes
        Contents by path, without a leading slash.

    Raises
    ------
    ConfigError
        If there is no LittleFS file system in it.
    """
    return FileSystemCopy(data, block_size).read_files()


def data_blocks(size: int, block_size: int) -> int:
    """Return how many blocks a file that `pack` writes has to itself.

    LittleFS keeps a small file beside its name. The blocks of others form a list in which block
    n > 0 begins with a pointer for every power of two that divides n, and one more (littlefs,
    DESIGN.md, "CTZ skip-lists").

    Parameters
    ----------
    size : int
        Of the file, in bytes.
    block_size : int
        In bytes.
    """
    if size <= min(_CACHE_SIZE, block_size // _INLINE_SHARE):
        return 0
    n_blocks = 0
    while size > 0:
        n_pointers = (n_blocks & -n_blocks).bit_length()
        size -= block_size - _POINTER_SIZE * n_pointers
        n_blocks += 1
    return n_blocks


@dataclass(frozen=True)
class Erase:
    """A block of the region is erased.

    Attributes
    ----------
    offset, size : int
        Where in the region, in bytes.
    """

    offset: int
    size: int


@dataclass(frozen=True)
class Program:
    """Bytes of the region, erased before, are programmed from the first to the last.

    Attributes
    ----------
    offset : int
        Where in the region, in bytes.
    data : bytes
    """

    offset: int
    data: bytes


Operation = Erase | Program


class FileSystemCopy:
    """A copy of a board's file system that can be changed, and keeps account of how.

    LittleFS survives a power cut at any of its operations, as long as they happen one after the
    other: whoever does `operations` on the board's flash memory in their order keeps that promise.

    Parameters
    ----------
    data : bytes
        The whole region.
    block_size : int
        Block size in bytes.

    Attributes
    ----------
    operations : list of Operation
        What was done to the flash memory so far; programming of bytes that follow each other is
        one operation.

    Raises
    ------
    ConfigError
        If there is no LittleFS file system in it.
    """

    def __init__(self, data: bytes, block_size: int) -> None:
        if not data or len(data) % block_size:
            raise ConfigError(
                f"an image of {len(data)} bytes is no whole number of blocks of {block_size} bytes"
            )
        self.operations: list[Operation] = []
        self._memory = _Memory(data, block_size, self.operations)
        self._fs = _file_system(len(data), block_size, self._memory)
        with self._explained("there is no readable LittleFS file system in the image"):
            self._fs.mount()

    @property
    def data(self) -> bytes:
        """The whole region as it is now."""
        return bytes(self._memory.buffer)

    def read_files(self) -> dict[str, bytes]:
        """Return the contents of every file by its path, without a leading slash.

        Raises
        ------
        ConfigError
            If one cannot be read.
        """
        files: dict[str, bytes] = {}
        with self._explained("there is no readable LittleFS file system in the image"):
            for root, _, names in self._fs.walk("/"):
                for name in names:
                    path = f"{root.rstrip('/')}/{name}"
                    with self._fs.open(path, "rb") as file:
                        files[path.lstrip("/")] = file.read()
        return files

    def write(self, path: str, data: bytes) -> None:
        """Write a file, and make the directories it is in.

        Raises
        ------
        FileSystemFull
            If there is no room.
        ConfigError
            If LittleFS does not take it.
        """
        with self._explained(f"cannot write {path}"):
            parent = path.rpartition("/")[0]
            if parent:
                self._fs.makedirs(parent, exist_ok=True)
            with self._fs.open(path, "wb") as file:
                file.write(data)

    def replace(self, path: str, data: bytes) -> None:
        """Replace a file at once: whenever the power is cut there is the old one or the new one.

        Raises
        ------
        FileSystemFull, ConfigError
            As `write`.
        """
        self.write(f"{path}.new", data)
        with self._explained(f"cannot replace {path}"):
            self._fs.rename(f"{path}.new", path)

    def remove(self, path: str) -> None:
        """Remove a file.

        Raises
        ------
        ConfigError
            If there is none.
        """
        with self._explained(f"cannot remove {path}"):
            self._fs.remove(path)

    def remove_empty_directories(self, path: str) -> None:
        """Remove every directory below `path` that holds no file."""
        with self._explained(f"cannot tidy {path}"):
            for directory in reversed(self.list_directories(path)):
                if directory != path and not self._fs.listdir(directory):
                    self._fs.rmdir(directory)

    def list_directories(self, path: str) -> list[str]:
        """Return a directory and all those in it, each before those that are in it."""
        with self._explained(f"cannot list {path}"):
            return sorted(root.strip("/") for root, _, _ in self._fs.walk(f"/{path}"))

    @contextlib.contextmanager
    def _explained(self, problem: str) -> Iterator[None]:
        from littlefs import LittleFSError

        try:
            with held():
                yield
        except LittleFSError as error:
            if error.code == _NO_SPACE:
                raise FileSystemFull(f"{problem}: the file system is full") from None
            raise ConfigError(f"{problem}: {error}") from error


class _Memory:
    """The flash memory that LittleFS sees: it is given to littlefs-python as its context."""

    def __init__(self, data: bytes, block_size: int, operations: list[Operation]) -> None:
        self.buffer = bytearray(data)
        self.in_size = len(data)
        self._block_size = block_size
        self._operations = operations

    def read(self, _config: Any, block: int, offset: int, size: int) -> bytearray:
        start = block * self._block_size + offset
        return self.buffer[start : start + size]

    def prog(self, _config: Any, block: int, offset: int, data: bytes) -> int:
        start = block * self._block_size + offset
        end = start + len(data)
        if self.buffer[start:end].count(0xFF) != len(data):
            # What was torn by an earlier power cut: LittleFS then takes another block.
            return _CORRUPT
        self.buffer[start:end] = data
        last = self._operations[-1] if self._operations else None
        if isinstance(last, Program) and last.offset + len(last.data) == start:
            self._operations[-1] = Program(last.offset, last.data + data)
        else:
            self._operations.append(Program(start, bytes(data)))
        return 0

    def erase(self, _config: Any, block: int) -> int:
        start = block * self._block_size
        self.buffer[start : start + self._block_size] = b"\xff" * self._block_size
        self._operations.append(Erase(start, self._block_size))
        return 0

    def sync(self, _config: Any) -> int:
        return 0


def _file_system(size: int, block_size: int, context: _Memory | None = None) -> Any:
    from littlefs import LittleFS

    return LittleFS(
        context=context,
        mount=False,
        block_size=block_size,
        block_count=size // block_size,
        read_size=_READ_SIZE,
        prog_size=_PROG_SIZE,
        cache_size=_CACHE_SIZE,
    )
