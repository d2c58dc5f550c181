"""A board's self-test: its own test signals, through its own firmware and link, judged here.

The front end's square wave tells that every channel's amplifier and converter are right, shorted
inputs how much noise they add. Limits come from the part's file; one that does not says *assumed*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from eegrig.boards import load_part
from eegrig.host.link.put_back import put_back
from eegrig.host.wire.constants import State, TestSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards.schema import Board
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.recording.stream_recording import StreamRecording

__all__ = ["SelfTestFigure", "judge_noise", "judge_square_wave", "self_test"]

_SETTLE_S = 1.0
_SQUARE_S, _NOISE_S = 6.0, 4.0
SQUARE_WAVE_HZ = 2_048_000 / 2**21
"""Frequency the firmware sets: fCLK / 2^21 (SBAS499C 9.6.1.3, SBAS459K) of 2.048 MHz; the 1 Hz of
the ADS1292R (SBAS502C) is the same."""
_FREQUENCY_TOLERANCE = 0.01
"""Assumed: samples and square wave come from one clock, so that only its edges' sampling counts."""
_NOISE_FACTOR = 1.5
"""Assumed: the data sheets' noise is typical, and a few seconds give it to some per cent."""
_BATTERY_LOW_PERCENT = 20.0
"""Assumed: what a board needs to be worth shipping."""


class SelfTestFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a self-test; of several channels that of the worst.

    Attributes
    ----------
    name : str
    value : float
    unit : str
    low, high : float or None
        Limits, both of them good.
    passed : bool
    channel : str or None
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    passed: bool
    channel: str | None = None


def _figure(
    name: str,
    value: float,
    unit: str,
    low: float | None = None,
    high: float | None = None,
    channel: str | None = None,
) -> SelfTestFigure:
    # A value that is no number passes no limit.
    passed = (low is None or value >= low) and (high is None or value <= high)
    return SelfTestFigure(
        name=name, value=value, unit=unit, low=low, high=high, passed=passed, channel=channel
    )


async def self_test(link: BoardLink, board: Board, image_hash: str) -> list[SelfTestFigure]:
    """Run the self-test of a connected board.

    Parameters
    ----------
    link : BoardLink
    board : Board
    image_hash : str
        Identity of the firmware that is to answer, hexadecimal.

    Returns
    -------
    list of SelfTestFigure
        All of them, also those that did not pass.

    Raises
    ------
    BoardFault
        If the board refuses, stalls or reports a fault, such as a front end with another ID.
    InfrastructureError
        If the link breaks.
    """
    # Only a front end that answered with its ID lets the board be idle.
    figures = [
        _figure("front_end.identified", float(link.info.state is not State.FAULT), "1", 1.0),
        _figure("firmware.identified", float(link.info.image_hash == image_hash), "1", 1.0),
        _figure("battery.level", float(await link.battery_level()), "%", _BATTERY_LOW_PERCENT),
    ]
    square = await _record(link, TestSignal.SQUARE_WAVE, _SQUARE_S)
    figures += judge_square_wave(_settled(square), square.stream.rate_sps, board)
    noise = await _record(link, TestSignal.SHORTED, _NOISE_S)
    figures.append(judge_noise(_settled(noise), noise.stream.rate_sps, board))
    lost = square.counters.frames_lost + noise.counters.frames_lost
    figures.append(_figure("frame_loss", lost / (square.n_frames + noise.n_frames), "1", None, 0.0))
    return figures


async def _record(link: BoardLink, signal: TestSignal, seconds: float) -> StreamRecording:
    from eegrig.host.recording.recorder import record

    await link.test_signal(signal)
    async with put_back(link, lambda: link.test_signal(TestSignal.NORMAL)):
        recording = await record(link, _SETTLE_S + seconds)
    return recording.electrodes


def _settled(recording: StreamRecording) -> NDArray[np.float64]:
    return recording.samples()[:, round(_SETTLE_S * recording.stream.rate_sps) :]


def judge_square_wave(
    samples_v: NDArray[np.float64], rate_sps: float, board: Board
) -> list[SelfTestFigure]:
    """Judge a recording of the front end's square wave.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
        In volts; some periods.
    rate_sps : float
    board : Board

    Returns
    -------
    list of SelfTestFigure
        Amplitude as a fraction of the nominal one (VREF over the part's ``test_divider``), and
        frequency in hertz, each of the channel that is farthest off.
    """
    part = load_part(board.afe.part)
    nominal_v = board.afe.vref_v / part["test_divider"].value
    tolerance = part["test_tolerance"].si + part["gain_error_max"].si
    middle = (samples_v.min(axis=1) + samples_v.max(axis=1)) / 2
    high = samples_v > middle[:, None]
    ratios, frequencies = [], []
    for trace, is_high in zip(samples_v, high, strict=True):
        levels = [
            np.median(trace[part_of]) if part_of.any() else np.nan
            for part_of in (is_high, ~is_high)
        ]
        ratios.append(float(levels[0] - levels[1]) / 2 / nominal_v)
        rising = np.flatnonzero(~is_high[:-1] & is_high[1:])
        periods = len(rising) - 1
        span = float(rising[-1] - rising[0]) if periods > 0 else np.inf
        frequencies.append(periods * rate_sps / span if periods > 0 else 0.0)
    names = board.afe.channels
    worst = _farthest(ratios, 1.0)
    slowest = _farthest(frequencies, SQUARE_WAVE_HZ)
    return [
        _figure(
            "square_wave.amplitude", ratios[worst], "1", 1 - tolerance, 1 + tolerance, names[worst]
        ),
        _figure(
            "square_wave.frequency",
            frequencies[slowest],
            "Hz",
            SQUARE_WAVE_HZ * (1 - _FREQUENCY_TOLERANCE),
            SQUARE_WAVE_HZ * (1 + _FREQUENCY_TOLERANCE),
            names[slowest],
        ),
    ]


def _farthest(values: list[float], nominal: float) -> int:
    distances = [np.inf if np.isnan(value) else abs(value - nominal) for value in values]
    return int(np.argmax(distances))


def judge_noise(samples_v: NDArray[np.float64], rate_sps: float, board: Board) -> SelfTestFigure:
    """Judge a recording of shorted inputs: the noisiest channel against the part's noise table.

    Parameters
    ----------
    samples_v : ndarray, shape (n_channels, n_times)
        In volts.
    rate_sps : float
    board : Board

    Returns
    -------
    SelfTestFigure
        RMS about the mean over the table's figure. No noise at all is a fault, too.
    """
    key = "noise_rms_high_resolution" if board.afe.high_resolution else "noise_rms"
    table_v = load_part(board.afe.part).table(key).si(rate_sps, board.afe.gain)
    rms_v = samples_v.std(axis=1, ddof=1)
    worst = int(np.argmax(rms_v))
    if rms_v.min() < table_v / _NOISE_FACTOR:
        # A channel that is stuck is as bad as a noisy one.
        worst = int(np.argmin(rms_v))
    return _figure(
        "noise.shorted",
        float(rms_v[worst]) / table_v,
        "1",
        1 / _NOISE_FACTOR,
        _NOISE_FACTOR,
        board.afe.channels[worst],
    )
