"""An application: what one slot of a board holds, built from ``firmware/``.

It is the firmware, compiled; the generated modules ``board_config`` and ``build_info``; and the
manifest, which says what belongs to it. The same sources give the same bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import board_runtime
from eegrig.host.image.board_config import (
    ACQUISITIONS,
    acquisition_of,
    board_config_source,
    drivers_of,
)
from eegrig.host.image.manifest import (
    BUILD_INFO,
    MANIFEST,
    Manifest,
    decode_manifest,
    encode_manifest,
    entries_of,
    image_hash,
)
from eegrig.host.image.mpycross import compile_module

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from eegrig.boards.ports import Runtime
    from eegrig.boards.schema import Board

__all__ = [
    "LOADER",
    "UNVERSIONED",
    "VERSION_FILE",
    "Application",
    "add_module",
    "build_application",
    "default_firmware",
    "firmware_version",
    "read_sources",
    "sizes",
    "source_paths",
]

LOADER = "loader"
"""Folder of a firmware that is no part of the application (`host.image.loader`)."""

VERSION_FILE = "VERSION"
"""File of a firmware that says which version of it this is; it is not put onto the board.

A firmware's version is its own: what changes on the computer only leaves it as it is.
"""

UNVERSIONED = "unversioned"
"""What a firmware without that file reports."""

_DRIVERS = "eeg/drivers/"
_VERSION = re.compile(r"[!-~]{1,64}")  # what a manifest takes (docs/update.md)


@dataclass(frozen=True)
class Application:
    """What one slot holds.

    Attributes
    ----------
    manifest : Manifest
    files : mapping of str to bytes
        Contents by path in the slot, the manifest among them.
    """

    manifest: Manifest
    files: Mapping[str, bytes]

    @property
    def image_hash(self) -> bytes:
        """Identity of the firmware, 32 bytes."""
        return bytes.fromhex(self.manifest.image_hash)


def default_firmware() -> Path:
    """Directory of the firmware that comes with this package."""
    return Path(__file__).resolve().parents[2] / "firmware"


def build_application(
    board: Board,
    firmware_dir: Path | None = None,
    *,
    compile: bool = True,  # noqa: A002
    version: str | None = None,
    key: Ed25519PrivateKey | None = None,
) -> Application:
    """Build a board's application.

    Parameters
    ----------
    board : Board
        The board it is for.
    firmware_dir : Path, optional
        Sources; the firmware of this package by default.
    compile : bool
        Compile every module with mpy-cross. False puts the sources in.
    version : str, optional
        Version the firmware reports; what its sources say by default (`firmware_version`).
    key : Ed25519PrivateKey, optional
        Signs the manifest (`host.image.signing.load_private_key`).

    Raises
    ------
    ConfigError
        If there is no ``main.py``, the version is none, or a source cannot be compiled.
    """
    source = firmware_dir if firmware_dir is not None else default_firmware()
    version = version if version is not None else firmware_version(source)
    board_runs = board_runtime(board)
    runtime = board_runs if compile else None
    files: dict[str, bytes] = {}
    sources = read_sources(source)
    if "main.py" not in sources:
        raise ConfigError(f"{source} has no main.py: name the directory of a firmware")
    sources.pop(VERSION_FILE, None)
    sources.setdefault("boot.py", b"")  # the loader starts both
    for path in _unneeded_drivers(sources, drivers_of(board)):
        del sources[path]
    for name in set(ACQUISITIONS.values()) - {acquisition_of(board_runs)}:
        sources.pop(f"eeg/{name}.py", None)
    for path, data in sources.items():
        if path.partition("/")[0] != LOADER:
            add_module(files, path, data, runtime)
    add_module(files, "board_config.py", board_config_source(board), runtime)
    identity = image_hash(files)
    build_info = f"VERSION = {version!r}\nIMAGE_HASH = {identity!r}\n".encode()
    add_module(files, f"{BUILD_INFO}.py", build_info, runtime)
    manifest = Manifest(
        board=board.name, version=version, image_hash=identity.hex(), files=entries_of(files)
    )
    text = encode_manifest(manifest)
    if key is not None:
        from eegrig.host.image.signing import sign_manifest

        text = sign_manifest(text, key)
        manifest = decode_manifest(text)
    files[MANIFEST] = text
    return Application(manifest, files)


def firmware_version(directory: Path) -> str:
    """Return the version that a firmware's sources say they are.

    Parameters
    ----------
    directory : Path
        Of the firmware. Without a file `VERSION_FILE` in it, the version is `UNVERSIONED`.

    Raises
    ------
    ConfigError
        If what the file holds is no version.
    """
    path = directory / VERSION_FILE
    if not path.is_file():
        return UNVERSIONED
    version = path.read_text(encoding="utf-8", errors="replace").strip()
    if not _VERSION.fullmatch(version):
        raise ConfigError(
            f"{path} holds {version[:80]!r}, which is no version: write one word of up to 64 "
            "printable ASCII characters, such as 1.2.0"
        )
    return version


def source_paths(directory: Path) -> dict[str, Path]:
    """Return where a firmware's files are, without caches, stubs and what is hidden."""
    paths = {}
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and path.suffix not in (".pyc", ".pyi"):
            paths["/".join(parts)] = path
    return paths


def read_sources(directory: Path) -> dict[str, bytes]:
    """Return a firmware's files by path, without caches, stubs and what is hidden."""
    return {name: path.read_bytes() for name, path in source_paths(directory).items()}


def add_module(files: dict[str, bytes], path: str, data: bytes, runtime: Runtime | None) -> None:
    """Add a file; a module is compiled, unless `runtime` is None.

    Raises
    ------
    ConfigError
        If it cannot be compiled; the message has file and line.
    """
    name, suffix = os.path.splitext(path)  # noqa: PTH122
    if suffix != ".py" or runtime is None:
        files[path] = data
    else:
        files[f"{name}.mpy"] = compile_module(data, path, runtime)


def sizes(files: Mapping[str, bytes]) -> list[tuple[str, int]]:
    """Return path and size of every file, the largest first."""
    pairs = [(path, len(data)) for path, data in files.items()]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


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
