"""The chip of a virtual board that is up in another process, as a debug probe sees it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.chip.signals import Ack, WireError
from eegrig.hil.virtual.debug_probe.probe_frames import ANSWER, Op, request, words_of

__all__ = ["RemoteChip"]

_TIMEOUT_S = 30.0
_WORD = 0xFFFF_FFFF


class RemoteChip:
    """What a probe needs of a chip, over a socket.

    Writes do not wait: one that fails is told by the next read, or by `flush`.

    Parameters
    ----------
    name : str
        Of the board.
    path : str
        Of the socket.

    Raises
    ------
    InfrastructureError
        If another process has the probe, or the board is not up any more.
    """

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(path)
            self._answer()
        except (OSError, WireError) as error:
            self._socket.close()
            reason = error.reason if isinstance(error, WireError) else f"{name} is not up: {error}"
            raise InfrastructureError(reason) from error

    @property
    def dap(self) -> RemoteChip:
        """The debug port."""
        return self

    def close(self) -> None:
        """Let the probe go; the board stays as it is."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.close()

    def reset(self) -> None:
        """Pulse the reset pin."""
        self._ask(request(Op.RESET))

    def flush(self) -> None:
        """Wait until everything is done.

        Raises
        ------
        WireError
            If a write was not acknowledged.
        """
        self._ask(request(Op.SYNC))

    def set_wire_clock(self, clock_hz: int) -> None:
        """Set the SWD clock in hertz."""
        self._send(request(Op.CLOCK, words=[clock_hz & _WORD]))

    def send_bits(self, count: int) -> None:
        """Send bits that are no transaction."""
        self._send(request(Op.BITS, words=[count]))

    def read_dp(self, address: int) -> int:
        """Read a register of the debug port."""
        return self._ask(request(Op.READ_DP, address))[0]

    def write_dp(self, address: int, value: int) -> None:
        """Write a register of the debug port."""
        self._send(request(Op.WRITE_DP, address, [value & _WORD]))

    def read_ap(self, address: int, count: int = 1) -> list[int]:
        """Read a register of the selected access port `count` times."""
        return self._ask(request(Op.READ_AP, address, count=count))

    def write_ap(self, address: int, values: Sequence[int]) -> None:
        """Write a register of the selected access port, once for each value."""
        self._send(request(Op.WRITE_AP, address, [value & _WORD for value in values]))

    # ------------------------------------------------------------------ the socket
    def _send(self, data: bytes) -> None:
        with self._lock, self._explained():
            self._socket.sendall(data)

    def _ask(self, data: bytes) -> list[int]:
        with self._lock, self._explained():
            self._socket.sendall(data)
            return self._answer()

    def _answer(self) -> list[int]:
        ack, count = ANSWER.unpack(self._receive(ANSWER.size))
        if ack != Ack.OK:
            raise WireError(Ack(ack), self._receive(count).decode("utf-8", "replace"))
        return words_of(self._receive(4 * count)) if count else []

    def _receive(self, size: int) -> bytes:
        data = self._socket.recv(size)
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("it ended")
            data += more
        return data

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"the virtual board {self._name} has gone: {error}"
            raise WireError(Ack.NONE, what) from error
