"""A board in a few lines of Python: real radio and GATT server, firmware by script.

It does what docs/protocol.md says, and, told to, what a broken or overloaded board does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.board_bluetooth.peripheral_events import (
    CentralConnected,
    CentralDisconnected,
    PeripheralEvent,
    Written,
)
from eegrig.hil.virtual.board_bluetooth.peripheral_user import PeripheralUser
from tests.host import peer

READ, WRITE, NOTIFY = 0x02, 0x08, 0x10
SERVICE = "7d5e0000-8f2a-4c61-9b1d-3e6f0a94c2b7"
INFO = "7d5e0001-8f2a-4c61-9b1d-3e6f0a94c2b7"
CONTROL = "7d5e0002-8f2a-4c61-9b1d-3e6f0a94c2b7"
STREAM = "7d5e0003-8f2a-4c61-9b1d-3e6f0a94c2b7"
NAME = "eegrig-test"
RATES = (250, 500, 1000)

Answer = Callable[[int, bytes], list[bytes]]


class ScriptedBoard(PeripheralUser):
    """A board that streams the counter pattern.

    Parameters
    ----------
    air : Air
    mtu : int
        Largest ATT MTU it agrees to.
    info : bytes or None
        Its Info; None for one that follows its rate.
    offers_info : bool
        Whether it has an Info characteristic at all.

    Attributes
    ----------
    answers : dict of int to callable
        Responses by opcode, in place of its own: ``(tag, arguments) -> notifications``.
    lost : set of int
        Packets it makes and does not send.
    mute_after : int or None
        Stops sending, without a word, after so many packets.
    number : callable
        What it writes into packet n as its number.
    spacing : int
        How many times slower it is than it says.
    hung : bool
        Whether its firmware does nothing any more, while its radio keeps the link.
    leaves : bool
        Whether it disconnects when told to sleep.
    commands : list of bytes
        What it was sent.
    """

    def __init__(
        self,
        air: Air,
        *,
        mtu: int = 247,
        info: bytes | None = None,
        offers_info: bool = True,
        battery: bytes = b"\x57",
    ) -> None:
        self.radio = Peripheral(air, self, mtu=mtu, name=NAME)
        self.rate = 250
        self.answers: dict[int, Answer] = {}
        self.lost: set[int] = set()
        self.mute_after: int | None = None
        self.number: Callable[[int], int] = lambda n: n
        self.spacing = 1
        self.hung = False
        self.leaves = True
        self.driven = 0
        self.commands: list[bytes] = []
        self._loop = air.loop
        self._info = info
        self._offers_info = offers_info
        self._battery = battery
        self._connection: int | None = None
        self._waiting = 0  # notifications that the radio has not taken yet
        self._stream_number = 0
        self._streaming = False
        self._asleep_s = 0

    async def switch_on(self) -> None:
        await self.radio.activate()
        characteristics: list[Any] = [(CONTROL, WRITE | NOTIFY), (STREAM, NOTIFY)]
        if self._offers_info:
            characteristics.append((INFO, READ))
        ours, (battery,), (maker, firmware) = self.radio.register_services(
            [
                (SERVICE, characteristics),
                (0x180F, [(0x2A19, READ | NOTIFY)]),
                (0x180A, [(0x2A29, READ), (0x2A26, READ)]),
            ]
        )
        self._control, self._stream = ours[:2]
        self._info_handle = ours[2] if self._offers_info else None
        self.radio.gatts_write(battery, self._battery)
        self.radio.gatts_write(maker, b"eegrig")
        self.radio.gatts_write(firmware, b"0.1.0")
        self._refresh_info()
        self.advertise()

    def advertise(self) -> None:
        flags = b"\x02\x01\x06"
        name = NAME.encode()
        self.radio.advertise(100_000, flags + bytes([len(name) + 1, 0x09]) + name)

    def notify(self, data: bytes) -> None:
        """Send something on Control, asked for or not."""
        self._send(self._control, data)

    def end_stream(self) -> None:
        self._streaming = False

    def _refresh_info(self) -> None:
        if self._info_handle is not None:
            info = self._info if self._info is not None else peer.info(rate=self.rate)
            self.radio.gatts_write(self._info_handle, info)

    # --- radio -------------------------------------------------------------------------------

    def on_event(self, event: PeripheralEvent) -> None:
        if self.hung:
            return
        if isinstance(event, CentralConnected):
            self._connection = event.connection
        elif isinstance(event, CentralDisconnected):
            self._connection = None
            self._streaming = False
            self._waiting = 0
            self._loop.call_later(self._asleep_s, self.advertise)
            self._asleep_s = 0
        elif isinstance(event, Written):
            self.commands.append(event.data)
            opcode, tag, arguments = event.data[0], event.data[1], event.data[2:]
            answer = self.answers.get(opcode, self._answer(opcode))
            for data in answer(tag, arguments):
                self.notify(data)

    def _send(self, handle: int, data: bytes) -> None:
        if self._connection is None:
            return
        if not self.radio.notify(self._connection, handle, data, self._taken):
            self._waiting += 1

    def _taken(self) -> None:
        self._waiting -= 1

    # --- firmware ----------------------------------------------------------------------------

    def _answer(self, opcode: int) -> Answer:
        return {
            0x01: self._on_start,
            0x02: self._on_stop,
            0x03: self._on_set_rate,
            0x04: lambda tag, _: [peer.response(0x04, tag)],
            0x05: lambda tag, _: [peer.response(0x05, tag, 0, 123_456)],
            0x06: self._on_sleep,
            0x10: self._on_impedance,
        }.get(opcode, lambda tag, _: [peer.response(opcode, tag, 1)])

    def _on_start(self, tag: int, arguments: bytes) -> list[bytes]:
        payload = int.from_bytes(arguments[:2], "little")
        profile, pattern = arguments[2:]
        self._stream_number += 1
        self._streaming = True
        if pattern == 2:
            self._loop.call_soon(self._throughput, self._stream_number, 0, payload)
        else:
            n_frames = 2 if profile else (payload - 16) // 24
            self._next(self._stream_number, 0, n_frames, self._loop.now_ns())
        return [peer.response(0x01, tag)]

    def _on_stop(self, tag: int, _arguments: bytes) -> list[bytes]:
        self._streaming = False
        return [peer.response(0x02, tag)]

    def _on_set_rate(self, tag: int, arguments: bytes) -> list[bytes]:
        rate = int.from_bytes(arguments, "little")
        if rate not in RATES:
            nearest = min(RATES, key=lambda known: abs(known - rate))
            return [peer.response(0x03, tag, 3, nearest)]
        self.rate = rate
        self._refresh_info()
        return [peer.response(0x03, tag)]

    def _on_impedance(self, tag: int, arguments: bytes) -> list[bytes]:
        self.driven = arguments[0]
        return [peer.response(0x10, tag, 0, 6000 | 3125 << 16)]

    def _on_sleep(self, tag: int, arguments: bytes) -> list[bytes]:
        if self.leaves:
            self._asleep_s = int.from_bytes(arguments, "little")
            self._loop.call_later(0.2, self._doze)
        return [peer.response(0x06, tag)]

    def _doze(self) -> None:
        if self._connection is not None:
            self.radio.gap_disconnect(self._connection)

    def _next(self, stream: int, sequence: int, n_frames: int, start_ns: int) -> None:
        """Make packet `sequence` when its last frame is there."""
        took_ns = (sequence + 1) * n_frames * 1_000_000_000 // self.rate
        when_ns = start_ns + took_ns * self.spacing
        self._loop.call_at_ns(when_ns, self._packet, stream, sequence, n_frames, start_ns)

    def _packet(self, stream: int, sequence: int, n_frames: int, start_ns: int) -> None:
        if self.hung or not self._streaming or stream != self._stream_number:
            return
        if self.mute_after is None or sequence < self.mute_after:
            if sequence not in self.lost:
                first, number = sequence * n_frames, self.number(sequence)
                data = (
                    peer.driven_packet(number, first, n_frames, self.driven)
                    if self.driven
                    else peer.counter_packet(number, first, n_frames, rate=self.rate)
                )
                self._send(self._stream, data)
            self._next(stream, sequence + 1, n_frames, start_ns)

    def _throughput(self, stream: int, sequence: int, payload: int) -> None:
        if not self._streaming or stream != self._stream_number or self._connection is None:
            return
        while self._waiting < 2 and not self.hung:
            self._send(self._stream, peer.throughput_packet(self.number(sequence), payload))
            sequence += 1
        self._loop.call_later(0.001, self._throughput, stream, sequence, payload)
