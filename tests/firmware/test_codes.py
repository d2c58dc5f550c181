"""Firmware and host have the same numbers, and neither has one the other lacks."""

from eegrig.host.wire.constants import (
    PROTOCOL_VERSION,
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

# What the firmware says in fewer words.
_SHORT = {"FLAG_FRAMES_LOST": "FLAG_LOST", "FLAG_TEST_PATTERN": "FLAG_PATTERN"}


def test_every_number_of_the_protocol_is_the_same_on_both_sides(micropython):
    expected = {"PROTOCOL_VERSION": PROTOCOL_VERSION, "RESPONSE": 0x80, "EVENT": 0xE0}
    for enum, prefix in (
        (Opcode, ""),
        (Status, ""),
        (EventCode, ""),
        (State, ""),
        (Profile, ""),
        (Pattern, "PATTERN_"),
        (StreamId, "STREAM_"),
        (Flag, "FLAG_"),
        (StreamKind, "KIND_"),
        (Unit, "UNIT_"),
    ):
        for member in enum:
            name = prefix + member.name
            expected[_SHORT.get(name, name)] = member.value
    del expected["NONE"]  # no event: the firmware writes a plain 0
    assert micropython("code_names()") == expected


def test_the_inputs_of_the_front_end_have_the_same_numbers(micropython):
    assert micropython("test_signals()") == {
        "NORMAL": TestSignal.NORMAL,
        "TEST_SQUARE": TestSignal.SQUARE_WAVE,
        "SHORTED": TestSignal.SHORTED,
    }
