"""The tester is tested: boards whose samples are wrong, and the figure that must tell.

Firmware is eegrig's own with a few lines in front of `app.run()`; hardware is the model's, spoilt
before the bench is set up.
"""

from __future__ import annotations

import numpy as np
import pytest

from eegrig.hil.virtual.bench import VirtualBench

from .bad import STREAM, Bad, caught, passed

ORDER = "shows_what_is_applied"
SCALE = "scale_is_right"
RESIDUAL = "leaves_nothing_but"
NOISE = "noise_is_that_of"

# Samples of a frame: eight channels of three bytes after a header of sixteen.
SAMPLES = """
def get(data, i):
    v = data[i] << 16 | data[i + 1] << 8 | data[i + 2]
    return v - (1 << 24) if v & 0x800000 else v
def put(data, i, v):
    v = max(-0x800000, min(0x7FFFFF, v)) & 0xFFFFFF
    data[i], data[i + 1], data[i + 2] = v >> 16, v >> 8 & 0xFF, v & 0xFF
"""
AFE = """
from eeg.drivers.ads129x import Ads129x
_configure = Ads129x.configure
"""


def each_frame(*lines: str) -> str:
    """Make code that changes each frame `i` of a packet `data`."""
    body = "".join(f"        {line}\n" for line in lines)
    return SAMPLES + STREAM.format(
        "data = bytearray(data)\n"
        "    for i in range(16, len(data) - 23, 24):\n" + body + "    _stream(self, data)"
    )


def wrong_gain_after_a_change() -> str:
    return (
        AFE
        + "_rates = []\n"
        + "def configure(self, rate, gain, *rest):\n"
        + "    _rates.append(rate)\n"
        + "    back = rate == 250 and 500 in _rates\n"
        + "    _configure(self, rate, 12 if back else gain, *rest)\n"
        + "Ads129x.configure = configure\n"
    )


def cheats_when_shorted() -> str:
    return (
        AFE
        + "_shorted = [False]\n"
        + "def configure(self, rate, gain, signal, *rest):\n"
        + "    from eeg.drivers import SHORTED\n"
        + "    _shorted[0] = signal == SHORTED\n"
        + "    _configure(self, rate, gain, signal, *rest)\n"
        + "Ads129x.configure = configure\n"
        + STREAM.format(
            "if _shorted[0]:\n"
            "        data = bytearray(data)\n"
            "        data[16:] = bytes(len(data) - 16)\n"
            "    _stream(self, data)"
        )
    )


def leaks(virtual: VirtualBench) -> None:
    virtual.board.afe._converter.set_crosstalk(0.03)


def rejects_little(virtual: VirtualBench) -> None:
    virtual.board.afe._converter._leads.rejection[:] = 1e-3


def takes_current(virtual: VirtualBench) -> None:
    virtual.board.afe._converter._leads._input_f = 1e-9


def is_off_by_5_mv(virtual: VirtualBench) -> None:
    virtual.board.afe._converter._offset_v[3] += 5e-3


def is_noisy_at_500(virtual: VirtualBench) -> None:
    converter = virtual.board.afe._converter
    sigma_v = converter._sigma_v
    converter._sigma_v = lambda registers, gain: (
        sigma_v(registers, gain) * (2.0 if registers.rate_sps > 250 else 1.0)
    )


class _Faster:
    """A chip's clock as the filter has it whose window is half as long."""

    def __init__(self, clock: object) -> None:
        self._clock = clock

    def period_ns(self, rate_sps: float) -> float:
        return self._clock.period_ns(2 * rate_sps)

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)


def filters_at_twice_the_rate(virtual: VirtualBench) -> None:
    converter = virtual.board.afe._converter
    converter._clock = _Faster(converter._clock)


def stays_blocked(virtual: VirtualBench) -> None:
    """Let an input forget an overload with a time constant of half a second."""
    stage = virtual.board.afe._inputs
    volts = stage.volts
    held = [0.0]

    def slow(electrodes, seconds, registers, clock):
        out = volts(electrodes, seconds, registers, clock)
        step_s = seconds[1] - seconds[0] if seconds.size > 1 else 0.0
        peak_v = np.abs(out).max(axis=0)
        for index, peak in enumerate(peak_v):
            held[0] = max(held[0] * (1 - step_s / 0.5), 0.05 * (peak > 0.2))
            out[:, index] += held[0]
        return out

    stage.volts = slow


def bends(virtual: VirtualBench) -> None:
    virtual.board.afe._converter._cubic *= 10.0


def wanders(virtual: VirtualBench) -> None:
    stage = virtual.board.afe._inputs
    volts = stage.volts

    def drifting(electrodes, seconds, registers, clock):
        return volts(electrodes, seconds, registers, clock) + 20e-6 * seconds

    stage.volts = drifting


BAD = {
    "tells a scale that is 1.5 % off": Bad(
        code="import board_config\nboard_config.VREF_UV = board_config.VREF_UV * 1015 // 1000\n",
        select=SCALE,
        fails=("signal.gain_at_rates",),
    ),
    "has half the gain it tells": Bad(
        code=AFE + "Ads129x.configure = lambda self, rate, gain, *rest: "
        "_configure(self, rate, 12, *rest)\n",
        select=SCALE,
        fails=("signal.gain_at_rates",),
        says="at 250 SPS",
    ),
    "has another gain after a change of rate": Bad(
        code=wrong_gain_after_a_change(),
        select=SCALE,
        fails=("signal.gain_at_rates",),
        says="at 250 SPS, after 500",
    ),
    "has half the scale in the low-latency profile": Bad(
        code=SAMPLES
        + STREAM.format(
            "if len(data) < 100:\n"
            "        data = bytearray(data)\n"
            "        for i in range(16, len(data) - 2, 3):\n"
            "            put(data, i, get(data, i) // 2)\n"
            "    _stream(self, data)"
        ),
        select=SCALE,
        fails=("signal.gain_at_rates",),
        says="low latency",
    ),
    "sends one channel a frame late": Bad(
        code="_last = [bytes(3)]\n"
        + each_frame("late = bytes(data[i : i + 3])", "data[i : i + 3], _last[0] = _last[0], late"),
        select=ORDER,
        fails=("channels.skew",),
        says="Fp1 is late",
    ),
    "swaps two channels": Bad(
        code="import board_config\n"
        "board_config.CHANNELS = (board_config.CHANNELS[1], board_config.CHANNELS[0])"
        " + board_config.CHANNELS[2:]\n",
        select=ORDER,
        fails=("channels.out_of_order",),
        says="Fp1 shows what was applied to Fp2; Fp2 shows what was applied to Fp1",
    ),
    "inverts a channel": Bad(
        code=each_frame("put(data, i + 9, -get(data, i + 9))"),
        select=ORDER,
        fails=("channels.inverted",),
        says="C4 is inverted",
    ),
    "repeats one sample in a channel for ever": Bad(
        code=each_frame("put(data, i + 6, 1234)"),
        select=ORDER,
        fails=("channels.out_of_order",),
        says="C3 shows nothing",
    ),
    "mixes 3 % of a channel into another": Bad(
        # So much work for each frame loses some: the verdict has to wait, the note does not.
        code=each_frame("put(data, i + 3, get(data, i + 3) + get(data, i) * 3 // 100)"),
        select=ORDER,
        undecided=("channels.crosstalk",),
        says="Fp2 shows it of Fp1",
    ),
    "leaks 3 % between channels": Bad(
        hardware=leaks, select=ORDER, fails=("channels.crosstalk",), says="shows it of"
    ),
    "corrupts one byte in 10 000": Bad(
        code="_n = [0]"
        + STREAM.format(
            "_n[0] += 1\n"
            "    if _n[0] % 41 == 7:\n"
            "        data = bytearray(data)\n"
            "        data[16 + _n[0] * 37 % (len(data) - 16)] ^= 0x40\n"
            "    _stream(self, data)"
        ),
        select=RESIDUAL,
        fails=("signal.largest_residual",),
        says=" uV",
    ),
    "sends every second sample twice": Bad(
        code=STREAM.format(
            "data = bytearray(data)\n"
            "    for i in range(40, len(data) - 23, 48):\n"
            "        data[i : i + 24] = data[i - 24 : i]\n"
            "    _stream(self, data)"
        ),
        select=RESIDUAL,
        fails=("signal.residual_at_rates",),
    ),
    "sends sixteen bits in twenty-four": Bad(
        code=STREAM.format(
            "data = bytearray(data)\n"
            "    for i in range(18, len(data), 3):\n"
            "        data[i] = 0\n"
            "    _stream(self, data)"
        ),
        select=RESIDUAL,
        fails=("signal.residual_at_rates",),
    ),
    "sends nothing of shorted inputs": Bad(
        code=cheats_when_shorted(),
        select=NOISE,
        fails=("signal.noise_against_table",),
        says=": 0 uV, table 0.14 uV",
    ),
    "is noisy at the highest rate only": Bad(
        hardware=is_noisy_at_500,
        select=NOISE,
        fails=("signal.noise_against_table",),
        says="at 500 SPS",
    ),
    "filters at another rate than it tells": Bad(
        hardware=filters_at_twice_the_rate,
        select="response_is_that_of",
        fails=("signal.response_error",),
    ),
    "rejects a common mode by 60 dB": Bad(
        hardware=rejects_little,
        select="common_mode_is_rejected and not differs",
        fails=("signal.cmrr",),
        says="uV peak of 1 Vrms",
    ),
    "has inputs of 1 nF": Bad(
        hardware=takes_current,
        select="take_no_current",
        fails=("signal.input_impedance",),
        says="1e+03 pF",
    ),
    "is 5 mV off in one channel": Bad(
        hardware=is_off_by_5_mv,
        select="level_is_that_of",
        fails=("signal.offset",),
        says="C4",
    ),
    "wanders": Bad(hardware=wanders, select="level_stays", fails=("signal.dc_drift",)),
    "clips at half its range": Bad(
        code=each_frame("put(data, i, max(-0x400000, min(0x400000, get(data, i))))"),
        select="large_sine or input_dynamic_range",
        fails=("signal.thd", "signal.sinad", "iec.offset_change"),
    ),
    "stays blocked after an overload": Bad(
        hardware=stays_blocked,
        select="overload_is_soon_over",
        fails=("signal.overload_recovery",),
    ),
    "bends": Bad(hardware=bends, select="large_sine", fails=("signal.thd", "signal.sinad")),
    "tells another lead-off current": Bad(
        code="from eeg.drivers.ads1299 import Afe\n"
        "Afe.drive = lambda self, rate: (4712, 3125)  # 27 % too much of every impedance\n",
        select="impedance_of_electrodes",
        fails=("impedance.told_current", "impedance.scale_error"),
        says="the board tells 4.712 nA",
    ),
}


@pytest.mark.timeout(600)
def test_the_good_board_passes_every_selection_used_here(tmp_path):
    select = " or ".join(sorted({f"({bad.select})" for bad in BAD.values()}))
    results = passed(select, tmp_path, "headband8")
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in bad.fails}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_board_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)
