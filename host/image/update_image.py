"""An application taken out of an image file, for an update over the air."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.errors import ConfigError
from eegrig.host.image.application import Application
from eegrig.host.image.firmware_image import read_image
from eegrig.host.image.manifest import MANIFEST, decode_manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["application_of"]


def application_of(path: Path, key: Ed25519PrivateKey | None = None) -> Application:
    """Read the application in the active slot of an image file, ``.hex`` or raw.

    Parameters
    ----------
    path : Path
        Written by `host.image.firmware_image.Image.write`.
    key : Ed25519PrivateKey or None
        Signs it anew.

    Raises
    ------
    ConfigError
        If the file is no image, or damaged.
    """
    from intelhex import IntelHex, IntelHexError  # type: ignore[import-untyped]

    try:
        if path.suffix.lower() == ".hex":
            data = bytes(IntelHex(str(path)).tobinarray())
        else:
            data = path.read_bytes()
    except (IntelHexError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no Intel hex file: {error}") from error
    except OSError as error:
        raise ConfigError(f"cannot read the image {path}: {error.strerror}") from error
    contents = read_image(data)
    if contents.manifest is None or not contents.intact:
        raise ConfigError(f"{path} is no image of eegrig, or damaged: build it with `eegrig build`")
    files = dict(contents.application_files)
    if key is not None:
        from eegrig.host.image.signing import sign_manifest

        files[MANIFEST] = sign_manifest(files[MANIFEST], key)
    return Application(decode_manifest(files[MANIFEST]), files)
