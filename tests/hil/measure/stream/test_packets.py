"""Packets of a stretch held against the protocol; they are made from its text alone."""

from __future__ import annotations

import pytest

from eegrig.hil.measure.stream.packets import Asked, read_stretch
from eegrig.host.wire.constants import Pattern, Profile, TestSignal
from eegrig.host.wire.info import decode_info

from ....host import peer

INFO = decode_info(peer.info())
FULL = 9  # frames of 8 channels in 244 bytes


def packets(count=20, size=FULL, flags=0, **fields):
    codes = [[1, 2, 3, 4, 5, 6, 7, 8]] * size
    return [peer.packet(n, n * size, codes, flags=flags, **fields) for n in range(count)]


def read(sent, asked):
    return read_stretch([(data, n * 36_000_000) for n, data in enumerate(sent)], INFO, asked)


def test_what_the_protocol_says_is_not_wrong():
    last = peer.packet(20, 180, [[0] * 8] * 3)
    stretch = read([*packets(), last], Asked(250))
    assert not stretch.wrong
    assert stretch.loss == 0
    assert stretch.codes.shape == (8, 183)


@pytest.mark.parametrize(
    ("asked", "flags"),
    [
        (Asked(250, Profile.LOW_LATENCY), 0x04),
        (Asked(250, signal=TestSignal.SHORTED), 0x08),
        (Asked(250, driven=True), 0x10),
    ],
)
def test_flags_say_what_was_asked_for(asked, flags):
    assert not read(packets(flags=flags), asked).wrong
    (what,) = read(packets(), asked).wrong
    assert what == f"flags 0x00 instead of 0x{flags:02x}"


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda sent: [*sent[:7], *sent[6:]], "packets arrive twice"),
        (lambda sent: [*sent[:7], sent[8], sent[7], *sent[9:]], "packets arrive late"),
        (lambda sent: [*sent[:7], *sent[8:]], "packets do not arrive"),
        (
            lambda sent: [*sent[:7], sent[7][:15] + b"\1" + sent[7][16:], *sent[8:]],
            "the reserved byte is not 0",
        ),
        (lambda sent: [*sent[:7], sent[7][:100], *sent[8:]], "packet 7 has 84 bytes"),
        (
            lambda sent: packets(7) + [peer.packet(n, n * FULL, [[0] * 8] * 5) for n in (7, 8)],
            "packets of 5 frames where 9 are full",
        ),
    ],
)
def test_each_thing_that_is_wrong_is_named(spoil, what):
    stretch = read(spoil(packets()), Asked(250))
    assert any(each.startswith(what) for each in stretch.wrong), stretch.wrong
    assert any(f"of {stretch.counters.packets} packets" in said for said in stretch.said())


def test_a_pattern_is_held_to_every_sample():
    asked = Asked(250, pattern=Pattern.COUNTER)
    sent = [peer.counter_packet(n, n * FULL) for n in range(20)]
    assert not read(sent, asked).wrong
    wrong = bytearray(sent[5])
    wrong[40] ^= 0x20
    assert read([*sent[:5], bytes(wrong), *sent[6:]], asked).wrong == {
        "samples are not those of the pattern": 1
    }


def test_the_low_latency_profile_may_send_fewer_frames_and_no_more_than_fit():
    asked = Asked(250, Profile.LOW_LATENCY)
    assert not read(packets(size=2, flags=4), asked).wrong
