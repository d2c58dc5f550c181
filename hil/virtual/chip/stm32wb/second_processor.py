"""The second processor, which runs the radio: its mailbox in shared memory, behind it a controller.

What the mailbox looks like to the first core is from MicroPython's ports/stm32/rfcore.c (v1.26.1):
a table of tables at the start of SRAM2, doubly linked lists of buffers, channels of the IPCC. What
this processor does by itself (its reaction times, the answers below) is assumed; the binaries that
ST makes for it are not run.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from eegrig.hil.virtual.chip.bus import Bus
from eegrig.hil.virtual.chip.stm32wb.ipcc import CHANNELS, Ipcc
from eegrig.hil.virtual.clock import Clock

__all__ = ["BOOT_NS", "REACTION_NS", "Radio", "SecondProcessor"]

BOOT_NS = 2_000_000
"""From C2BOOT until it serves its mailbox: assumed."""
REACTION_NS = 20_000
"""From a flag to what it does about it: assumed."""

# Channels, by what the first core sends; the other way, BLE carries events and data, SYSTEM events.
BLE, SYSTEM, FREE_BUFFERS, ACL = 1, 2, 4, 6
# Words of the reference table, and offsets in the tables that it points to.
DEVICE_TABLE, BLE_TABLE, SYSTEM_TABLE, MEMORY_TABLE = 0x00, 0x04, 0x0C, 0x10
# Where a buffer's packet begins, behind the links of its list.
PACKET = 8
BUFFER_SIZE = 272
COMMAND, DATA, EVENT, SYSTEM_ANSWER, SYSTEM_EVENT = 0x01, 0x02, 0x04, 0x11, 0x12
COMMAND_COMPLETE, COMMAND_STATUS = 0x0E, 0x0F
READY = bytes((SYSTEM_EVENT, 0xFF, 3, 0x00, 0x92, 0x00))
BLE_INIT = 0xFC66
# What the info command reads: no wireless stack of ST's is there, so a version nobody has.
DEVICE_INFO = struct.pack("<8I", 0, 0x0100_0000, 0, 0, 0x0100_0000, 0, 0, 0)

# Commands that it answers itself.
RESET, EVENT_MASK_2, LOCAL_VERSION, RANDOM = 0x0C03, 0x0C63, 0x1001, 0x2018
WRITE_CONFIG, FIRST_VENDOR = 0xFC0C, 0xFC00
PUBLIC_ADDRESS = 0  # the offset of the public address in what WRITE_CONFIG writes
# HCI 5.2, company ST (0x0030): assumed of its BLE stack.
VERSION = struct.pack("<BHBHH", 0x0B, 0x0055, 0x0B, 0x0030, 0x0055)
# Address resolution: taken, and nothing behind it, as the port resolves nothing either.
ACCEPTED = frozenset({EVENT_MASK_2, 0x2027, 0x2029, 0x202D, 0x204E})


class Radio(Protocol):
    """The controller behind the second processor, at its HCI."""

    def switch_on(self) -> None:
        """Begin, with nothing remembered."""
        ...

    def switch_off(self) -> None:
        """Fall silent at once."""
        ...

    def set_public_address(self, octets: bytes) -> None:
        """Take an address, lowest octet first."""
        ...

    def on_packet(self, packet: bytes) -> None:
        """Do what an HCI packet asks for (type, then packet)."""
        ...


class _Tables(NamedTuple):
    """Addresses that the first core wrote."""

    system_command: int
    system_queue: int
    command: int
    command_status: int
    events: int
    data: int
    spare_system: int
    free_queue: int


class _Outgoing(NamedTuple):
    channel: int
    queue: int
    packet: bytes
    buffer: int | None  # None: one of the pool


class SecondProcessor:
    """Serves the mailbox.

    Parameters
    ----------
    bus : Bus
        Where the shared memory is.
    ipcc : Ipcc
    clock : Clock
    table : callable
        Returns where the reference table is.
    random : callable
        Returns so many random octets.

    Attributes
    ----------
    radio : Radio or None
        What is behind its HCI.
    running : bool
        Whether it has been started since the last reset.
    """

    def __init__(
        self,
        bus: Bus,
        ipcc: Ipcc,
        clock: Clock,
        *,
        table: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self.radio: Radio | None = None
        self.running = False
        self._bus = bus
        self._ipcc = ipcc
        self._clock = clock
        self._table = table
        self._random = random
        self._tables: _Tables | None = None
        self._outgoing: deque[_Outgoing] = deque()
        self._free: deque[int] = deque()
        self._started = 0  # counts starts: what was scheduled before a reset is not done after it
        ipcc.on_sent = self._was_sent
        ipcc.on_received = lambda channel: self._later(self._pump)

    def reset(self) -> None:
        """Stand still, with the radio off, until the first core starts it again."""
        self._started += 1
        self.running = False
        self._tables = None
        self._outgoing.clear()
        self._free.clear()
        if self.radio is not None:
            self.radio.switch_off()

    def start(self) -> None:
        """Begin to serve the mailbox, as a write to PWR_CR4.C2BOOT makes it do."""
        if not self.running:
            self.running = True
            self._clock.call_at_ns(self._clock.now_ns() + BOOT_NS, self._boot, self._started)

    def send(self, packet: bytes) -> None:
        """Take an event or data of the radio (type, then packet), for the first core."""
        tables = self._tables
        if tables is None:
            return
        answers = packet[0] == EVENT and packet[1] in (COMMAND_COMPLETE, COMMAND_STATUS)
        buffer = tables.command_status if answers else None
        self._post(BLE, tables.events, packet, buffer)

    # ---- shared memory

    def _word(self, address: int) -> int:
        return self._bus.read(address, 4)

    def _boot(self, started: int) -> None:
        if started != self._started:
            return
        base = self._table()
        ble, system, memory = (
            self._word(base + table) for table in (BLE_TABLE, SYSTEM_TABLE, MEMORY_TABLE)
        )
        self._tables = tables = _Tables(
            system_command=self._word(system),
            system_queue=self._word(system + 4),
            command=self._word(ble),
            command_status=self._word(ble + 4),
            events=self._word(ble + 8),
            data=self._word(ble + 12),
            spare_system=self._word(memory + 4),
            free_queue=self._word(memory + 16),
        )
        pool, size = self._word(memory + 8), self._word(memory + 12)
        self._free.extend(range(pool, pool + size - BUFFER_SIZE + 1, BUFFER_SIZE))
        self._bus.write_block(self._word(base + DEVICE_TABLE), DEVICE_INFO)
        self._post(SYSTEM, tables.system_queue, READY, tables.spare_system)
        for channel in CHANNELS:  # what was sent while it started
            if self._ipcc.is_sent(channel):
                self._serve(channel)

    # ---- from the first core

    def _was_sent(self, channel: int) -> None:
        if self._tables is not None:
            self._later(lambda: self._serve(channel))

    def _later(self, do: Callable[[], None]) -> None:
        started = self._started
        self._clock.call_at_ns(
            self._clock.now_ns() + REACTION_NS,
            lambda: do() if started == self._started else None,
        )

    def _serve(self, channel: int) -> None:
        tables = self._tables
        if tables is None or not self._ipcc.is_sent(channel):
            return
        if channel == SYSTEM:
            self._serve_system(tables)
        elif channel == FREE_BUFFERS:
            self._take_buffers(tables)
            self._pump()
        elif channel == BLE:
            packet = self._packet_at(tables.command + PACKET, 4, 3)
            self._ipcc.clear_flag(channel)
            self._command(packet)
        elif channel == ACL:
            packet = self._packet_at(tables.data + PACKET, 5, 3, length_size=2)
            self._ipcc.clear_flag(channel)
            if self.radio is not None:
                self.radio.on_packet(packet)
        else:
            self._ipcc.clear_flag(channel)

    def _packet_at(self, address: int, header: int, at: int, *, length_size: int = 1) -> bytes:
        head = self._bus.read_block(address, header)
        length = int.from_bytes(head[at : at + length_size], "little")
        return self._bus.read_block(address, header + length)

    def _serve_system(self, tables: _Tables) -> None:
        packet = self._packet_at(tables.system_command + PACKET, 4, 3)
        opcode = int.from_bytes(packet[1:3], "little")
        if opcode == BLE_INIT and self.radio is not None:
            self.radio.switch_off()
            self.radio.switch_on()
        # The answer lies at the start of the command's buffer, without the links of a list.
        answer = bytes((SYSTEM_ANSWER, COMMAND_COMPLETE, 4, 1)) + packet[1:3] + b"\0\0"
        self._bus.write_block(tables.system_command, answer)
        self._ipcc.clear_flag(SYSTEM)

    def _take_buffers(self, tables: _Tables) -> None:
        head = tables.free_queue
        node = self._word(head)
        while node != head:
            self._free.append(node)
            node = self._word(node)
        self._bus.write_block(head, struct.pack("<II", head, head))
        self._ipcc.clear_flag(FREE_BUFFERS)

    def _command(self, packet: bytes) -> None:
        opcode = int.from_bytes(packet[1:3], "little")
        if opcode == LOCAL_VERSION:
            self._complete(opcode, VERSION)
        elif opcode == RANDOM:
            self._complete(opcode, self._random(8))
        elif opcode >= FIRST_VENDOR:
            if opcode == WRITE_CONFIG and packet[4] == PUBLIC_ADDRESS and self.radio is not None:
                self.radio.set_public_address(packet[6:12])
            self._complete(opcode)
        elif opcode in ACCEPTED:
            self._complete(opcode)
        elif self.radio is not None:
            self.radio.on_packet(packet)

    def _complete(self, opcode: int, values: bytes = b"") -> None:
        parameters = struct.pack("<BHB", 1, opcode, 0) + values
        self.send(bytes((EVENT, COMMAND_COMPLETE, len(parameters))) + parameters)

    # ---- to the first core

    def _post(self, channel: int, queue: int, packet: bytes, buffer: int | None) -> None:
        self._outgoing.append(_Outgoing(channel, queue, packet, buffer))
        self._pump()

    def _pump(self) -> None:
        """Append what fits: to a list only while its flag is down, or nobody looks at it again."""
        while self._outgoing and not self._ipcc.is_occupied(self._outgoing[0].channel):
            first = self._outgoing[0]
            if first.buffer is None and not self._free:
                return
            self._outgoing.popleft()
            buffer = self._free.popleft() if first.buffer is None else first.buffer
            packet = first.packet + bytes(-len(first.packet) % 4)
            last = self._word(first.queue + 4)
            self._bus.write_block(buffer, struct.pack("<II", first.queue, last) + packet)
            self._bus.write_block(last, struct.pack("<I", buffer))
            self._bus.write_block(first.queue + 4, struct.pack("<I", buffer))
            self._ipcc.set_flag(first.channel)
