"""A stranger who wants other firmware on a board: what of it the board takes (docs/update.md)."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from struct import unpack_from
from typing import TYPE_CHECKING, Final

import msgspec

from eegrig.hil.suites.stretches.security.attempts import Case, Said, try_each
from eegrig.host.image.manifest import encode_manifest
from eegrig.host.image.signing import sign_manifest
from eegrig.host.wire.constants import UPDATE_UUID
from eegrig.host.wire.update import (
    UpdateMessage,
    UpdateStatus,
    encode_apply,
    encode_begin,
    encode_confirm,
    encode_data,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from eegrig.hil.suites.stretches.security.att import AttClient
    from eegrig.hil.suites.stretches.security.attempts import Trials
    from eegrig.host.image.manifest import Manifest

__all__ = ["NO_KEY", "REPLACES", "UPDATE", "key_of", "no_key_kept", "with_a_key"]

UPDATE: Final = "firmware, where a key is kept"
NO_KEY: Final = "firmware, where no key is kept"
REPLACES: Final = "an unsigned firmware"
_WRITE: Final = 244
_POLL_S: Final = 0.05
_PATIENCE_S: Final = 25.0
"""A signature takes a board 6.7 s by the model of its processor (docs/update.md)."""
_ANSWER: Final = 0x80
_ANSWER_S: Final = 1.0
_DATA_HEADER: Final = 7


def key_of(seed: int) -> Ed25519PrivateKey:
    """Return a key pair, the same for the same number."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(sha256(b"key %d" % seed).digest())


class _Offer:
    """One firmware offered by its manifest, up to where the board wants its files.

    Parameters
    ----------
    att : AttClient
    manifest : bytes
        Text of the manifest.
    """

    def __init__(self, att: AttClient, manifest: bytes) -> None:
        self._att = att
        self._manifest = manifest
        self._turn = self._sent = 0

    async def made(self) -> Said:
        """Offer it, and return what came of that."""
        att = self._att
        await att.subscribe(UPDATE_UUID)
        since = len(att.link.heard)
        await att.write(UPDATE_UUID, encode_begin(self._manifest, _WRITE))
        told = 0
        for _ in range(round(_PATIENCE_S / _POLL_S)):
            await asyncio.sleep(_POLL_S)
            messages = att.notifications(UPDATE_UUID, since)
            for message in messages[told:]:
                said = self._take(message)
                if said is not None:
                    return said
            told = len(messages)
            if not att.link.is_connected:
                return "refused", "it ended the connection"
        return "ignored", "no answer"

    def _take(self, message: bytes) -> Said | None:
        """Take a message of the board; return what the attempt came to once that is certain."""
        kind, body = message[0], message[2:]
        if kind == UpdateMessage.READY:
            return "through", "it has all it wants of the new firmware"
        if kind == UpdateMessage.WANT:
            self._turn, index, self._sent, limit = unpack_from("<BHII", body)
            if index:
                return "through", "it took the manifest and wants the files"
            self._send(limit)
        elif kind == UpdateMessage.MORE:
            self._send(unpack_from("<BI", body)[1])
        elif kind == UpdateMessage.FAILED or (kind & _ANSWER and body[0] != UpdateStatus.OK):
            return "refused", UpdateStatus(body[0]).name
        return None

    def _send(self, limit: int) -> None:
        step = _WRITE - _DATA_HEADER
        while self._sent < len(self._manifest):
            chunk = self._manifest[self._sent : self._sent + step]
            if self._sent + len(chunk) > limit:
                break
            self._att.write_command(UPDATE_UUID, encode_data(self._turn, self._sent, chunk))
            self._sent += len(chunk)


def _offering(manifest: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    async def offer(att: AttClient) -> Said:
        return await _Offer(att, manifest).made()

    return offer


def _saying(message: bytes) -> Callable[[AttClient], Awaitable[Said]]:
    """Say a message whose answer is certain at once."""

    async def say(att: AttClient) -> Said:
        await att.subscribe(UPDATE_UUID)
        since = len(att.link.heard)
        await att.write(UPDATE_UUID, message)
        for _ in range(round(_ANSWER_S / _POLL_S)):
            await asyncio.sleep(_POLL_S)
            for answer in att.notifications(UPDATE_UUID, since):
                status = UpdateStatus(answer[2])
                return ("through" if status is UpdateStatus.OK else "refused"), status.name
        return "ignored", "no answer"

    return say


def _another(manifest: Manifest, **changed: str) -> bytes:
    """Return the manifest of the firmware that runs, under another version, unsigned."""
    changed = {"version": "99.0.0", **changed}
    return encode_manifest(msgspec.structs.replace(manifest, signature=None, **changed))


def _bad_cases(manifest: Manifest) -> list[Case]:
    """Return what every board has to refuse."""
    wrong_hash = "00" * 32
    return [
        Case("300 bytes of noise for a manifest", _offering(bytes(range(256)) + bytes(44))),
        Case("a firmware of another board", _offering(_another(manifest, board="another"))),
        Case(
            "a firmware that is not what its hash says",
            _offering(_another(manifest, image_hash=wrong_hash)),
        ),
        Case("APPLY of nothing", _saying(encode_apply(bytes(32)))),
        Case("CONFIRM of nothing", _saying(encode_confirm(bytes(32)))),
    ]


async def no_key_kept(trials: Trials, manifest: Manifest) -> None:
    """Offer firmware to a board as it was flashed, without a key that signatures are held against.

    Parameters
    ----------
    trials : Trials
    manifest : Manifest
        Of the firmware that runs.
    """
    unsigned = Case(
        REPLACES,
        _offering(_another(manifest)),
        "anybody in radio range can replace the firmware",
    )
    await try_each(trials, NO_KEY, [*_bad_cases(manifest), unsigned])


async def with_a_key(trials: Trials, manifest: Manifest) -> None:
    """Offer firmware to a board that keeps the key ``key_of(1)``."""
    unsigned = _another(manifest)
    cut = sign_manifest(unsigned, key_of(1)).replace(b"99.0.0", b"99.0.1")
    cases = [
        Case(REPLACES, _offering(unsigned)),
        Case("a firmware signed with another key", _offering(sign_manifest(unsigned, key_of(2)))),
        Case("a signed firmware, changed afterwards", _offering(cut)),
    ]
    await try_each(trials, UPDATE, cases)
