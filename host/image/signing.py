"""Signatures of firmware: Ed25519 over a manifest, and the keys for it.

A signature covers every byte of the manifest before its last line, which holds it; the manifest
names every file with its hash, so that it covers them too (``docs/update.md``). Keys are PEM files,
as OpenSSL writes them: the private one stays with who releases firmware, the public one goes onto
boards.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.host.image.manifest import join_signature, split_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

__all__ = [
    "load_private_key",
    "load_public_key",
    "new_key",
    "public_path",
    "raw_public_key",
    "sign_manifest",
    "verify_manifest",
]

_PRIVATE_MODE = 0o600


def public_path(private: Path) -> Path:
    """Return where the public key of a private one is kept: the same name and ``.pub``."""
    return private.with_name(private.name + ".pub")


def new_key(path: Path) -> Ed25519PrivateKey:
    """Make a key pair: the private key in `path`, for its owner's eyes, the public one beside it.

    Parameters
    ----------
    path : Path
        Of the private key; the public one is in `public_path`.

    Raises
    ------
    ConfigError
        If one of the files exists or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for existing in (path, public_path(path)):
        if existing.exists():
            raise ConfigError(f"{existing} exists: a key is never overwritten, name another file")
    try:
        # Never readable for others, not even for a moment.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, _PRIVATE_MODE), "wb") as file:
            file.write(private)
        public_path(path).write_bytes(public)
    except FileExistsError as error:
        raise ConfigError(f"{path} exists: a key is never overwritten") from error
    except OSError as error:
        for half in (path, public_path(path)):
            with contextlib.suppress(OSError):
                half.unlink()
        raise ConfigError(f"cannot write the key {path}: {error.strerror}") from error
    return key


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises
    ------
    ConfigError
        If there is none in the file.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = _load(path, lambda data: load_pem_private_key(data, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is no Ed25519 private key: make one with `eegrig key new`")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key, or the one that belongs to a private key.

    Raises
    ------
    ConfigError
        If there is none in the file.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_pem_public_key,
    )

    def load(data: bytes) -> object:
        if b"PRIVATE KEY" in data:
            return load_pem_private_key(data, password=None)
        return load_pem_public_key(data)

    key = _load(path, load)
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path} is no Ed25519 key: make one with `eegrig key new`")
    return key


def raw_public_key(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key that a board keeps."""
    return key.public_bytes_raw()


def sign_manifest(text: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a manifest with a signature; one that it has is replaced."""
    body, _ = split_signature(text)
    return join_signature(body, key.sign(body))


def verify_manifest(text: bytes, key: Ed25519PublicKey) -> None:
    """Check that a manifest is signed with the private key that belongs to `key`.

    Raises
    ------
    ConfigError
        If it is not.
    """
    from cryptography.exceptions import InvalidSignature

    body, signature = split_signature(text)
    if signature is None:
        raise ConfigError("the firmware is not signed: build it with --key")
    try:
        key.verify(signature, body)
    except InvalidSignature:
        raise ConfigError(
            "the firmware is signed with another key, or was changed after it was signed: build "
            "it again with --key and the right key"
        ) from None


def _load(path: Path, parse: Callable[[bytes], object]) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the key {path}: {error.strerror}") from error
    except TypeError:
        raise ConfigError(f"the key {path} has a password: give one without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(
            f"{path} is no key in PEM format: make one with `eegrig key new`"
        ) from None
