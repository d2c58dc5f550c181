"""A release: an image file, and beside it a manifest that says where it comes from.

The manifest is a JSON file of the image's name: ``image.json`` beside ``image.bin``. It holds no
time and no path of the machine, so that the same sources give the same bytes.
"""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from eegrig.boards.errors import ConfigError
from eegrig.boards.whole_file import whole_files
from eegrig.host.image.application import default_firmware
from eegrig.host.image.manifest import FileEntry
from eegrig.host.image.mpycross import compiler_version

if TYPE_CHECKING:
    from eegrig.host.image.firmware_image import Image

__all__ = ["Release", "describe_sources", "manifest_path", "read_release", "write_release"]

_FORMAT: Final = "eegrig image 1"
_GIT_TIMEOUT_S: Final = 20.0


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest of a release says.

    Attributes
    ----------
    format : str
        "eegrig image 1".
    board, version : str
    sources : str or None
        ``git describe`` of the firmware's sources, with ``-dirty`` if a file of theirs differs
        from the commit; None where they are not under git.
    mpy_cross : str
        What the compiler says it is.
    image_hash : str
        Identity of the firmware, which the board reports.
    signature : str or None
        Of the application, hexadecimal.
    file : str
        Name of the image file.
    sha256 : str
        Hash of that file.
    address, size, used : int
        Where the image belongs, its size, and the bytes in blocks in use.
    files : tuple of FileEntry
        What the application consists of.
    """

    format: str
    board: str
    version: str
    sources: str | None
    mpy_cross: str
    image_hash: str
    signature: str | None
    file: str
    sha256: str
    address: int
    size: int
    used: int
    files: tuple[FileEntry, ...]


def manifest_path(image_path: Path) -> Path:
    """Return where the manifest of an image file is kept."""
    return image_path.with_suffix(".json")


def write_release(image: Image, path: Path, firmware_dir: Path | None = None) -> Release:
    """Write an image file and its manifest.

    Both appear whole or not at all, and there is never a manifest beside an image that it does not
    describe.

    Parameters
    ----------
    image : Image
    path : Path
        Of the image: Intel hex if it ends in ``.hex``, raw bytes otherwise.
    firmware_dir : Path, optional
        Its sources; the firmware of this package by default.

    Raises
    ------
    ConfigError
        If the files cannot be written.
    """
    manifest = manifest_path(path)
    if manifest == path:
        raise ConfigError(f"{path}: the manifest gets that name; let the image end in .bin or .hex")
    data = image.encode(path)
    release = Release(
        format=_FORMAT,
        board=image.board,
        version=image.version,
        sources=describe_sources(firmware_dir or default_firmware()),
        mpy_cross=compiler_version(),
        image_hash=image.image_hash.hex(),
        signature=image.manifest.signature,
        file=path.name,
        sha256=sha256(data).hexdigest(),
        address=image.address,
        size=len(image.data),
        used=image.used_bytes,
        files=image.files,
    )
    text = msgspec.json.format(msgspec.json.encode(release), indent=2) + b"\n"
    with whole_files(manifest, path) as (new_manifest, new_image):
        new_manifest.write_bytes(text)
        new_image.write_bytes(data)
        manifest.unlink(missing_ok=True)  # it is of the image before
    return release


def read_release(image_path: Path) -> Release | None:
    """Read the manifest beside an image file; None if there is none that can be read."""
    try:
        return msgspec.json.decode(manifest_path(image_path).read_bytes(), type=Release)
    except (OSError, msgspec.MsgspecError):
        return None


def describe_sources(directory: Path) -> str | None:
    """Return ``git describe`` of a folder, with ``-dirty`` if a file in it is not as committed.

    Parameters
    ----------
    directory : Path

    Returns
    -------
    str or None
        None where no file of the folder is under git, or there is no git.
    """
    # A folder that is merely inside of some repository (an installed package) has no commit.
    if not _git(directory, "ls-files", "--", "."):
        return None
    described = _git(directory, "describe", "--tags", "--always", "--abbrev=12")
    if not described:
        return None
    changed = _git(directory, "status", "--porcelain", "--", ".")
    return described + ("" if changed == "" else "-dirty")


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        ended = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.decode(errors="replace").strip() if ended.returncode == 0 else None
