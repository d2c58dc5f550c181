"""What was out of range, cut short or lost decides nothing, each on a board that is in order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from eegrig.hil.bench import PowerCapture
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual.power.meter import VirtualPowerMeter

from ..firmwares import patched_firmware
from ..test_signal import RATE_HZ, write

TIMES_AND_VOLTS = "test_efficient_profile or equals_the_input"
OF_THEM = ("latency.efficient.mean", "signal.gain_error", "signal.correlation")
OF_A_CAPTURE = (
    "power.streaming",
    "power.non_afe",
    "power.per_channel",
    "power.streaming.mcu",
    "energy.per_bit",
    "energy.per_sample",
    "battery.life",
)


def run(out: Path, select: str, **options: object) -> Results:
    request = RunRequest("hairclip1", out, select=select, seconds=5.0, **options)  # type: ignore[arg-type]
    code = run_suites(request, quiet=True, progress=False)
    results = Results.load(out)
    assert code == results.exit_code
    return results


def sine(folder: Path, frequency_hz: float, peak_mv: float) -> str:
    phase = 2 * np.pi * frequency_hz * np.arange(30 * RATE_HZ) / RATE_HZ
    return str(write(folder / "sine.bdf", Oz=peak_mv * 1e3 * np.sin(phase)))


@pytest.mark.parametrize("frequency_hz", [10.0, 62.0], ids=["seen", "damped behind the amplifier"])
def test_a_sine_beyond_the_front_ends_range_is_no_measure_of_the_board(tmp_path, frequency_hz):
    signal = sine(tmp_path, frequency_hz, 250.0)
    results = run(tmp_path / "out", TIMES_AND_VOLTS, signal=signal)
    assert results.verdict == "inconclusive"
    for name in OF_THEM:
        assert results.figure(name).verdict == "inconclusive"
    assert len(results.tests) == 2
    for test in results.tests:
        assert "reaches 250 mV, beyond the front end's" in test.reason


def test_a_front_end_that_clips_within_the_range_it_tells_gives_no_figure_that_counts(tmp_path):
    """It is set to twice the gain that it tells: its range is half as wide."""
    code = (
        "from eeg.drivers.ads129x import Ads129x\n"
        "_configure = Ads129x.configure\n"
        "Ads129x.configure = lambda self, rate, gain, *rest: _configure(self, rate, 12, *rest)\n"
        "import board_config\n"
        "board_config.GAIN = 6\n"
        "app.run()"
    )
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", code))
    signal = sine(tmp_path, 10.0, 250.0)
    results = run(tmp_path / "out", TIMES_AND_VOLTS, signal=signal, firmware_dir=firmware)
    for name in OF_THEM:
        figure = results.figure(name)
        assert figure.flags.saturated, name
        assert figure.verdict == "inconclusive"


SPOILT = {
    "saturated": ({"saturated": True}, "out of range during the measurement"),
    "cut short": ({"stop_ns": 10**9}, "the window was too short"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_meter_that_saturates_or_stops_early_spoils_all_that_is_derived_from_it(
    tmp_path, monkeypatch, how
):
    changed, said = SPOILT[how]
    stop = VirtualPowerMeter.stop

    async def spoilt(self: VirtualPowerMeter) -> PowerCapture:
        capture = await stop(self)
        ends = {key: capture.start_ns + value for key, value in changed.items() if key == "stop_ns"}
        return dataclasses.replace(capture, **(ends or changed))

    monkeypatch.setattr(VirtualPowerMeter, "stop", spoilt)
    results = run(tmp_path, "test_streaming or test_sleeping")
    for name in (*OF_A_CAPTURE, "power.streaming_low_latency", "power.sleep"):
        figure = results.figure(name)
        assert said in figure.note, name
        assert figure.verdict == ("inconclusive" if name in results.targets else None)
    assert results.verdict == "inconclusive"


def test_power_while_frames_are_lost_is_not_the_power_of_streaming(tmp_path):
    code = (
        "from eeg import gatt\n"
        "_stream = gatt.GattServer.stream\n"
        "def stream(self, data):\n"
        "    data[0] % 4 == 3 or _stream(self, data)\n"
        "gatt.GattServer.stream = stream\n"
        "app.run()"
    )
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", code))
    select = "(test_streaming and not low) or test_efficient_profile"
    results = run(tmp_path / "out", select, firmware_dir=firmware)
    for name in (*OF_A_CAPTURE, "latency.efficient.mean"):
        figure = results.figure(name)
        assert figure.flags.lost > 0, name
        assert figure.verdict == ("inconclusive" if name in results.targets else None)
    assert results.verdict == "inconclusive"
