"""pyserial's handler of ``virtual://`` URLs."""

from __future__ import annotations

from typing import Any

import serial

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.serial.console import VirtualConsole, console_at

__all__ = ["Serial"]


class Serial(serial.SerialBase):  # type: ignore[misc]
    """A serial port onto a `VirtualConsole`; baud rate and modem lines are ignored."""

    _console: VirtualConsole | None = None

    def open(self) -> None:
        """Open the port."""
        try:
            self._console = console_at(str(self.portstr))
        except InfrastructureError as error:
            raise serial.SerialException(str(error)) from error
        self.is_open = True

    def close(self) -> None:
        """Close the port."""
        self._console = None
        self.is_open = False

    def _need(self) -> VirtualConsole:
        if self._console is None:
            raise serial.PortNotOpenError
        return self._console

    @property
    def in_waiting(self) -> int:
        """Number of bytes to read."""
        return self._need().waiting

    def read(self, size: int = 1) -> bytes:
        """Return up to `size` bytes, at once."""
        return self._need().take(size)

    def write(self, b: Any) -> int:
        """Send to the board; return how many bytes it had room for."""
        return self._need().write(bytes(b))

    def reset_input_buffer(self) -> None:
        """Forget what has not been read."""
        console = self._need()
        console.take(console.waiting)

    def _reconfigure_port(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass

    def _update_dtr_state(self) -> None:
        pass

    def _update_break_state(self) -> None:
        pass
