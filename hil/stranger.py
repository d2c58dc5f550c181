"""A stranger in radio range: another radio than the owner's, with another address and no bond.

It says what no well-meaning host would say: frames of any content on any channel of L2CAP, and
pairing with whatever features are asked for. Its answers are raw, too; `hil.suites` has what makes
attempts of it.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["AddressKind", "Frame", "Paired", "Sighting", "Stranger", "StrangerLink"]

AddressKind = Literal["public", "static", "resolvable", "non-resolvable"]
"""Of a Bluetooth device address (Core 5.4, Vol 6 Part B 1.3): the first two never change."""


@dataclass(frozen=True)
class Sighting:
    """An advertisement that was heard.

    Attributes
    ----------
    at_ns : int
        On the bench's clock.
    address : str
        Six octets, as people write them.
    kind : AddressKind
    """

    at_ns: int
    address: str
    kind: AddressKind


@dataclass(frozen=True)
class Frame:
    """A frame of L2CAP that the board sent to the stranger.

    Attributes
    ----------
    at_ns : int
        When it arrived, on the bench's clock.
    channel : int
        The channel identifier (CID): 4 is ATT, 5 signalling, 6 the security manager.
    payload : bytes
    """

    at_ns: int
    channel: int
    payload: bytes


@dataclass(frozen=True)
class Paired:
    """How an attempt to pair ended.

    Attributes
    ----------
    done : bool
        Whether the link is encrypted with a key that both ends agreed on.
    why : str
        Why not, in a few words.
    """

    done: bool
    why: str = ""


class StrangerLink(Protocol):
    """The stranger's connection to a board."""

    @property
    def is_connected(self) -> bool:
        """Whether it is up still."""
        ...

    @property
    def heard(self) -> list[Frame]:
        """Every frame the board sent on it, in order."""
        ...

    def send(self, channel: int, payload: bytes) -> None:
        """Send a frame of L2CAP on a channel."""
        ...

    def send_raw(self, data: bytes) -> None:
        """Send what may be no frame of L2CAP, as the first fragment of one."""
        ...

    async def pair(
        self, *, secure_connections: bool, mitm: bool, io: int, key_octets: int, timeout_s: float
    ) -> Paired:
        """Pair.

        Parameters
        ----------
        secure_connections : bool
            LE Secure Connections; else legacy pairing.
        mitm : bool
            Whether protection against somebody in the middle is asked for.
        io : int
            IO capability (Core 5.4, Vol 3 Part H 3.5.1): 0 display, 1 display and yes/no, 2
            keyboard, 3 nothing, 4 keyboard and display.
        key_octets : int
            Longest key it claims to handle, 7 to 16.
        timeout_s : float
        """
        ...

    async def update_parameters(self, interval_ms: float, latency: int, timeout_ms: int) -> bool:
        """Change the connection's parameters, and tell whether they hold."""
        ...


class Stranger(Protocol):
    """A second central, which the board has never met (bench with ``stranger``)."""

    async def sightings(self, name: str, seconds: float) -> list[Sighting]:
        """Listen for a board's advertisements for a while; its name is in its scan responses."""
        ...

    def connect(self, name: str, timeout_s: float) -> AbstractAsyncContextManager[StrangerLink]:
        """Find a board by its name and connect; the link ends with the context.

        Raises
        ------
        BoardFault
            On entering: it is not heard in time, or does not let itself be connected to.
        """
        ...
