"""The serial console of a virtual board, reachable by a URL like any other serial port.

``serial.serial_for_url("virtual://headband8")`` opens it: pyserial finds the handler in
`hil.virtual.serial.protocols`, which is registered here. Reading never blocks; whoever waits for
text waits on the bench's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import serial

from eegrig.boards.errors import InfrastructureError

__all__ = ["ConsoleInput", "VirtualConsole", "console_at"]

_PROTOCOLS = "eegrig.hil.virtual.serial.protocols"
_CAPACITY = 1 << 20

_consoles: dict[str, VirtualConsole] = {}


class ConsoleInput(Protocol):
    """Who reads a console."""

    def console_input(self, data: bytes) -> int:
        """Take bytes; return how many."""
        ...

    @property
    def console_room(self) -> int:
        """How many there is room for."""
        ...


class VirtualConsole:
    """What a board prints, kept until somebody reads it.

    Parameters
    ----------
    name : str
        The port's name; its URL is ``virtual://<name>``.
    board : ConsoleInput or None
        Who reads what is written.

    Attributes
    ----------
    log : bytearray
        All that was printed, the last MiB of it.
    on_output : callable or None
        Also takes what the board prints, as it comes.
    """

    def __init__(self, name: str, board: ConsoleInput | None = None) -> None:
        self.name = name
        self.board = board
        self.on_output: Callable[[bytes], None] | None = None
        self._output = bytearray()
        self.log = bytearray()

    @property
    def url(self) -> str:
        """URL for `serial.serial_for_url`."""
        return f"virtual://{self.name}"

    def open(self) -> None:
        """Let `serial.serial_for_url` find the console."""
        if _PROTOCOLS not in serial.protocol_handler_packages:
            serial.protocol_handler_packages.append(_PROTOCOLS)
        _consoles[self.name] = self

    def close(self) -> None:
        """Take the port away."""
        _consoles.pop(self.name, None)

    def feed(self, data: bytes) -> None:
        """Take what the board printed; the oldest goes when nobody reads."""
        for buffer in (self._output, self.log):
            buffer += data
            del buffer[: max(0, len(buffer) - _CAPACITY)]
        if self.on_output is not None:
            self.on_output(data)

    def write(self, data: bytes) -> int:
        """Send to the board; return how many bytes it took: what `room` there was."""
        return 0 if self.board is None else self.board.console_input(data)

    @property
    def room(self) -> int:
        """Number of bytes the board takes now."""
        return 0 if self.board is None else self.board.console_room

    @property
    def waiting(self) -> int:
        """Number of bytes to read."""
        return len(self._output)

    def take(self, size: int) -> bytes:
        """Return up to `size` bytes and forget them."""
        data = bytes(self._output[:size])
        del self._output[:size]
        return data


def console_at(url: str) -> VirtualConsole:
    """Return the console with a URL.

    Raises
    ------
    InfrastructureError
        If no virtual board of that name is up in this process.
    """
    name = url.split("://", 1)[-1].strip("/")
    try:
        return _consoles[name]
    except KeyError:
        raise InfrastructureError(
            f"no virtual board {name!r} is up in this process: bring up its bench first"
        ) from None
