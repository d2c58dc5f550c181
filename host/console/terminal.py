"""A serial terminal: keys to the board, its output to the screen, and into a file if wanted."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from eegrig.boards.errors import BoardFault
from eegrig.host.console.serial_port import port_lost

__all__ = ["EXIT_KEY", "Terminal"]

EXIT_KEY: Final = b"\x1d"  # Ctrl-]
_READ_SIZE: Final = 4096
_POLL_S: Final = 0.05
_ALWAYS: Final = float("inf")


class Terminal:
    """What connects a port and a person, or a script.

    Parameters
    ----------
    port : serial.SerialBase
        Open; it is polled.
    url : str
        For messages.
    log : BinaryIO or None
        Gets everything that the board says.
    """

    def __init__(self, port: Any, url: str, log: BinaryIO | None = None) -> None:
        self._port = port
        self._url = url
        self._log = log
        port.timeout = 0

    def show(self, until: Callable[[], bool], heard: bytes = b"") -> None:
        """Show what the board says until `until` returns True, asked some times a second.

        Parameters
        ----------
        until : callable
        heard : bytes
            What it has said already.

        Raises
        ------
        InfrastructureError
            If the port is gone.
        """
        self._output(heard)
        while not until():
            if not self._pass_output():
                time.sleep(_POLL_S)

    def interact(self, keys: int, linger_s: float, limit_s: float = _ALWAYS) -> None:
        """Pass keys on until Ctrl-], or until their source ends and the board is silent.

        Parameters
        ----------
        keys : int
            File descriptor. A terminal is put into raw mode meanwhile; Ctrl-C and all others go to
            the board. The lines of a file or pipe are sent as somebody would type them.
        linger_s : float
            How long the board has to say nothing, once the source has ended.
        limit_s : float
            For how long, from then on, it may go on talking.

        Raises
        ------
        BoardFault
            If it still talks then.
        InfrastructureError
            If the port is gone.
        """
        typed = os.isatty(keys)
        with _raw(keys) if typed else contextlib.nullcontext():
            if typed:
                sys.stderr.write(f"eegrig: {self._url}; Ctrl-] leaves\r\n")
                sys.stderr.flush()
            ended_at = latest = _ALWAYS
            board = _descriptor(self._port)
            sources = [keys, *board]
            while time.monotonic() < ended_at:
                if self._pass_output() and ended_at is not _ALWAYS:
                    ended_at = time.monotonic() + linger_s
                if time.monotonic() >= latest:
                    raise BoardFault(
                        f"the board on {self._url} still talks {limit_s:g} s after its input "
                        "ended: give it longer with --limit, or reset it"
                    )
                if keys not in select.select(sources, [], [], _POLL_S)[0]:
                    continue
                data = os.read(keys, _READ_SIZE)
                if not data:
                    sources = board
                    ended_at = time.monotonic() + linger_s
                    latest = time.monotonic() + limit_s
                elif typed and EXIT_KEY in data:
                    self._send(data.partition(EXIT_KEY)[0])
                    return
                else:
                    self._send(data if typed else data.replace(b"\n", b"\r"))

    def _send(self, data: bytes) -> None:
        with self._explained():
            self._port.write(data)

    def _pass_output(self) -> bool:
        with self._explained():
            data = self._port.read(_READ_SIZE)
        self._output(data)
        return bool(data)

    def _output(self, data: bytes) -> None:
        if not data:
            return
        if self._log is not None:
            self._log.write(data)
            self._log.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # nobody reads our output any more
            raise
        except OSError as error:  # of which serial.SerialException is one
            raise port_lost(self._url, error) from error


def _descriptor(port: Any) -> list[int]:
    """Return a port's file descriptor, if it has one: its output is shown at once, then."""
    try:
        return [port.fileno()]
    except (AttributeError, OSError):
        return []


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
