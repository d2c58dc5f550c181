"""What a board's Bluetooth host tells its user: whoever runs the board's firmware, or plays it.

The user is given to a `Peripheral` when that is made, and stays. A user that calls its peripheral
makes it: ``self.radio = Peripheral(air, self)``.
"""

from __future__ import annotations

from typing import Any

from bumble import hci
from bumble.keys import KeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from eegrig.hil.virtual.board_bluetooth.peripheral_events import PeripheralEvent

__all__ = ["PeripheralUser"]


class PeripheralUser:
    """A user that wants to hear of nothing; derive from it, and say what is of interest."""

    def on_event(self, event: PeripheralEvent) -> None:
        """Take an event, in a callback of its own."""

    def on_completed(self) -> None:
        """Take note that the controller has reported a packet of the host as completed."""

    def on_link(self, connection: Any) -> None:
        """Take Bumble's object of a new connection, in either role, before its event."""

    # ------------------------------------------------------------------ requests of peers
    async def on_written(self, connection: int, handle: int) -> None:
        """Deal with what a peer has written; nothing else is read or written meanwhile.

        Called where `StackRules.calls_handlers_at_once` is set; else it is an event.
        """

    async def on_read(self, connection: int, handle: int) -> int:
        """Say whether a peer may read a value: an ATT error code, 0 to let it."""
        return 0

    # ------------------------------------------------------------------ other devices
    def on_report(self, event_type: int, address: hci.Address, data: bytes) -> None:
        """Take an advertisement that was heard while the board scans."""

    def on_value(self, connection: int, handle: int, value: bytes, indication: bool) -> None:
        """Take the value of a notification or indication that came in."""

    # ------------------------------------------------------------------ pairing
    @property
    def keystore(self) -> KeyStore | None:
        """Where the keys of bonds are kept; None: there are no bonds."""
        return None

    def pairing_config(self, connection: Any) -> PairingConfig:
        """Return how to pair on a connection: not at all, as a port that is built without it."""
        return PairingConfig(delegate=_NoPairing())


class _NoPairing(PairingDelegate):  # type: ignore[misc]
    async def accept(self) -> bool:
        return False
