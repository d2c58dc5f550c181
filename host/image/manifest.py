"""The manifest of an application: which files belong to a firmware, and which firmware it is.

It is a text file that a board without a JSON parser can read, too; ``docs/update.md`` specifies it.
The image hash is the SHA-256 over, for every file in the order of its path, the path in UTF-8, a
zero byte, and the SHA-256 of the contents. Board, host and report identify the firmware by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from eegrig.boards.errors import ConfigError

__all__ = [
    "BUILD_INFO",
    "MANIFEST",
    "FileEntry",
    "Manifest",
    "decode_manifest",
    "encode_manifest",
    "entries_of",
    "image_hash",
    "intact_manifest",
    "join_signature",
    "split_signature",
]

MANIFEST = "manifest.txt"
BUILD_INFO = "build_info"
_FORMAT = "eegrig 1"
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[!-~]{1,64}")
_PATH = re.compile(r"[!-.0-~]{1,64}(/[!-.0-~]{1,64}){0,7}")
_SIGNATURE = re.compile(rb"signature ([0-9a-f]{128})\n")


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an application.

    Attributes
    ----------
    path : str
        Path in its slot, without a leading slash.
    size : int
        Size in bytes.
    sha256 : str
        Hash of its contents, hexadecimal.
    """

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to an application.

    Attributes
    ----------
    board, version : str
        Board it is for, and version of the firmware.
    image_hash : str
        Identity of the firmware, hexadecimal (see the module's text).
    files : tuple of FileEntry
        Every file but the manifest, by path.
    signature : str or None
        Ed25519, hexadecimal, where it is signed (`host.image.signing`).
    """

    board: str
    version: str
    image_hash: str
    files: tuple[FileEntry, ...]
    signature: str | None = None


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the text of a manifest.

    Raises
    ------
    ConfigError
        If a name or path cannot be written in it.
    """
    for what, name in (("board", manifest.board), ("version", manifest.version)):
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{what} {name!r}: use 1 to 64 printable ASCII letters, no space")
    for entry in manifest.files:
        if not _is_path(entry.path):
            raise ConfigError(
                f"{entry.path!r} cannot be the path of a firmware file: rename it to printable "
                "ASCII letters without space"
            )
    lines = [
        _FORMAT,
        f"board {manifest.board}",
        f"version {manifest.version}",
        f"image {manifest.image_hash}",
        *(f"file {entry.size} {entry.sha256} {entry.path}" for entry in manifest.files),
    ]
    text = ("\n".join(lines) + "\n").encode()
    if manifest.signature is None:
        return text
    return join_signature(text, bytes.fromhex(manifest.signature))


def join_signature(text: bytes, signature: bytes) -> bytes:
    """Return a manifest without a signature with one: 64 bytes, in its last line."""
    return text + b"signature " + signature.hex().encode() + b"\n"


def split_signature(text: bytes) -> tuple[bytes, bytes | None]:
    """Return what the signature of a manifest covers, and the signature if there is one."""
    start = text.rfind(b"\n", 0, -1) + 1
    last = _SIGNATURE.fullmatch(text, start)
    if last is None:
        return text, None
    return text[:start], bytes.fromhex(last[1].decode())


def decode_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ConfigError
        If it is not one, with the number of the line.
    """
    data, signature = split_signature(data)
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise ConfigError("a manifest is ASCII text, and this is not") from None
    if lines[0] != _FORMAT:
        raise ConfigError(f"line 1 of a manifest says {_FORMAT!r}, and this says {lines[0][:40]!r}")
    if len(lines) < 5 or lines[-1]:
        raise ConfigError("the manifest is cut off")
    board = _field(lines, 1, "board", _NAME)
    version = _field(lines, 2, "version", _NAME)
    identity = _field(lines, 3, "image", _HASH)
    files = tuple(_file(lines, number) for number in range(4, len(lines) - 1))
    paths = [entry.path for entry in files]
    if paths != sorted(set(paths)):
        raise ConfigError("the files of a manifest are in the order of their paths, each once")
    return Manifest(
        board=board,
        version=version,
        image_hash=identity,
        files=files,
        signature=None if signature is None else signature.hex(),
    )


def _field(lines: list[str], index: int, key: str, value: re.Pattern[str]) -> str:
    name, _, text = lines[index].partition(" ")
    if name != key or not value.fullmatch(text):
        raise ConfigError(f"line {index + 1} of the manifest is no {key!r}: {lines[index][:80]!r}")
    return text


def _file(lines: list[str], index: int) -> FileEntry:
    words = lines[index].split(" ")
    if (
        len(words) != 4
        or words[0] != "file"
        or not re.fullmatch(r"0|[1-9][0-9]{0,8}", words[1])
        or not _HASH.fullmatch(words[2])
        or not _is_path(words[3])
    ):
        raise ConfigError(f"line {index + 1} of the manifest is no 'file': {lines[index][:80]!r}")
    return FileEntry(path=words[3], size=int(words[1]), sha256=words[2])


def _is_path(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and not {".", "..", MANIFEST} & set(path.split("/"))


def entries_of(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """Return every file but the manifest with its size and hash, by path."""
    return tuple(
        FileEntry(path=path, size=len(files[path]), sha256=sha256(files[path]).hexdigest())
        for path in sorted(files)
        if path != MANIFEST
    )


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


def intact_manifest(files: Mapping[str, bytes]) -> Manifest | None:
    """Return the manifest of an application whose files are all there and as it says, else None.

    Parameters
    ----------
    files : mapping of str to bytes
        Contents by path, the manifest among them.
    """
    try:
        manifest = decode_manifest(files.get(MANIFEST, b""))
    except ConfigError:
        return None
    whole = manifest.files == entries_of(files) and manifest.image_hash == image_hash(files).hex()
    return manifest if whole else None
