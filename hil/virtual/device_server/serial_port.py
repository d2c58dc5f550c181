"""A board's console as a serial port of the operating system: a pseudo-terminal.

The process keeps both ends open, so that programs may open and close the port as they like. What
nobody reads is kept up to `_CAPACITY`, and then the oldest of it goes, as the board's own output
does not wait for anybody.
"""

from __future__ import annotations

import contextlib
import errno
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from eegrig.hil.virtual.clock import Cancellable, VirtualLoop

__all__ = ["ConsolePort", "SerialPort"]

_CAPACITY = 1 << 16
_CHUNK = 4096
_RETRY_NS = 2_000_000
_FRAME_NS = 1_000_000
"""What a serial bridge collects before it sends: a frame of USB (USB 2.0, 5.3.3: 1 ms)."""


class ConsolePort(Protocol):
    """A board's console, as a port needs it."""

    on_output: Callable[[bytes], None] | None

    @property
    def room(self) -> int:
        """Number of bytes the board takes now."""
        ...

    def write(self, data: bytes) -> int:
        """Hand bytes to the board; return how many it took."""
        ...


class SerialPort:
    """A pseudo-terminal on a console.

    Parameters
    ----------
    loop : VirtualLoop
    console : ConsolePort
    link : Path
        Where to leave a symbolic link to it.

    Attributes
    ----------
    path : str
        Of the terminal itself.
    """

    def __init__(self, loop: VirtualLoop, console: ConsolePort, link: Path) -> None:
        self._loop = loop
        self._console = console
        self._link = link
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)
        fresh = link.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.path)
        fresh.replace(link)
        self._output = bytearray()
        self._input = bytearray()
        self._retry: Cancellable | None = None
        self._frame: Cancellable | None = None
        self._writing = False
        console.on_output = self._on_output
        loop.add_reader(self._ours, self._on_input)

    def close(self) -> None:
        """Take the port away."""
        self._console.on_output = None
        for call in (self._retry, self._frame):
            if call is not None:
                call.cancel()
        self._send()
        self._loop.remove_reader(self._ours)
        self._loop.remove_writer(self._ours)
        os.close(self._ours)
        os.close(self._theirs)
        with contextlib.suppress(OSError):
            if str(self._link.readlink()) == self.path:
                self._link.unlink()

    # ------------------------------------------------------------------ to the board
    def _on_input(self) -> None:
        try:
            self._input += os.read(self._ours, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return
        self._pass_on()

    def _pass_on(self) -> None:
        """Hand over what the board takes; read no more until it has taken all."""
        self._retry = None
        taken = min(len(self._input), self._console.room)
        if taken:
            del self._input[: self._console.write(bytes(self._input[:taken]))]
        if self._input:
            self._loop.remove_reader(self._ours)
            when_ns = self._loop.now_ns() + _RETRY_NS
            self._retry = self._loop.call_at_ns(when_ns, self._pass_on)
        else:
            self._loop.add_reader(self._ours, self._on_input)

    # ------------------------------------------------------------------ from the board
    def _on_output(self, data: bytes) -> None:
        self._output += data
        if self._frame is None and not self._writing:
            when_ns = self._loop.now_ns() + _FRAME_NS
            self._frame = self._loop.call_at_ns(when_ns, self._send)

    def _send(self) -> None:
        self._frame = None
        try:
            while self._output:
                del self._output[: os.write(self._ours, self._output[:_CHUNK])]
        except BlockingIOError:
            pass
        surplus = len(self._output) - _CAPACITY
        if surplus > 0:
            # What lies in the kernel is older still: a reader gets one piece, not two.
            termios.tcflush(self._theirs, termios.TCIFLUSH)
            del self._output[:surplus]
        wanted = bool(self._output)
        if wanted is not self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._ours, self._send)
            else:
                self._loop.remove_writer(self._ours)
