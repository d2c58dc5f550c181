"""The host's side of an update against the firmware's, without a radio between them."""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from typing import Any

from eegrig.host.image.application import Application
from eegrig.host.image.manifest import MANIFEST, Manifest, encode_manifest, entries_of, image_hash
from eegrig.host.wire.update import UpdateTransfer

LARGEST = 244
BUFFER = 976


def application(
    files: dict[str, bytes], board: str = "headband8", version: str = "1"
) -> Application:
    """Return an application of these files."""
    manifest = Manifest(
        board=board, version=version, image_hash=image_hash(files).hex(), files=entries_of(files)
    )
    return Application(manifest, {**files, MANIFEST: encode_manifest(manifest)})


def in_slot(slot: str, app: Application) -> dict[str, bytes]:
    return {f"{slot}/{path}": data for path, data in app.files.items()}


def transfer_of(app: Application, largest: int = LARGEST) -> UpdateTransfer:
    return UpdateTransfer(
        app.files[MANIFEST],
        [app.files[entry.path] for entry in app.manifest.files],
        app.image_hash,
        largest,
    )


@dataclasses.dataclass
class Cut(Exception):
    """The link broke where the test wanted it."""

    messages: int


def run(board: Any, transfer: UpdateTransfer, cut_after: int | None = None) -> int:
    """Play a whole update; return how many messages the host sent.

    The host sends as many as it may before the board gets to read them.
    """
    messages = 0
    while not transfer.applied:
        batch: list[bytes] = []
        while (message := transfer.send()) is not None:
            batch.append(message[0])
            messages += 1
            if message[1] or messages == cut_after:
                break
        assert sum(map(len, batch)) <= BUFFER
        said = board("give({})", batch)
        if messages == cut_after:
            raise Cut(messages)
        if not batch and not said:
            raise AssertionError("both wait for each other")
        for data in said:
            transfer.receive(data)
    return messages


def digest(data: bytes) -> bytes:
    return sha256(data).digest()
