"""SBAS499C section 9.5: the serial interface, DRDY, data frames and commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.afe.commands import Command, CommandDecoder, ReadRegisters, WriteRegister
from eegrig.hil.virtual.afe.rules import Rule


def test_9_5_1_cs_high_shuts_the_bus(make_rig):
    rig = make_rig()
    rig.send(0x11)
    assert rig.afe.transfer(bytes([0x20, 0, 0]), sck_hz=4e6) == bytes(3)
    assert rig.read(0) == b"\x3e"


def test_9_5_1_cs_high_aborts_a_command(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.send(0x45, 0x00)  # WREG of CH1SET, the value never comes
    assert rig.send(0x10 | 0x02) is not None  # a command again, not the value
    assert rig.read(0x05) == b"\x61"


@pytest.mark.parametrize("mode", [0, 2, 3])
def test_9_5_1_other_spi_modes_shift_what_is_read(make_rig, mode):
    rig = make_rig()
    rig.send(0x11)
    seen = rig.send(0x20, 0, 0, mode=mode)
    assert seen[2] != 0x3E
    assert mode == 3 or seen[2] == 0x3E >> 1


def test_9_5_1_2_sclk_beyond_20_mhz_does_not_work(make_rig):
    rig = make_rig()
    rig.send(0x11)
    assert rig.send(0x20, 0, 0, sck_hz=24e6) == bytes(3)
    assert rig.afe.rules_broken[Rule.SCLK_PERIOD] == 1


def test_9_5_1_4_drdy_falls_with_data_and_rises_with_the_first_clock(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.edges.clear()
    rig.afe.set_start(1)
    rig.clock.advance(0.017)
    assert [level for _, level in rig.edges] == [0]
    assert rig.afe.drdy == 0
    rig.send(0x00)
    assert rig.afe.drdy == 1


def test_9_5_1_4_drdy_rises_even_where_only_a_command_is_sent(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.afe.set_start(1)
    rig.clock.advance(0.017)
    rig.send(0x12)
    assert rig.afe.drdy == 1


def test_9_5_1_4_unread_data_give_a_pulse_before_the_next(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.edges.clear()
    rig.afe.set_start(1)
    rig.clock.advance(0.025)
    assert [level for _, level in rig.edges] == [0, 1, 0, 1, 0]


def test_9_5_2_frame_is_status_and_eight_channels(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x14, 0xA0)  # GPIO outputs 1010
    rig.write(0x06, 0xE1)  # channel 2 off
    rig.send(0x10)
    _, codes = rig.record(0.102)
    frame = rig.frames[-1][1]
    assert len(frame) == 27
    assert frame[:3].hex() == "c0000a"
    assert not codes[1].any()
    assert codes[0].any()


def test_9_5_3_data_are_kept_until_the_next_update(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.102)
    first = rig.send(*bytes(27))
    assert first == rig.frames[-1][1]
    assert rig.send(*bytes(27)) == first
    rig.clock.advance(0.004)
    assert rig.send(*bytes(27)) != first


def test_9_5_3_a_frame_may_be_read_in_pieces(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.102)
    rig.afe.set_cs(0)
    pieces = [rig.afe.transfer(bytes(n), sck_hz=4e6) for n in (3, 1, 23)]
    assert b"".join(pieces) == rig.frames[-1][1]
    assert rig.afe.transfer(bytes(2), sck_hz=4e6) == bytes(2)  # daisy-chain input is low


def test_9_5_3_multiple_readback_begins_again(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.send(0x11)
    rig.write(0x01, 0xD6)
    rig.send(0x10)
    rig.record(0.102)
    seen = rig.send(*bytes(54))
    assert seen[:27] == seen[27:] == rig.frames[-1][1]


def test_9_5_3_reading_across_an_update_mixes_two_frames(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.102)
    old = rig.frames[-1][1]
    next_ns = rig.afe.next_drdy_ns()
    rig.clock.run_until(next_ns - 20_000)  # ten of 27 bytes before the update
    rig.afe.set_cs(0)
    seen = rig.afe.transfer(bytes(27), sck_hz=4e6)
    assert rig.afe.rules_broken[Rule.DATA_UPDATE] > 0
    rig.clock.run_until(next_ns + 40_000)
    rig.afe.set_cs(1)
    new = rig.send(*bytes(27))
    assert seen[:9] == old[:9]
    assert seen[10:] == new[10:]
    assert new != old


def test_9_5_3_rdata_latches_one_frame_across_an_update(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.102)
    old = rig.frames[-1][1]
    rig.send(0x11)
    next_ns = rig.afe.next_drdy_ns()
    rig.clock.run_until(next_ns - 20_000)
    assert rig.send(0x12, *bytes(27))[1:] == old


def test_9_5_3_no_data_without_rdata_once_rdatac_has_stopped(make_rig):
    rig = make_rig()
    rig.set_up()
    rig.record(0.102)
    rig.send(0x11)
    assert rig.send(*bytes(27)) == bytes(27)


def test_9_5_3_rreg_is_ignored_until_sdatac(make_rig):
    rig = make_rig()
    assert rig.send(0x20, 0, 0) == b"\xc0\0\0"
    rig.write(0x05, 0x00)
    rig.send(0x11)
    assert rig.read(0) == b"\x3e"
    assert rig.read(0x05) == b"\x61"
    assert rig.afe.rules_broken[Rule.RDATAC_SDATAC_FIRST] > 0


def test_9_5_3_wreg_writes_consecutive_registers(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.write(0x05, *range(0x10, 0x18))
    assert rig.read(0x05, 8) == bytes(range(0x10, 0x18))


def test_9_5_3_bytes_of_a_command_need_four_clocks_between_them(make_rig):
    rig = make_rig()
    rig.send(0x11)
    assert rig.send(0x20, 0x00, 0x00, sck_hz=4e6)[2] == 0x3E
    assert rig.send(0x20, 0x00, 0x00, sck_hz=8e6)[2] == 0
    assert rig.afe.rules_broken[Rule.COMMAND_DECODE] > 0


def test_9_5_3_gaps_between_transfers_satisfy_a_fast_clock(make_rig):
    rig = make_rig()
    rig.send(0x11)
    rig.afe.set_cs(0)
    seen = b""
    for byte in (0x20, 0x00, 0x00):
        seen += rig.afe.transfer(bytes([byte]), sck_hz=16e6)
        rig.clock.advance(2.5e-6)
    assert seen[2] == 0x3E


def test_raising_cs_before_the_last_command_is_decoded_is_noticed(make_rig):
    rig = make_rig()
    rig.afe.set_cs(0)
    rig.afe.transfer(b"\x11", sck_hz=4e6)
    rig.afe.set_cs(1)
    assert rig.afe.rules_broken[Rule.CS_HOLD] == 1


# ------------------------------------------------------------------------- the decoder by itself


@given(st.binary(max_size=60))
def test_decoder_takes_any_bytes_and_reset_always_recovers(data):
    decoder = CommandDecoder()
    for byte in data:
        decoder.feed(byte)
    decoder.reset()
    assert not decoder.inside
    assert decoder.feed(0x11) is Command.SDATAC


@given(st.integers(0, 31), st.binary(min_size=1, max_size=32))
def test_decoder_gives_each_byte_of_a_wreg_its_own_address(address, values):
    decoder = CommandDecoder()
    events = [decoder.feed(byte) for byte in (0x40 | address, len(values) - 1, *values)]
    written = [WriteRegister(address + i, value) for i, value in enumerate(values)]
    assert events == [None, None, *written]
    assert not decoder.inside


@given(st.integers(0, 31), st.integers(1, 32))
def test_decoder_reads_rreg(address, count):
    decoder = CommandDecoder()
    assert decoder.feed(0x20 | address) is None
    assert decoder.feed(count - 1) == ReadRegisters(address, count)
