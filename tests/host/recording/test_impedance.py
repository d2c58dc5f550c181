"""Impedance from samples taken with the lead-off current on."""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.boards.errors import BoardFault
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.link_errors import BoardStatusError
from eegrig.host.recording.impedance import (
    GOOD_OHM,
    OFF_OHM,
    Contact,
    Impedance,
    electrode_impedance,
    measure_impedance,
)
from eegrig.host.wire.impedance import Drive
from tests.host import peer
from tests.host.room import Room, linked

SIX_NANOAMPERES = 6e-9
DECIMATION = 256


def driven(
    ohm: list[float], drive: Drive, rate_sps: float, seconds: float, phase: float
) -> np.ndarray:
    """What a sinc3 converter makes of the square wave of voltage, by filtering it in steps."""
    n = int(seconds * rate_sps)
    time_s = (np.arange((n + 3) * DECIMATION) + 0.5) / (rate_sps * DECIMATION)
    cycle = (drive.frequency_hz * time_s + phase) % 1
    wave = np.where(cycle < 0.5, 1.0, -1.0)
    box = np.ones(DECIMATION) / DECIMATION
    for _ in range(3):
        wave = np.convolve(wave, box, "valid")
    filtered = wave[::DECIMATION][:n]
    return np.array(ohm)[:, np.newaxis] * drive.current_a * filtered


@pytest.mark.parametrize("phase", [0.01, 0.13, 0.3])
def test_impedance_of_a_drive_far_below_the_sample_rate(phase: float) -> None:
    drive = Drive(SIX_NANOAMPERES, 31.25)
    samples_v = driven([5e3, 50e3, 1e6], drive, 250, 4, phase)
    ohm, uncertainty_ohm = electrode_impedance(samples_v, 250, drive)
    np.testing.assert_allclose(ohm, [5e3, 50e3, 1e6], rtol=1e-3)
    assert (uncertainty_ohm < 1e-3 * ohm).all()


@pytest.mark.parametrize("rate_sps", [250, 1000])
@pytest.mark.parametrize("phase", [0.01, 0.13, 0.3])
def test_impedance_of_a_drive_at_a_quarter_of_the_sample_rate(rate_sps: int, phase: float) -> None:
    # Harmonics fold back onto the fundamental: 1.5 % of it at most, with the phase they have.
    drive = Drive(SIX_NANOAMPERES, rate_sps / 4)
    samples_v = driven([20e3], drive, rate_sps, 3, phase)
    ohm, _ = electrode_impedance(samples_v, rate_sps, drive)
    np.testing.assert_allclose(ohm, [20e3], rtol=0.015)


def test_brain_activity_and_offset_make_it_uncertain_and_the_uncertainty_covers_it() -> None:
    rng = np.random.default_rng(5)
    drive = Drive(SIX_NANOAMPERES, 31.25)
    quiet_v = driven([10e3] * 400, drive, 250, 4, 0.2)
    samples_v = quiet_v + 20e-6 * rng.standard_normal(quiet_v.shape) + 30e-3
    ohm, uncertainty_ohm = electrode_impedance(samples_v, 250, drive)
    pull = (ohm - 10e3) / uncertainty_ohm
    assert abs(np.mean(pull)) < 0.3
    assert 0.8 < np.std(pull) < 1.4


def test_missing_frames_do_not_turn_the_phase() -> None:
    drive = Drive(SIX_NANOAMPERES, 31.25)
    samples_v = driven([10e3], drive, 250, 6, 0.2)
    frames = np.flatnonzero((np.arange(1500) < 333) | (np.arange(1500) >= 514))
    ohm, _ = electrode_impedance(samples_v[:, frames], 250, drive, frames=frames)
    np.testing.assert_allclose(ohm, [10e3], rtol=1e-3)


def test_too_little_to_tell_and_a_drive_nobody_can_see_are_refused() -> None:
    with pytest.raises(ValueError, match="too few: expected 2 s"):
        electrode_impedance(np.zeros((1, 400)), 250, Drive(SIX_NANOAMPERES, 31.25))
    with pytest.raises(ValueError, match="cannot be seen"):
        electrode_impedance(np.zeros((1, 1000)), 250, Drive(SIX_NANOAMPERES, 125))


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_board_is_measured_and_its_current_switched_off_again(one_by_one: bool) -> None:
    async def scenario(room: Room, link: BoardLink) -> tuple[Impedance, int, list[int]]:
        measured = await measure_impedance(link, seconds=2.0, one_by_one=one_by_one)
        masks = [command[2] for command in room.board.commands if command[0] == 0x10]
        return measured, room.board.driven, masks

    measured, driven, masks = linked(scenario)
    np.testing.assert_allclose(measured.ohm, 10e3 * np.arange(1, 9), rtol=1e-3)
    assert measured.channels == peer.HEADBAND
    assert measured.drive == Drive(pytest.approx(6e-9), 31.25)
    assert driven == 0
    assert masks == ([m for c in range(8) for m in (1 << c, 0)] if one_by_one else [0xFF, 0])


def test_an_input_at_its_rail_for_more_than_a_tenth_of_the_time_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By channel: 12 and 8 samples of a hundred at a rail; all at 98.5 and at -99.5 % of the range;
    and half a second at the beginning, which is for settling.
    """
    full = 2**23

    def packet(sequence: int, first_frame: int, n_frames: int, driven: int) -> bytes:
        codes = []
        for i in range(first_frame, first_frame + n_frames):
            clipped = (
                full - 1 if i % 100 < 12 else 0,
                -full if i % 100 < 8 else 0,
                int(0.985 * full),
                -int(0.995 * full),
                full - 1 if i < 124 else 0,
            )
            codes.append([*clipped, 0, 0, 0])
        return peer.packet(sequence, first_frame, codes, flags=0x10)

    monkeypatch.setattr(peer, "driven_packet", packet)

    async def scenario(room: Room, link: BoardLink) -> Impedance:
        return await measure_impedance(link, seconds=4.0)

    measured = linked(scenario)
    assert measured.clipped.tolist() == [True, False, False, True, False, False, False, False]
    assert measured.contacts()[0] is measured.contacts()[3] is Contact.OFF
    assert measured.contacts()[1] is not Contact.OFF


def test_contacts_are_good_up_to_a_limit_and_off_from_another() -> None:
    ohm = np.array([0.0, GOOD_OHM, GOOD_OHM * 1.001, OFF_OHM * 0.999, OFF_OHM, 10.0])
    clipped = np.array([False, False, False, False, False, True])
    names = tuple("ABCDEF")
    measured = Impedance(names, ohm, np.zeros(6), clipped, Drive(SIX_NANOAMPERES, 31.25))
    good, poor, off = Contact.GOOD, Contact.POOR, Contact.OFF
    assert measured.contacts() == (good, good, poor, poor, off, off)
    assert measured.contacts(good_ohm=10.0) == (good, poor, poor, poor, off, off)
    assert (GOOD_OHM, OFF_OHM) == (100e3, 5e6)


def test_a_board_that_falls_silent_is_left_without_current() -> None:
    async def scenario(room: Room, link: BoardLink) -> int:
        room.board.mute_after = 3
        with pytest.raises(BoardFault, match="has sent nothing"):
            await measure_impedance(link)
        return room.board.driven

    assert linked(scenario) == 0


def test_a_board_without_a_drive_says_so() -> None:
    async def scenario(room: Room, link: BoardLink) -> None:
        room.board.answers[0x10] = lambda tag, _: [peer.response(0x10, tag, 7)]
        await measure_impedance(link)

    with pytest.raises(BoardStatusError, match="IMPEDANCE 0xff"):
        linked(scenario)
