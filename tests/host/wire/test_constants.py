"""The host's numbers against those of docs/protocol.md and docs/update.md, read from the text."""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from pathlib import Path

import pytest

from eegrig.host.wire import constants
from eegrig.host.wire.constants import (
    EventCode,
    Flag,
    Opcode,
    Pattern,
    Profile,
    State,
    Status,
    StreamId,
    StreamKind,
    TestSignal,
    Unit,
)

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "protocol.md").read_text(encoding="utf-8")
UPDATE_TEXT = (DOCS / "update.md").read_text(encoding="utf-8")

# The words of the text, and what the host calls it.
WORDS: dict[type[IntEnum | IntFlag], dict[str, str]] = {
    State: {"idle": "IDLE", "streaming": "STREAMING", "fault": "FAULT"},
    Profile: {"efficient": "EFFICIENT", "low-latency": "LOW_LATENCY"},
    Pattern: {"EEG": "EEG", "the counter pattern": "COUNTER", "throughput": "THROUGHPUT"},
    TestSignal: {
        "electrodes": "NORMAL",
        "the front end's square wave": "SQUARE_WAVE",
        "inputs shorted": "SHORTED",
    },
    StreamKind: {
        "EEG": "EEG",
        "EMG": "EMG",
        "EEG and EMG": "EXG",
        "optics (fNIRS)": "OPTICS",
        "motion": "MOTION",
    },
    Unit: {
        "V": "VOLT",
        "A": "AMPERE",
        "m/s²": "METRE_PER_SECOND_SQUARED",
        "rad/s": "RADIAN_PER_SECOND",
    },
    StreamId: {
        "EEG and EMG": "EEG",
        "optics": "OPTICS",
        "motion": "MOTION",
        "throughput": "THROUGHPUT",
    },
    Flag: {
        "frames were lost on the board before this packet's first frame": "FRAMES_LOST",
        "test pattern": "TEST_PATTERN",
        "low-latency profile": "LOW_LATENCY",
        "the front end converts its test signal or shorted inputs": "TEST_SIGNAL",
        "the lead-off current flows": "DRIVEN",
    },
}


def listed(pattern: str, separator: str = ", ") -> dict[str, int]:
    """Read ``0 this, 1 that`` behind the words that a pattern finds in the text."""
    found = re.search(pattern, TEXT)
    assert found is not None, pattern
    numbers = {}
    for part in found[1].split(separator):
        number, words = part.split(" ", 1)
        numbers[words] = int(number, 0)
    return numbers


@pytest.mark.parametrize(
    ("enum", "numbers"),
    [
        (State, listed(r"u8 \| state: (.+) \|")),
        (Profile, listed(r"u8 \| profile: (.+) \|")),
        (Pattern, listed(r"Patterns of START: (.+)\. Both", "; ")),
        (TestSignal, listed(r"TEST_SIGNAL \| u8: (.+?) \|")),
        (StreamKind, listed(r"u8 \| kind: (.+) \|")),
        (Unit, listed(r"its unit: (.+) \|")),
        (StreamId, listed(r"one of Info's list \((.+)\), or", ", ") | {"throughput": 0x7F}),
        (Flag, {words: int(n, 0) for n, words in re.findall(r"\| (0x\d\d) \| ([^|]+) \|\n", TEXT)}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_host_has_the_numbers_of_the_text(
    enum: type[IntEnum | IntFlag], numbers: dict[str, int]
) -> None:
    names = {WORDS[enum][words]: number for words, number in numbers.items()}
    assert names == {name: int(member) for name, member in enum.__members__.items()}


def test_throughput_is_the_stream_that_the_text_says() -> None:
    assert "or 0x7F throughput" in TEXT
    assert int(StreamId.THROUGHPUT) == 0x7F


@pytest.mark.parametrize(
    ("enum", "heading"), [(Opcode, "opcode"), (Status, "status"), (EventCode, "code")]
)
def test_the_tables_of_the_text_have_every_member(enum: type[IntEnum], heading: str) -> None:
    start = TEXT.index(f"\n| {heading} |") + 1
    rows = [row.split("|")[1:3] for row in TEXT[start:].split("\n\n")[0].splitlines()[2:]]
    numbers = {re.split(r"[:\s]", name.strip())[0]: int(number, 0) for number, name in rows}
    if enum is EventCode:
        numbers["NONE"] = 0  # "an event code; 0 otherwise"
    assert numbers == {name: int(member) for name, member in enum.__members__.items()}


@pytest.mark.parametrize(
    ("name", "number"), [("SERVICE", 0), ("INFO", 1), ("CONTROL", 2), ("STREAM", 3)]
)
def test_our_uuids_are_those_of_the_text(name: str, number: int) -> None:
    whole = re.search(r"`(7d5e0000(-[0-9a-f-]+))` \| service", TEXT)
    assert whole is not None
    assert getattr(constants, f"{name}_UUID") == f"7d5e{number:04x}{whole[2]}"
    if number:
        assert f"| `7d5e{number:04x}-…` | **{name.title()}** |" in TEXT


def test_the_updates_uuids_are_those_of_its_own_text() -> None:
    rest = constants.SERVICE_UUID[8:]
    numbers = dict(re.findall(r"\| `7d5e(\d{4})-…` \| \*\*([\w ]+)\*\* \|", UPDATE_TEXT))
    assert numbers == {"0004": "Update", "0005": "Update State"}
    assert f"7d5e0004{rest}" == constants.UPDATE_UUID
    assert f"7d5e0005{rest}" == constants.UPDATE_STATE_UUID


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BATTERY_LEVEL", "Battery Level"),
        ("MANUFACTURER_NAME", "Manufacturer"),
        ("MODEL_NUMBER", "Model"),
        ("SERIAL_NUMBER", "Serial Number"),
        ("FIRMWARE_REVISION", "Firmware Revision"),
    ],
)
def test_standard_characteristics_are_those_of_the_bluetooth_sig(name: str, words: str) -> None:
    """A 16-bit number in the base UUID (Bluetooth Core 5.4, volume 3, part B, section 2.5.1)."""
    number = re.search(rf"{words}\s0x(\w{{4}})", TEXT)
    assert number is not None
    base = "-0000-1000-8000-00805f9b34fb"
    assert getattr(constants, f"{name}_UUID") == f"0000{number[1].lower()}{base}"


def test_numbers_wrap_where_the_text_says() -> None:
    assert "mod 2^16" in TEXT
    assert "data-ready edge, microseconds mod 2^30" in TEXT
    assert "after START, mod 2^30" in TEXT
    assert constants.SEQUENCE_MODULUS == 65536
    assert constants.FRAME_MODULUS == constants.DEVICE_TIME_MODULUS_US == 1073741824
    assert "protocol version: **1**" in TEXT
    assert constants.PROTOCOL_VERSION == 1


def test_tests_do_not_collect_what_is_called_like_one() -> None:
    assert TestSignal.__test__ is False
