"""A board's serial console: lines, the boot banner, and the traceback of a firmware that fails.

The port is polled: a URL of pyserial may be a device, a socket or a pseudo-terminal, and polling
works with all of them, on any event loop and in any kind of time.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.console.boot_text import TRACEBACK, last_words
from eegrig.host.console.serial_port import open_port, port_lost

__all__ = ["BootFailure", "Console", "RunningFirmware", "read_identity"]

_POLL_S: Final = 0.01
_READ_SIZE: Final = 4096
# A line that long is noise: a wrong baud rate, or no text at all.
_MAX_LINE: Final = 4096

_BANNER: Final = re.compile(r"eegrig (?P<version>\S+) (?P<board>\S+) image (?P<hash>[0-9a-f]{64})$")
_KEPT_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class RunningFirmware:
    """What a firmware says it is when it boots.

    Attributes
    ----------
    version : str
    board : str
    image_hash : str
        SHA-256 of the image, 64 hexadecimal digits.
    """

    version: str
    board: str
    image_hash: str


class BootFailure(BoardFault):
    """A firmware that fails to boot.

    Attributes
    ----------
    traceback : str
        The whole traceback, as the board printed it.
    """

    def __init__(self, traceback: str) -> None:
        lines = traceback.splitlines()
        places = [line.strip() for line in lines if line.startswith("  File ")]
        where = f" ({places[-1]})" if places else ""
        super().__init__(f"the firmware fails to boot: {lines[-1]}{where}")
        self.traceback = traceback


class Console:
    """A board's console, open.

    Parameters
    ----------
    port : serial.SerialBase
        Opened with a time-out of 0.
    url : str
        For messages.
    """

    def __init__(self, port: Any, url: str) -> None:
        self._port = port
        self._url = url
        self._unread = bytearray()
        self._at_once = False  # whether the last poll was followed up without a pause

    @classmethod
    def open(cls, url: str, baudrate: int = 115200) -> Self:
        """Open a console.

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
        return cls(open_port(url, baudrate=baudrate), url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._port.close()

    def write(self, text: str) -> None:
        """Send text to the board.

        Raises
        ------
        InfrastructureError
            If the port is gone.
        """
        with self._explained():
            self._port.write(text.encode())

    def take_unread(self) -> bytes:
        """Return what has come after the last line that was read, and forget it."""
        data = bytes(self._unread)
        self._unread.clear()
        return data

    async def read_line(self, timeout_s: float) -> str:
        """Return the next line, without its end.

        Parameters
        ----------
        timeout_s : float

        Returns
        -------
        str
            Bytes that are not UTF-8 are replaced.

        Raises
        ------
        TimeoutError
            If no whole line comes; what has come of it stays.
        InfrastructureError
            If the port is gone.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                end = self._unread.find(b"\n")
                if end < 0 and len(self._unread) > _MAX_LINE:
                    end = _MAX_LINE - 1
                if end >= 0:
                    line = bytes(self._unread[: end + 1])
                    del self._unread[: end + 1]
                    return line.rstrip(b"\r\n").decode("utf-8", "replace")
                # A board may never stop talking: time has to pass for a limit to strike.
                self._at_once = self._poll() and not self._at_once
                if not self._at_once:
                    await asyncio.sleep(_POLL_S)

    async def wait_for(self, pattern: str | re.Pattern[str], timeout_s: float) -> re.Match[str]:
        """Read lines until one matches.

        Parameters
        ----------
        pattern : str or re.Pattern
            Searched for in every line.
        timeout_s : float
            For all of it.

        Returns
        -------
        re.Match

        Raises
        ------
        TimeoutError
            If none matches in time.
        InfrastructureError
            If the port is gone.
        """
        wanted = re.compile(pattern)
        async with asyncio.timeout(timeout_s):
            while True:
                found = wanted.search(await self.read_line(timeout_s))
                if found is not None:
                    return found

    async def identity(self, timeout_s: float = 10.0) -> RunningFirmware:
        """Read until the firmware says what it is.

        Parameters
        ----------
        timeout_s : float

        Returns
        -------
        RunningFirmware

        Raises
        ------
        BootFailure
            If a traceback comes instead.
        BoardFault
            If other text comes, and no banner in it; the last of it is in the message.
        InfrastructureError
            If nothing comes, or the port is gone.
        """
        heard: deque[str] = deque(maxlen=_KEPT_LINES)
        traceback: list[str] = []
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    line = await self.read_line(timeout_s)
                    banner = _BANNER.search(line)
                    if banner is not None:
                        return RunningFirmware(banner["version"], banner["board"], banner["hash"])
                    if line.startswith(TRACEBACK):
                        traceback = [line]
                    elif traceback:
                        traceback.append(line)
                        # The frames are indented; what is not is the exception itself.
                        if not line.startswith("  "):
                            raise BootFailure("\n".join(traceback))
                    if line:
                        heard.append(line)
        except TimeoutError:
            pass
        if traceback:
            raise BootFailure("\n".join(traceback))
        rest = self._unread.decode("utf-8", "replace")
        if heard or rest:
            said = last_words([*heard, rest])
            where = " and is at its prompt" if rest.endswith(">>> ") else ""
            raise BoardFault(
                f"the board did not boot an eegrig firmware: in {timeout_s:g} s its console "
                f"{self._url} said {repr(said) if said else 'nothing of one'}{where}; flash the "
                "board"
            )
        raise InfrastructureError(
            f"nothing heard on the console {self._url} for {timeout_s:g} s: check that it is this "
            "board's, and that the board is powered and was reset"
        )

    def _poll(self) -> bool:
        """Take what has arrived, and say whether anything has."""
        with self._explained():
            data = self._port.read(_READ_SIZE)
        self._unread += data
        return bool(data)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # of which serial.SerialException is one
            raise port_lost(self._url, error) from error


async def read_identity(
    url: str, timeout_s: float = 10.0, *, reset: Callable[[], None] | None = None
) -> RunningFirmware:
    """Open a console and read what the firmware says it is.

    Parameters
    ----------
    url : str
        Device name or URL, as pyserial knows them.
    timeout_s : float
    reset : callable or None
        Resets the board, once the console listens: the banner comes at boot only.

    Returns
    -------
    RunningFirmware

    Raises
    ------
    BootFailure, BoardFault, InfrastructureError
        As `Console.open` and `Console.identity`.
    """
    with Console.open(url) as console:
        if reset is not None:
            reset()
        return await console.identity(timeout_s)
