"""The file-system image of a board: built from ``firmware/``, inspected, written to files.

An image is a LittleFS file system of the size of the board's file-system region. It holds the
firmware, compiled; the generated modules ``board_config`` and ``build_info``; and
``manifest.json``, which says what belongs in it. The same sources give the same bytes.

The image hash is the SHA-256 over, for every other file in the order of its path, the path in
UTF-8, a zero byte, and the SHA-256 of the contents. Board, host and report identify the
firmware by it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from boards.errors import ConfigError
from host.board_config import board_config_source, drivers_of
from host.mpycross import compile_module

if TYPE_CHECKING:
    from boards.schema import Board

__all__ = [
    "FileEntry",
    "Image",
    "ImageContents",
    "Manifest",
    "build_image",
    "default_firmware",
    "image_hash",
    "read_image",
]

MANIFEST = "manifest.json"
BUILD_INFO = "build_info"
# MicroPython looks for these two by name, as source.
_SCRIPTS = ("boot.py", "main.py")
# Sizes MicroPython's VfsLfs2 mounts with unless told otherwise.
_READ_SIZE = _PROG_SIZE = 32
_NO_SPACE = -28
_DRIVERS = "eeg/drivers/"


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an image.

    Attributes
    ----------
    path : str
        Path from the root, without a leading slash.
    size : int
        Size in bytes.
    sha256 : str
        Hash of its contents, hexadecimal.
    """

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What belongs in an image.

    Attributes
    ----------
    format : int
        Version of this structure.
    board, version : str
        Board it is for, and version of the firmware.
    image_hash : str
        Identity of the image, hexadecimal (see the module's text).
    files : tuple of FileEntry
        Every file but the manifest, by path.
    """

    format: int = 1
    board: str
    version: str
    image_hash: str
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Image:
    """A file-system image for one board.

    Attributes
    ----------
    board : str
        Name of the board.
    address : int
        Where in flash memory it belongs.
    block_size : int
        Block size of the file system in bytes.
    data : bytes
        The image, as large as the board's file-system region.
    manifest : Manifest
        What is in it.
    used_bytes : int
        Bytes in blocks that are in use.
    """

    board: str
    address: int
    block_size: int
    data: bytes
    manifest: Manifest
    used_bytes: int

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Files with sizes and hashes, without the manifest."""
        return self.manifest.files

    @property
    def version(self) -> str:
        """Version of the firmware."""
        return self.manifest.version

    @property
    def image_hash(self) -> bytes:
        """Identity of the image, 32 bytes."""
        return bytes.fromhex(self.manifest.image_hash)

    def write(self, path: Path) -> None:
        """Write the image to a file: Intel hex if it ends in ``.hex``, raw bytes otherwise.

        The file appears whole or not at all.

        Raises
        ------
        ConfigError
            If the file cannot be written.
        """
        part = path.with_name(path.name + ".part")
        try:
            if path.suffix.lower() == ".hex":
                from intelhex import IntelHex  # type: ignore[import-untyped]

                hex_file = IntelHex()
                hex_file.frombytes(self.data, offset=self.address)
                hex_file.write_hex_file(str(part))
            else:
                part.write_bytes(self.data)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise ConfigError(f"cannot write the image to {path}: {error.strerror}") from error


@dataclass(frozen=True)
class ImageContents:
    """What was found in an image.

    Attributes
    ----------
    files : dict of str to bytes
        Contents by path.
    manifest : Manifest or None
        The manifest in it, if there is a readable one.
    """

    files: Mapping[str, bytes]
    manifest: Manifest | None

    @cached_property
    def entries(self) -> tuple[FileEntry, ...]:
        """Every file but the manifest with its size and hash, by path."""
        return _entries({path: data for path, data in self.files.items() if path != MANIFEST})

    @property
    def image_hash(self) -> bytes:
        """Identity of what was found, whatever the manifest says."""
        return image_hash(self.files)

    @property
    def intact(self) -> bool:
        """Whether everything is as the manifest says."""
        return (
            self.manifest is not None
            and self.manifest.files == self.entries
            and self.manifest.image_hash == self.image_hash.hex()
        )


def default_firmware() -> Path:
    """Directory of the firmware that comes with this package."""
    return Path(__file__).resolve().parent.parent / "firmware"


def build_image(
    board: Board,
    firmware_dir: Path | None = None,
    *,
    compile: bool = True,  # noqa: A002
    version: str | None = None,
) -> Image:
    """Build the image of a board.

    Parameters
    ----------
    board : Board
        The board it is for.
    firmware_dir : Path, optional
        Sources; the firmware of this package by default.
    compile : bool
        Compile every module with mpy-cross, all but ``boot.py`` and ``main.py``. False puts
        the sources in.
    version : str, optional
        Version the firmware reports; that of this package by default.

    Raises
    ------
    ConfigError
        If there is no ``main.py``, a source cannot be compiled, or the image does not fit the
        board's file-system region.
    """
    source = firmware_dir if firmware_dir is not None else default_firmware()
    version = version if version is not None else metadata.version("eegrig")
    port = board.mcu.port if compile else None
    files: dict[str, bytes] = {}
    sources = _read_sources(source)
    for path in _unneeded_drivers(sources, drivers_of(board)):
        del sources[path]
    for path, data in sources.items():
        _add(files, path, data, port)
    _add(files, "board_config.py", board_config_source(board), port)
    identity = image_hash(files)
    build_info = f"VERSION = {version!r}\nIMAGE_HASH = {identity!r}\n".encode()
    _add(files, f"{BUILD_INFO}.py", build_info, port)
    manifest = Manifest(
        board=board.name, version=version, image_hash=identity.hex(), files=_entries(files)
    )
    files[MANIFEST] = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    region = board.mcu.filesystem
    data, used_bytes = _pack(files, region.size, region.block_size, board.name)
    return Image(board.name, region.start, region.block_size, data, manifest, used_bytes)


def read_image(data: bytes, block_size: int = 4096) -> ImageContents:
    """Read an image, whoever made it.

    Parameters
    ----------
    data : bytes
        The whole region.
    block_size : int
        Block size of its file system in bytes.

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
    return ImageContents(files, _read_manifest(files.get(MANIFEST)))


def image_hash(files: Mapping[str, bytes]) -> bytes:
    """Hash the files that make a firmware: all but ``build_info`` and the manifest.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by path.

    Returns
    -------
    bytes
        SHA-256, 32 bytes (see the module's text).
    """
    digest = sha256()
    for path in sorted(files):
        if path not in (f"{BUILD_INFO}.py", f"{BUILD_INFO}.mpy", MANIFEST):
            digest.update(path.encode() + b"\0" + sha256(files[path]).digest())
    return digest.digest()


def _read_sources(directory: Path) -> dict[str, bytes]:
    if not (directory / "main.py").is_file():
        raise ConfigError(f"{directory} has no main.py: name the directory of a firmware")
    sources = {}
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.suffix not in (".pyc", ".pyi"):
            sources["/".join(parts)] = path.read_bytes()
    return sources


def _unneeded_drivers(sources: Mapping[str, bytes], needed: Iterable[str]) -> set[str]:
    """Return the modules of the drivers' folder that neither a board nor its drivers name.

    Raises
    ------
    ConfigError
        If there are drivers, but not one that is needed.
    """
    drivers = {
        path.removeprefix(_DRIVERS).removesuffix(".py"): path
        for path in sources
        if path.startswith(_DRIVERS) and path.endswith(".py") and "/__" not in path
    }
    if not drivers:
        return set()
    unneeded = set(drivers.values())
    wanted = list(needed)
    while wanted:
        name = wanted.pop()
        path = drivers.get(name)
        if path is None:
            raise ConfigError(
                f"firmware.afe_driver: there is no driver {name!r} in {_DRIVERS}; "
                f"there are {', '.join(sorted(drivers))}"
            )
        if path in unneeded:
            unneeded.remove(path)
            imported = re.findall(rb"^from eeg\.drivers\.(\w+) import", sources[path], re.MULTILINE)
            wanted += [match.decode() for match in imported]
    return unneeded


def _add(files: dict[str, bytes], path: str, data: bytes, port: str | None) -> None:
    name, suffix = os.path.splitext(path)  # noqa: PTH122
    if suffix != ".py":
        files[path] = data
        return
    if port is None:
        files[path] = data
        return
    compiled = compile_module(data, path, port)
    if path in _SCRIPTS:
        files[path] = data  # compiled only to find its errors
    else:
        files[f"{name}.mpy"] = compiled


def _entries(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(path=path, size=len(files[path]), sha256=sha256(files[path]).hexdigest())
        for path in sorted(files)
    )


def _file_system(size: int, block_size: int) -> Any:
    from littlefs import LittleFS

    return LittleFS(
        mount=False,
        block_size=block_size,
        block_count=size // block_size,
        read_size=_READ_SIZE,
        prog_size=_PROG_SIZE,
    )


def _pack(files: Mapping[str, bytes], size: int, block_size: int, board: str) -> tuple[bytes, int]:
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
        if error.code != _NO_SPACE:
            raise ConfigError(f"cannot make the file system of {board}: {error}") from error
        raise ConfigError(_does_not_fit(files, size, board)) from None
    return bytes(fs.context.buffer), used_bytes


def _does_not_fit(files: Mapping[str, bytes], size: int, board: str) -> str:
    by_size = sorted(files, key=lambda path: (-len(files[path]), path))
    sizes = ", ".join(f"{path} {len(files[path])}" for path in by_size)
    total = sum(map(len, files.values()))
    return (
        f"the image does not fit the file system of {board}: {total} bytes in files for a region "
        f"of {size}; make something smaller of {sizes}"
    )


def _read_manifest(data: bytes | None) -> Manifest | None:
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError:
        return None
