"""The mailbox, by what the first core does with it: registers of the IPCC and lists in memory."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

import pytest

from eegrig.hil.virtual.chip.bus import Bus, Memory
from eegrig.hil.virtual.chip.stm32wb.ipcc import (
    C1CR,
    C1MR,
    C1SCR,
    C1TOC2SR,
    C2TOC1SR,
    RXOIE,
    Ipcc,
)
from eegrig.hil.virtual.chip.stm32wb.second_processor import BOOT_NS, REACTION_NS, SecondProcessor
from eegrig.hil.virtual.clock import VirtualLoop

SRAM2 = 0x2003_0000
# Where MicroPython's port has them: of the stock build v1.26.1.
EVENTS, FREE, SYSTEM_QUEUE = SRAM2 + 0x40, SRAM2 + 0x48, SRAM2 + 0x50
MEMORY, SYSTEM, BLE, DEVICE = SRAM2 + 0x58, SRAM2 + 0x74, SRAM2 + 0x7C, SRAM2 + 0x8C
DATA, STATUS, COMMAND, POOL = SRAM2 + 0x8000, SRAM2 + 0x8110, SRAM2 + 0x8220, SRAM2 + 0x8330
SPARE_SYSTEM, SPARE, SYSTEM_COMMAND = SRAM2 + 0x8990, SRAM2 + 0x8AA0, SRAM2 + 0x8BB0
N_POOL, SIZE = 6, 272
RESET = bytes.fromhex("01030c00")


class FakeRadio:
    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.log: list[str] = []

    def switch_on(self) -> None:
        self.log.append("on")

    def switch_off(self) -> None:
        self.log.append("off")

    def set_public_address(self, octets: bytes) -> None:
        self.log.append(octets.hex())

    def on_packet(self, packet: bytes) -> None:
        self.packets.append(packet)


class FirstCore:
    """Does what MicroPython's rfcore.c does, by the same registers and words."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.bus = Bus()
        self.bus.memories.append(Memory(SRAM2, mmap.mmap(-1, 0x10000), plain=True))
        self.interrupted = False
        self.ipcc = Ipcc(self._received, lambda asserted: None)
        self.second = SecondProcessor(
            self.bus,
            self.ipcc,
            self.loop,
            table=lambda: SRAM2,
            random=lambda n: bytes(range(n)),
        )
        self.second.radio = self.radio = FakeRadio()
        self.put(SRAM2, DEVICE, BLE, 0, SYSTEM, MEMORY)
        self.put(MEMORY, SPARE, SPARE_SYSTEM, POOL, N_POOL * SIZE, FREE)
        self.put(SYSTEM, SYSTEM_COMMAND, SYSTEM_QUEUE)
        self.put(BLE, COMMAND, STATUS, EVENTS, DATA)
        for head in (EVENTS, FREE, SYSTEM_QUEUE):
            self.put(head, head, head)
        self.ipcc.write(C1CR, RXOIE)
        self.ipcc.write(C1MR, 0x3E)

    def _received(self, asserted: bool) -> None:
        self.interrupted = asserted

    def put(self, address: int, *words: int) -> None:
        self.bus.write_block(address, struct.pack(f"<{len(words)}I", *words))

    def word(self, address: int) -> int:
        return self.bus.read(address, 4)

    def wait(self, duration_ns: int) -> None:
        async def later() -> None:
            done = self.loop.create_future()
            self.loop.call_at_ns(self.loop.now_ns() + duration_ns, done.set_result, None)
            await done

        self.loop.run_until_complete(later())

    def boot(self) -> None:
        self.second.start()
        self.wait(BOOT_NS + REACTION_NS)
        assert [packet.hex() for packet in self.drain(2, SYSTEM_QUEUE)] == ["12ff030092"]

    def send(self, channel: int, buffer: int, packet: bytes) -> None:
        padded = packet + bytes(-len(packet) % 4)
        self.bus.write_block(buffer + 8, padded)
        self.ipcc.write(C1SCR, 1 << 15 + channel)

    def sent(self, channel: int) -> bool:
        return bool(self.ipcc.read(C1TOC2SR) >> channel - 1 & 1)

    def has_events(self, channel: int) -> bool:
        return bool(self.ipcc.read(C2TOC1SR) >> channel - 1 & 1)

    def drain(self, channel: int, queue: int, *, free: bool = True) -> list[bytes]:
        """Take every buffer off a list, give those of the pool back, clear the flag."""
        packets = []
        while (node := self.word(queue)) != queue:
            after = self.word(node)
            self.put(queue, after)
            self.put(after + 4, queue)
            kind, _, length = self.bus.read_block(node + 8, 3)
            size = 5 + (self.word(node + 8) >> 24) if kind == 2 else 3 + length
            packets.append(self.bus.read_block(node + 8, size - (kind == 0x12)))
            if free and POOL <= node < POOL + N_POOL * SIZE:
                last = self.word(FREE + 4)
                self.put(node, FREE, last)
                self.put(last, node)
                self.put(FREE + 4, node)
        if free:
            self.ipcc.write(C1SCR, 1 << 15 + 4)
        self.ipcc.write(C1SCR, 1 << channel - 1)
        return packets

    def answer(self, packet: bytes) -> bytes:
        self.send(1, COMMAND, packet)
        self.wait(2 * REACTION_NS)
        (event,) = self.drain(1, EVENTS)
        return event


@pytest.fixture
def core() -> Iterator[FirstCore]:
    core = FirstCore()
    yield core
    core.loop.close()


def test_it_serves_nothing_before_it_is_started(core: FirstCore) -> None:
    core.send(2, SYSTEM_COMMAND, bytes.fromhex("1066fc00"))
    core.wait(10 * BOOT_NS)
    assert core.sent(2)
    core.boot()
    assert not core.sent(2)  # what came before is served then


def test_a_system_command_is_answered_in_its_buffer_without_links(core: FirstCore) -> None:
    core.boot()
    core.send(2, SYSTEM_COMMAND, bytes.fromhex("1066fc00"))
    assert core.sent(2)
    core.wait(2 * REACTION_NS)
    assert not core.sent(2)
    assert core.bus.read_block(SYSTEM_COMMAND, 7).hex() == "110e040166fc00"
    assert core.radio.log == ["off", "on"]


def test_a_command_goes_to_the_radio_and_its_answer_comes_back(core: FirstCore) -> None:
    core.boot()
    core.send(1, COMMAND, RESET)
    core.wait(2 * REACTION_NS)
    assert not core.sent(1)
    assert core.radio.packets == [RESET]
    core.second.send(bytes.fromhex("040e0401030c00"))
    assert core.has_events(1)
    assert core.interrupted
    assert [packet.hex() for packet in core.drain(1, EVENTS)] == ["040e0401030c00"]
    assert not core.interrupted


def test_data_crosses_both_ways(core: FirstCore) -> None:
    core.boot()
    out = bytes.fromhex("0200000700030004000a1200")
    core.send(6, DATA, out)
    core.wait(2 * REACTION_NS)
    assert core.radio.packets == [out]
    back = bytes.fromhex("0200200500010004000b")
    core.second.send(back)
    assert [packet.hex() for packet in core.drain(1, EVENTS)] == [back.hex()]


def test_what_it_answers_itself(core: FirstCore) -> None:
    core.boot()
    assert core.answer(bytes.fromhex("01182000")).hex() == "040e0c01182000" + "0001020304050607"
    version = core.answer(bytes.fromhex("01011000"))
    assert (version[6], version[11:13].hex()) == (0, "3000")  # of ST
    assert core.answer(bytes.fromhex("010cfc080006a1a2a3a4a5a6")).hex() == "040e04010cfc00"
    assert core.radio.log == ["a1a2a3a4a5a6"]
    assert core.radio.packets == []


def test_a_list_is_appended_to_only_while_its_flag_is_down(core: FirstCore) -> None:
    """The port drains a list and clears the flag then: what came between would be seen late."""
    core.boot()
    events = [bytes((4, 0x3E, 1, n)) for n in range(3)]
    for event in events:
        core.second.send(event)
    seen = []
    while core.has_events(1):
        seen.append(core.drain(1, EVENTS))
        core.wait(3 * REACTION_NS)
    assert seen == [[event] for event in events]


def test_without_a_free_buffer_events_wait_and_none_is_lost(core: FirstCore) -> None:
    core.boot()
    events = [bytes((4, 0x3E, 1, n)) for n in range(N_POOL + 3)]
    for event in events:
        core.second.send(event)
    seen: list[bytes] = []
    for _ in range(N_POOL):
        seen += core.drain(1, EVENTS, free=False)
        core.wait(3 * REACTION_NS)
    assert seen == events[:N_POOL]
    assert not core.has_events(1)
    core.put(FREE, POOL, POOL)  # one is given back
    core.put(POOL, FREE, FREE)
    core.ipcc.write(C1SCR, 1 << 15 + 4)
    core.wait(2 * REACTION_NS)
    assert core.drain(1, EVENTS, free=False) == [events[N_POOL]]


def test_a_reset_forgets_all_and_switches_the_radio_off(core: FirstCore) -> None:
    core.boot()
    core.send(1, COMMAND, RESET)
    core.second.reset()
    core.ipcc.reset()
    core.wait(10 * BOOT_NS)
    assert core.radio.packets == []
    assert core.radio.log == ["off"]
    assert not core.second.running


def test_the_interrupt_is_a_level_that_masks_hide(core: FirstCore) -> None:
    core.boot()
    core.second.send(bytes.fromhex("043e0100"))
    core.ipcc.write(C1MR, 0x3F)
    assert not core.interrupted
    core.ipcc.write(C1MR, 0x3E)
    assert core.interrupted
    core.ipcc.write(C1CR, 0)
    assert not core.interrupted
