"""A board's REPL, driven through mpremote: stop the firmware, run code, start it again.

mpremote's library is used, not its command line: one port stays open from the first byte to the
banner after the restart, so that nothing of it is missed and nobody takes the port in between.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Self

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.console.device_holders import holders
from eegrig.host.console.limited_port import LimitedPort, TimeUp
from eegrig.host.console.serial_port import cannot_open, limit_writing, port_path

if TYPE_CHECKING:
    from mpremote.transport_serial import SerialTransport

__all__ = ["BoardFull", "BoardRepl"]

_READ_TIMEOUT_S: Final = 2.0
_ATTEMPTS: Final = 3
_ANSWER_TIMEOUT_S: Final = 4.0
_ATTEMPT_S: Final = 3 * _ANSWER_TIMEOUT_S + 2.0  # three answers; one that never ends is none
_CODE_TIMEOUT_S: Final = 30.0  # between two bytes of output: erasing flash memory takes its time
_CODE_LIMIT_S: Final = 120.0  # until the last of them; what takes longest reads all files
_INTERRUPT: Final = b"\r\x03"
_SOFT_RESET: Final = b"\x04"
_NO_SPACE: Final = re.compile(r"OSError: (28$|\[Errno 28\])")


class BoardFull(BoardFault):
    """A board whose file system is full."""


class BoardRepl:
    """A board at its REPL. Use it as a context manager.

    Parameters
    ----------
    transport : SerialTransport
        Open.
    url : str
        For messages.

    Attributes
    ----------
    heard : bytes
        What the board said after its banner and was read along with it.
    """

    def __init__(self, transport: SerialTransport, url: str) -> None:
        self._transport = transport
        self._url = url
        self.heard = b""

    @classmethod
    def open(cls, url: str, baudrate: int = 115200) -> Self:
        """Open the port; the firmware goes on running.

        Parameters
        ----------
        url : str
            Device name or URL, as pyserial knows them.
        baudrate : int
            Of a real UART.

        Raises
        ------
        InfrastructureError
            If it cannot be opened.
        """
        import serial
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport

        def opened() -> SerialTransport:
            transport = SerialTransport(port_path(url), baudrate, timeout=_READ_TIMEOUT_S)
            limit_writing(transport.serial, url)
            return transport

        try:
            try:
                return cls(opened(), url)
            except TransportError:
                # mpremote gives no reason: one that is held or missing is refused here, with one.
                exclusive = None if "://" in url else True
                serial.serial_for_url(port_path(url), exclusive=exclusive).close()
                return cls(opened(), url)
        except (OSError, ValueError, TransportError) as error:
            raise cannot_open(url, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError):
            self._transport.close()

    @property
    def url(self) -> str:
        """Name of the port, for messages."""
        return self._url

    @property
    def port(self) -> Any:
        """The open port (serial.SerialBase)."""
        return self._transport.serial

    def stop(self) -> None:
        """Stop the firmware and reset the interpreter: an empty heap, the radio off.

        Raises
        ------
        InfrastructureError
            If no MicroPython answers, or the port is gone.
        """
        from mpremote.transport import TransportError

        talks = False
        with self._port_gone_explained():
            self.port.timeout = _READ_TIMEOUT_S
            for _ in range(_ATTEMPTS):
                # An interrupt that comes while a callback runs ends the callback only.
                self.port.write(_INTERRUPT)
                time.sleep(0.1)
                # mpremote prints what it could not make sense of.
                with contextlib.redirect_stdout(io.StringIO()):
                    try:
                        with self._within(_ATTEMPT_S):
                            self._transport.enter_raw_repl(timeout_overall=_ANSWER_TIMEOUT_S)
                        return
                    except TransportError:
                        talks = False
                    except TimeUp:
                        talks = True
        if talks:
            raise InfrastructureError(
                f"what is on {self._url} does not stop talking and gives no prompt: reset the "
                "board, and check that this is its port and baud rate"
            )
        others = holders(port_path(self._url))
        also = f"; {others[0]} has it open, too" if others else ""
        raise InfrastructureError(
            f"no MicroPython answers on {self._url}: check that it is this board's port, and that "
            f"the board is powered{also}"
        )

    def run(self, code: str) -> str:
        """Run code on the board and return what it printed.

        Parameters
        ----------
        code : str
            Python; the names it binds stay.

        Raises
        ------
        BoardFull
            If the file system is full.
        BoardFault
            If another exception ends it.
        InfrastructureError
            If the board stops answering.
        """
        from mpremote.transport import TransportError

        with self._port_gone_explained(), contextlib.redirect_stdout(io.StringIO()):
            try:
                with self._within(_CODE_LIMIT_S):
                    output, error = self._transport.exec_raw(code, timeout=_CODE_TIMEOUT_S)
            except TimeUp as failure:
                raise InfrastructureError(
                    f"the board on {self._url} was not done within {_CODE_LIMIT_S:g} s and still "
                    "talks: reset it, and try again"
                ) from failure
            # mpremote takes apart what it has read, without looking how much that is.
            except (TransportError, ValueError, struct.error) as failure:
                raise InfrastructureError(self._stopped_answering()) from failure
        if error:
            last = bytes(error).decode("utf-8", "replace").strip().splitlines()[-1]
            if _NO_SPACE.search(last):
                raise BoardFull(
                    "the board's file system is full: remove what is not the firmware's "
                    f"(`mpremote connect {self._url} df`, `fs ls`, `fs rm`), or flash the board"
                )
            raise BoardFault(f"the board failed with {last}: flash it with `eegrig flash`")
        return bytes(output).decode("utf-8", "replace").replace("\r\n", "\n")

    def restart(self) -> None:
        """Soft reset: the firmware starts, and what it prints can be read from `port`.

        Raises
        ------
        InfrastructureError
            If the port is gone.
        """
        with self._port_gone_explained():
            self.port.write(_INTERRUPT)  # of what may be half sent
            self._transport.exit_raw_repl()
            self.port.write(_SOFT_RESET)

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Give mpremote the port for so long; its own limits do not count while something comes."""
        port = self._transport.serial
        self._transport.serial = LimitedPort(port, seconds)
        try:
            yield
        finally:
            self._transport.serial = port

    @contextlib.contextmanager
    def _port_gone_explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # of which serial.SerialException is one
            raise InfrastructureError(self._stopped_answering()) from error

    def _stopped_answering(self) -> str:
        return f"the board on {self._url} stopped answering: check the cable, and try again"
