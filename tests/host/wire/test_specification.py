"""Specification, host and firmware agree: numbers from the text, packets from the firmware."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.host.streaming.decoder import StreamDecoder
from eegrig.host.wire.constants import EventCode, Flag, Opcode, Status, StreamId
from eegrig.host.wire.info import decode_info
from eegrig.host.wire.packet import (
    counter_pattern,
    decode_packet,
    decode_samples,
    frames_per_packet,
    throughput_body,
)
from tests.host import peer

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


def module_of_firmware(name: str) -> ModuleType:
    """Load a module of the firmware that needs no hardware."""
    path = ROOT / "firmware" / "eeg" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"firmware_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


codes = module_of_firmware("codes")
firmware = module_of_firmware("packet")


def table(first_header: str) -> dict[str, int]:
    """Names and numbers of the table that begins with a header cell."""
    start = TEXT.index(f"\n| {first_header} |") + 1
    rows = TEXT[start:].split("\n\n")[0].splitlines()[2:]
    found = {}
    for row in rows:
        number, name = [cell.strip() for cell in row.split("|")[1:3]]
        found[re.split(r"[:\s]", name)[0]] = int(number, 0)
    return found


def test_the_text_and_the_host_have_the_same_numbers() -> None:
    assert table("opcode") == {member.name: member.value for member in Opcode}
    assert table("status") == {member.name: member.value for member in Status}
    assert table("code") == {member.name: member.value for member in EventCode if member}


@pytest.mark.parametrize("enum", [Opcode, Status, EventCode])
def test_the_firmware_and_the_host_have_the_same_numbers(
    enum: type[Opcode] | type[Status] | type[EventCode],
) -> None:
    for member in enum:
        if member.name not in ("NONE",):
            assert getattr(codes, member.name) == member.value


def test_the_firmware_and_the_host_have_the_same_flags_and_streams() -> None:
    assert codes.FLAG_LOST == Flag.FRAMES_LOST
    assert codes.FLAG_PATTERN == Flag.TEST_PATTERN
    assert codes.FLAG_LOW_LATENCY == Flag.LOW_LATENCY
    assert codes.FLAG_TEST_SIGNAL == Flag.TEST_SIGNAL
    assert codes.STREAM_EEG == StreamId.EEG
    assert codes.STREAM_THROUGHPUT == StreamId.THROUGHPUT


def test_the_example_of_the_text_is_what_it_says() -> None:
    block = TEXT.split("```")[1]
    start, answer, packet = (
        bytes.fromhex(re.sub(r"[^0-9a-f ]", "", line.split("  ", 1)[1]))
        for line in block.splitlines()
        if line.startswith(("→", "←"))
    )
    assert start == bytes.fromhex("0107f4000001")
    assert answer == peer.response(0x01, 7)
    assert peer.counter_packet(0, 0, time_us=1000).startswith(packet)


@given(st.integers(16, 509), st.integers(1, 16))
def test_both_ends_fill_a_packet_alike(payload: int, n_channels: int) -> None:
    there = firmware.frames_that_fit(payload, 3 * n_channels)
    assert there == frames_per_packet(payload, n_channels)


@given(
    st.lists(st.binary(min_size=24, max_size=24), min_size=1, max_size=9),
    st.integers(0, 2**30 - 1),
    st.integers(0, 2**30 - 1),
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from([0, 1]),
)
def test_the_host_understands_the_firmwares_packets(
    frames: list[bytes], first: int, time_us: int, off_p: int, off_n: int, lost: int
) -> None:
    made = firmware.Packet(244, 24, codes.STREAM_EEG, codes.FLAG_LOW_LATENCY)
    for i, frame in enumerate(frames):
        made.slots[i][:] = frame
    made.frames = len(frames)
    packet = decode_packet(bytes(made.finish(first, time_us, off_p, off_n, lost)), 8)
    assert packet[:8] == (0, 0, 4 | lost, first, time_us, len(frames), off_p, off_n)
    expected = [
        [int.from_bytes(frame[3 * c : 3 * c + 3], "big", signed=True) for frame in frames]
        for c in range(8)
    ]
    assert decode_samples(packet.body, 8).tolist() == expected


def test_the_host_follows_the_firmwares_sequence_over_its_wrap() -> None:
    info = decode_info(peer.info())
    decoder = StreamDecoder(info, from_start=False)
    made = firmware.Packet(40, 24, codes.STREAM_EEG, codes.FLAG_PATTERN)
    made.sequence = 0xFFFE
    for i in range(5):
        column = counter_pattern(i, 1, 8)[:, 0]
        made.slots[0][:] = b"".join(peer.sample(int(code)) for code in column)
        made.frames = 1
        decoder.feed(bytes(made.finish(i, 4000 * i, 0, 0, 0)), i)
    assert decoder.counters.frames == 5
    assert decoder.counters.intact


def test_the_host_checks_the_firmwares_throughput_packets() -> None:
    decoder = StreamDecoder(decode_info(peer.info()))
    made = firmware.ThroughputPacket(244, codes.STREAM_THROUGHPUT)
    for i in range(600):
        data = bytes(made.finish(i))
        assert data[16:] == throughput_body(i, 228)
        decoder.feed(data, i)
    assert decoder.counters.intact
    assert decoder.counters.payload_bytes == 600 * 244
