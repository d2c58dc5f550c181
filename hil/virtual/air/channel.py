"""What happens to a packet on its way: nothing, broken bits, or no packet at all."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from eegrig.boards.errors import ConfigError

__all__ = ["CRC_ERROR", "NO_SYNC", "RECEIVED", "BitErrors", "Channel", "PacketErrors"]

RECEIVED: Final = 0
"""The packet arrived."""
CRC_ERROR: Final = 1
"""A packet was there, its CRC is wrong: the receiver keeps its timing and answers."""
NO_SYNC: Final = 2
"""The access address was not recognised: the receiver knows of no packet."""

_ACCESS_ADDRESS_BITS = 32 + 8  # the preamble counts as a byte that must be recognised


class Channel(Protocol):
    """A model of the way between two radios."""

    def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
        """Return `RECEIVED`, `CRC_ERROR` or `NO_SYNC` for one packet of `octets` of payload."""
        ...


class PacketErrors:
    """A flat packet error rate, whatever the packet's length.

    Parameters
    ----------
    rate : float
        Probability that a packet is lost, 0 to 1.
    no_sync_fraction : float
        Share of the losses that are not recognised as packets at all.

    Raises
    ------
    ConfigError
        If one of them is no probability.
    """

    def __init__(self, rate: float, no_sync_fraction: float = 0.3) -> None:
        for name, value in (("rate", rate), ("no_sync_fraction", no_sync_fraction)):
            if not 0 <= value <= 1:
                raise ConfigError(f"packet errors: {name} {value} is not between 0 and 1")
        self.rate = rate
        self._no_sync_rate = rate * no_sync_fraction

    def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
        """Draw one packet's fate."""
        draw = rng.random()
        if draw >= self.rate:
            return RECEIVED
        return NO_SYNC if draw < self._no_sync_rate else CRC_ERROR


class BitErrors:
    """Independent bit errors: long packets suffer more, and fragments less.

    Parameters
    ----------
    rate : float
        Probability that a bit is wrong, 0 to 1. A PHY without coding is taken: one wrong bit of the
        access address loses the packet, one of the rest fails the CRC.

    Raises
    ------
    ConfigError
        If `rate` is no probability.
    """

    def __init__(self, rate: float) -> None:
        if not 0 <= rate <= 1:
            raise ConfigError(f"bit errors: rate {rate} is not between 0 and 1")
        self.rate = rate

    def outcome(self, rng: np.random.Generator, phy: int, octets: int) -> int:
        """Draw one packet's fate."""
        draw = rng.random()
        intact_sync = (1 - self.rate) ** _ACCESS_ADDRESS_BITS
        if draw >= intact_sync:
            return NO_SYNC
        header_body_crc_bits = 8 * (2 + octets + 3)
        return (
            RECEIVED if draw < intact_sync * (1 - self.rate) ** header_body_crc_bits else CRC_ERROR
        )
