"""A board's LittleFS file system, made and read on a computer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boards.errors import ConfigError

__all__ = ["FileSystemFull", "data_blocks", "pack", "unpack"]

# Sizes MicroPython's VfsLfs2 mounts with unless told otherwise.
_READ_SIZE = _PROG_SIZE = 32
# It keeps files that fit its cache in their directory, four times the size above.
_CACHE_SIZE = 128
_NO_SPACE = -28
_POINTER_SIZE = 4


class FileSystemFull(ConfigError):
    """The files do not fit."""


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
    from littlefs import LittleFSError

    if not data or len(data) % block_size:
        raise ConfigError(
            f"an image of {len(data)} bytes is no whole number of blocks of {block_size} bytes"
        )
    fs = _file_system(len(data), block_size)
    fs.context.buffer[:] = data
    files: dict[str, bytes] = {}
    try:
        fs.mount()
        for root, _, names in fs.walk("/"):
            for name in names:
                path = f"{root.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    files[path.lstrip("/")] = file.read()
    except LittleFSError as error:
        raise ConfigError(f"there is no readable LittleFS file system in the image: {error}") from (
            error
        )
    return files


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
    if size <= _READ_SIZE:
        return 0
    n_blocks = 0
    while size > 0:
        n_pointers = (n_blocks & -n_blocks).bit_length()
        size -= block_size - _POINTER_SIZE * n_pointers
        n_blocks += 1
    return n_blocks


def _file_system(size: int, block_size: int) -> Any:
    from littlefs import LittleFS

    return LittleFS(
        mount=False,
        block_size=block_size,
        block_count=size // block_size,
        read_size=_READ_SIZE,
        prog_size=_PROG_SIZE,
        cache_size=_CACHE_SIZE,
    )
