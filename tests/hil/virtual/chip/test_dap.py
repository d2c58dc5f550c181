"""The debug port acknowledges, remembers errors, and moves blocks as it moves words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.chip.bus import Bus, Memory
from eegrig.hil.virtual.chip.cortex_m.dap import CSW, DRW, TAR, Dap, MemoryAccessPort
from eegrig.hil.virtual.chip.cortex_m.timeline import Timeline
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.signals import Ack, WireError

SIZE = 0x3000
WORDS_WITH_INCREMENT = 0x2300_0012


class Link:
    """A debug port on a RAM of 12 KiB, powered up."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.ram = bytearray(SIZE)
        self.bus = Bus(quiet=range(0))
        self.bus.memories.append(Memory(0, self.ram, plain=True))
        self.faults = Faults()
        self.timeline = Timeline()
        port = MemoryAccessPort(self.bus, 0xE00FF000, lambda: enabled)
        self.dap = Dap(0x2BA01477, {0: port}, self.timeline, self.faults)
        self.dap.write_dp(4, 0x5000_0000)

    def set(self, register: int, value: int) -> None:
        self.dap.write_dp(8, register & 0xF0)
        self.dap.write_ap(register & 0xC, [value])
        self.dap.write_dp(8, 0)


def test_power_requests_are_acknowledged_and_withdrawn():
    link = Link()
    assert link.dap.read_dp(4) >> 28 == 0xF
    link.dap.write_dp(4, 0)
    assert link.dap.read_dp(4) >> 28 == 0
    with pytest.raises(WireError) as error:
        link.dap.read_ap(0xC)
    assert error.value.ack is Ack.FAULT


def test_a_fault_sticks_until_it_is_cleared():
    link = Link()
    link.set(TAR, SIZE + 0x1000)
    with pytest.raises(WireError) as error:
        link.dap.read_ap(DRW)
    assert error.value.ack is Ack.FAULT
    assert link.dap.read_dp(4) & 0x20
    with pytest.raises(WireError):
        link.dap.read_ap(CSW)
    link.dap.write_dp(0, 0x1E)
    assert not link.dap.read_dp(4) & 0x20
    link.dap.read_ap(CSW)


def test_a_closed_bus_faults_and_says_so_in_csw():
    link = Link(enabled=False)
    assert not link.dap.read_ap(CSW)[0] & 0x40
    with pytest.raises(WireError):
        link.dap.read_ap(DRW)


@pytest.mark.parametrize("ack", [Ack.WAIT, Ack.FAULT, Ack.NONE])
def test_injected_answers_come_when_they_were_asked_for(ack):
    link = Link()
    link.faults.answer(ack, after=2, times=2)
    link.dap.read_dp(0)
    link.dap.read_dp(0)
    for _ in range(2):
        with pytest.raises(WireError) as error:
            link.dap.read_dp(0)
        assert error.value.ack is ack
    assert link.dap.read_dp(0) == 0x2BA01477


def test_a_probe_that_dropped_out_stays_away_until_it_is_plugged_in():
    link = Link()
    link.faults.unplug_after(1)
    link.dap.read_dp(0)
    for _ in range(3):
        with pytest.raises(WireError) as error:
            link.dap.read_dp(0)
        assert error.value.ack is Ack.NONE
    link.faults.replug()
    link.dap.read_dp(0)


@given(
    # Often close to where the address wraps, 4 KiB into a page.
    start=st.one_of(st.integers(1016, 1032), st.integers(0, SIZE // 4 - 1)).map(lambda w: 4 * w),
    values=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=600),
)
def test_a_block_moves_the_same_words_as_single_transfers(start, values):
    block, single = Link(), Link()
    for link in (block, single):
        link.set(CSW, WORDS_WITH_INCREMENT)
        link.set(TAR, start)
    block.dap.write_ap(DRW, values)
    for value in values:
        single.dap.write_ap(DRW, [value])
    assert block.ram == single.ram
    for link in (block, single):
        link.set(TAR, start)
    assert block.dap.read_ap(DRW, len(values)) == [
        single.dap.read_ap(DRW)[0] for _ in range(len(values))
    ]
    assert block.timeline.now_ns == single.timeline.now_ns


@given(
    address=st.integers(0, SIZE - 4),
    size=st.sampled_from([0, 1, 2]),
    value=st.integers(0, 2**32 - 1),
)
def test_narrow_writes_take_their_byte_lanes(address, size, value):
    address &= ~((1 << size) - 1)
    link = Link()
    link.set(CSW, 0x2300_0000 | size)
    link.set(TAR, address)
    link.dap.write_ap(DRW, [value])
    expected = bytearray(SIZE)
    lane = value.to_bytes(4, "little")[address & 3 :][: 1 << size]
    expected[address : address + (1 << size)] = lane
    assert link.ram == expected
    lanes = 8 * (address & 3)
    mask = ((1 << (8 << size)) - 1) << lanes
    assert link.dap.read_ap(DRW)[0] & mask == value & mask


def test_transactions_take_46_bits_of_the_wire_clock():
    link = Link()
    link.timeline.wire_hz = 4_000_000
    before = link.timeline.now_ns
    link.dap.read_dp(0)
    assert link.timeline.now_ns - before == 11_500
