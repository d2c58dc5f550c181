"""How long an update over the air takes, with a little changed, signed, and with all changed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eegrig.boards import Board, load_board
from eegrig.hil.pages.stored import Figures, StoredFigure
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.flashing.flash import flash
from eegrig.host.image.application import Application, build_application, default_firmware
from eegrig.host.image.firmware_image import build_image
from eegrig.host.image.signing import raw_public_key
from eegrig.host.link.update import UpdateReport, update

__all__ = ["UPDATED", "updates"]

UPDATED = ("headband8", "nucleo-wb55-ads1299")
"""A board of each port."""

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_LITTLE = "eeg/app.py"
_VERSION = "2.0"


def updates(name: str) -> Figures:
    """Update a board from the present firmware to changed ones.

    Returns
    -------
    dict of str to StoredFigure
        ``update.little``, ``.signed`` and ``.all``, each with ``.sent`` (bytes), ``.total``
        (bytes), ``.transfer`` (until the board has everything and has checked it) and ``.trial``
        (from then until it runs the new firmware for good); and ``update.signature``, what
        checking one takes.
    """
    board = load_board(name)
    found: Figures = {}
    for key, changed, signed in (
        ("little", [_LITTLE], False),
        ("signed", [_LITTLE], True),
        ("all", None, False),
    ):
        report = _update(board, _changed(board, changed, signed=signed), signed=signed)
        found |= {
            f"update.{key}.sent": StoredFigure.of(report.sent_bytes, "B"),
            f"update.{key}.total": StoredFigure.of(report.total_bytes, "B"),
            f"update.{key}.transfer": StoredFigure.of(report.transfer_s, "s"),
            f"update.{key}.trial": StoredFigure.of(report.total_s - report.transfer_s, "s"),
        }
    plain_s, signed_s = (found[f"update.{key}.transfer"].value for key in ("little", "signed"))
    if plain_s is not None and signed_s is not None:
        found["update.signature"] = StoredFigure.of(signed_s - plain_s, "s")
    return found


def _changed(board: Board, modules: Iterable[str] | None, *, signed: bool) -> Application:
    """Build the firmware with a line more in some modules, or in all of them."""
    with tempfile.TemporaryDirectory(prefix="eegrig-figures-") as folder:
        firmware = Path(folder) / "firmware"
        shutil.copytree(default_firmware(), firmware)
        (firmware / "boot.py").touch()
        chosen = firmware.rglob("*.py") if modules is None else [firmware / m for m in modules]
        for path in chosen:
            path.write_text(path.read_text(encoding="utf-8") + "\n_OF_ANOTHER_RELEASE = 1\n")
        key = _KEY if signed else None
        return build_application(board, firmware, version=_VERSION, key=key)


def _update(board: Board, application: Application, *, signed: bool) -> UpdateReport:
    with VirtualBench(board) as virtual:
        rig = virtual.bench
        trust = raw_public_key(_KEY.public_key()) if signed else None
        flash(board, build_image(board, key=_KEY), probe=rig.probe, trust=trust)
        rig.run(asyncio.sleep(1))
        return rig.run(
            update(
                board.radio.name,
                lambda _state: application,
                scanner_backend=rig.radio.scanner_backend,
                client_backend=rig.radio.client_backend,
            )
        )
