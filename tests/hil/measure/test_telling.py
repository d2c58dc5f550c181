"""What a board tells about itself, held against its board file."""

from __future__ import annotations

import dataclasses

import pytest

from eegrig.boards import load_board
from eegrig.hil.measure.telling import info_errors, information_errors
from eegrig.host.link.board_link import DeviceInformation
from eegrig.host.wire.constants import Profile, State, StreamKind
from eegrig.host.wire.info import decode_info

from ...host import peer

BOARD = load_board("headband8")
CHANNELS = tuple(BOARD.afe.channels)
TOLD = decode_info(
    peer.info(rates=tuple(BOARD.afe.rates_sps), channels=CHANNELS, gain=BOARD.afe.gain)
)
RUNS = {"version": "0.1.0", "image_hash": peer.IMAGE_HASH.hex()}


def errors(told=TOLD, **more):
    return list(info_errors(told, BOARD, **{**RUNS, **more}))


def test_what_is_so_is_no_error():
    assert errors() == []
    streaming = dataclasses.replace(TOLD, state=State.STREAMING, profile=Profile.LOW_LATENCY)
    assert errors(streaming, state=State.STREAMING, profile=Profile.LOW_LATENCY) == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("state", State.FAULT, "state: tells fault, is idle"),
        ("sample_rate_sps", 500, "rate: tells 500, is 250"),
        ("channels", (*CHANNELS[1:], CHANNELS[0]), "channels: tells"),
        ("gain", 12, "gain: tells 12, is 24"),
        ("bits", 16, "bits: tells 16, is 24"),
        ("rates_sps", (250,), "rates: tells [250]"),
        ("board", "headphone8", "name: tells headphone8, is headband8"),
        ("firmware_version", "9.9.9", "firmware version: tells 9.9.9, is 0.1.0"),
        ("image_hash", "00" * 32, "firmware hash: tells 00"),
        ("kind", StreamKind.EMG, "kind: tells EMG, is EEG"),
        ("lsb_fv", 22_400_000, "scale: tells 22400000 fV a count, is 22351742"),
        ("group_delay_s", 3e-3, "group delay: tells 3 ms, is 6"),
    ],
)
def test_each_field_that_is_not_so_is_named(field, value, says):
    (said,) = errors(dataclasses.replace(TOLD, **{field: value}))
    assert said.startswith(says)


def test_rate_and_delay_follow_what_was_set():
    told = dataclasses.replace(TOLD, sample_rate_sps=500, group_delay_s=3e-3)
    assert errors(told, rate_sps=500) == []


def test_the_profile_counts_only_where_something_was_started():
    told = dataclasses.replace(TOLD, profile=Profile.LOW_LATENCY)
    assert errors(told) == []
    assert len(errors(told, profile=Profile.EFFICIENT)) == 1


def test_device_information():
    good = DeviceInformation("somebody", "headband8", "0.1.0", None)
    assert list(information_errors(good, BOARD, version="0.1.0")) == []
    bad = DeviceInformation(None, "headphone8", "0.2.0", None)
    assert len(list(information_errors(bad, BOARD, version="0.1.0"))) == 3
