"""The debug probe of a board that is up, for pyOCD in another process."""

from __future__ import annotations

import array
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from eegrig.hil.virtual.chip.signals import Ack, WireError
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.debug_probe.probe_frames import ANSWER, HEADER, Op, words_of

if TYPE_CHECKING:
    from eegrig.hil.virtual.chip.chip import Chip

__all__ = ["ProbeServer"]

_CHUNK = 1 << 16
# More chunks than a socket's buffer holds (net.core.wmem_default, 208 KiB where it is not raised).
_BUFFERED_CHUNKS = 8
_CREDENTIALS = struct.Struct("3i")
_HAS_WORDS = frozenset({Op.WRITE_DP, Op.WRITE_AP, Op.CLOCK, Op.BITS})


class ProbeServer:
    """Serves one client at a time; transactions are done as they come in.

    Parameters
    ----------
    loop : VirtualLoop
    name : str
        Of the board.
    chip : Chip
    path : str
        Of the socket.

    Attributes
    ----------
    client_pid : int or None
        Process that has the probe.
    """

    def __init__(self, loop: VirtualLoop, name: str, chip: Chip, path: str) -> None:
        self._loop = loop
        self._name = name
        self._chip = chip
        self._client: socket.socket | None = None
        self._received = bytearray()
        self._failure: WireError | None = None
        self.client_pid: int | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._listener.settimeout(0)
        loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Serve nobody any more."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._release()

    # ------------------------------------------------------------------ clients
    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        self._let_the_gone_go()
        refusal = self._refusal()
        if refusal:
            with client, contextlib.suppress(OSError):
                client.sendall(_refused(Ack.NONE, refusal))
            return
        client.settimeout(0)
        self._client, self._failure = client, None
        self._received.clear()
        self.client_pid = _peer(client)
        self._send(ANSWER.pack(Ack.OK, 0))
        self._loop.add_reader(client, self._on_request)

    def _let_the_gone_go(self) -> None:
        """Do what a client wrote before it closed: until then it looks as if it were there."""
        for _ in range(_BUFFERED_CHUNKS):
            if self._client is None or not self._on_request():
                return

    def _refusal(self) -> str:
        if self._client is not None:
            return f"the probe of {self._name} is in use by process {self.client_pid}"
        if self._chip.faults.unplugged:
            return (
                f"the probe of {self._name} is unplugged: "
                f"`eegrig virtual fault {self._name} plug-probe`"
            )
        return ""

    def _release(self) -> None:
        client, self._client, self.client_pid = self._client, None, None
        if client is not None:
            self._loop.remove_reader(client)
            client.close()

    def _send(self, data: bytes) -> None:
        if self._client is None or not data:
            return
        try:
            sent = self._client.send(data)
        except OSError:
            sent = 0
        if sent != len(data):  # it is gone, or asks and does not listen
            self._release()

    # ------------------------------------------------------------------ transactions
    def _on_request(self) -> bool:
        """Serve what has arrived, and say whether anything had."""
        if self._client is None:
            return False
        try:
            data = self._client.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._release()
            return True
        self._received += data
        try:
            answers = self._serve()
        except Exception:
            # What is left of the request cannot be told from the next one.
            self._release()
            raise
        self._send(answers)
        return True

    def _serve(self) -> bytes:
        received, answers, at = self._received, bytearray(), 0
        with memoryview(received) as view:
            while len(view) - at >= HEADER.size:
                op, address, count = HEADER.unpack_from(view, at)
                size = 4 * count if op in _HAS_WORDS else 0
                if len(view) - at - HEADER.size < size:
                    break
                at += HEADER.size
                words = words_of(view[at : at + size])
                at += size
                self._do(Op(op), address, count, words, answers)
        del received[:at]
        return bytes(answers)

    def _do(self, op: Op, address: int, count: int, words: list[int], answers: bytearray) -> None:
        result: list[int] = []
        if self._failure is None:
            try:
                result = self._transact(op, address, count, words)
            except WireError as error:
                self._failure = error
        if op < Op.SYNC:
            return
        failure, self._failure = self._failure, None
        if failure is not None:
            answers += _refused(failure.ack, failure.reason)
            return
        answers += ANSWER.pack(Ack.OK, len(result)) + array.array("I", result).tobytes()

    def _transact(self, op: Op, address: int, count: int, words: list[int]) -> list[int]:
        chip = self._chip
        match op:
            case Op.READ_AP:
                return chip.dap.read_ap(address, count)
            case Op.WRITE_AP:
                chip.dap.write_ap(address, words)
            case Op.READ_DP:
                return [chip.dap.read_dp(address)]
            case Op.WRITE_DP:
                chip.dap.write_dp(address, words[0])
            case Op.CLOCK:
                chip.set_wire_clock(words[0])
            case Op.BITS:
                chip.send_bits(words[0])
            case Op.RESET if chip.faults.unplugged:
                raise WireError(Ack.NONE, "the probe is gone")
            case Op.RESET if not chip.faults.power_lost:
                chip.reset()
            case _:
                pass
        return []


def _refused(ack: Ack, reason: str) -> bytes:
    text = reason.encode()
    return ANSWER.pack(ack, len(text)) + text


def _peer(client: socket.socket) -> int:
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[0])
