"""The tester is tested: firmware that is wrong in one way, and the figure that must tell.

Every bad firmware is eegrig's own with a few lines in front of `app.run()`; the selections are
what the good one passes (the first test).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites

from ..firmwares import patched_firmware

SECONDS = 5.0
SEED = 3

STREAM = """
from eeg import gatt
_stream = gatt.GattServer.stream
def stream(self, data):
    {0}
gatt.GattServer.stream = stream
"""
AFE = """
from eeg.drivers.ads129x import Ads129x
_configure = Ads129x.configure
"""


@dataclass(frozen=True)
class Bad:
    """A bad firmware.

    Attributes
    ----------
    code : str
        Runs before the application.
    select : str
        Tests that are run.
    figures : tuple of str
        What must fail or be inconclusive.
    """

    code: str
    select: str
    figures: tuple[str, ...]


BAD = {
    "drops every 50th packet": Bad(
        STREAM.format("data[0] % 50 == 49 or _stream(self, data)"),
        "no_frame_is_lost_while or equals_the_input",
        ("bandwidth.frame_loss", "signal.gain_error", "signal.correlation"),
    ),
    "sends every packet six packets late": Bad(
        "_held = []"
        + STREAM.format(
            "_held.append(bytes(data))\n    if len(_held) > 6:\n        _stream(self, _held.pop(0))"
        ),
        "test_low_latency_profile",
        ("latency.mean", "latency.p99"),
    ),
    "leaves the front end on": Bad(
        AFE + "Ads129x.sleep = lambda self: self._start(0)\n",
        "connected_and_idle or advertising",
        ("power.connected", "power.advertising"),
    ),
    "never lets the processor sleep": Bad(
        "from time import ticks_diff, ticks_ms\n"
        "from eeg import power\n"
        "def idle(ms, *rest):\n"
        "    since = ticks_ms()\n"
        "    while ticks_diff(ticks_ms(), since) < ms:\n"
        "        pass\n"
        "power.idle = idle\n",
        "test_streaming and not low",
        ("power.non_afe",),
    ),
    "tells a scale that is 1 % off": Bad(
        "import board_config\nboard_config.VREF_UV = board_config.VREF_UV * 101 // 100\n",
        "equals_the_input",
        ("signal.gain_error",),
    ),
    "sets another gain than it tells": Bad(
        AFE + "Ads129x.configure = lambda self, rate, gain, *rest: "
        "_configure(self, rate, 12, *rest)\n",
        "equals_the_input",
        ("signal.gain_error",),
    ),
    "sets another rate than it tells": Bad(
        AFE + "Ads129x.configure = lambda self, rate, *rest: _configure(self, 2 * rate, *rest)\n",
        "equals_the_input or no_frame_is_lost_while",
        ("signal.correlation", "bandwidth.frame_loss"),
    ),
    "corrupts a byte now and then": Bad(
        STREAM.format(
            "if data[0] % 20 == 7:\n"
            "        data = bytearray(data)\n"
            "        data[19] ^= 0x20\n"
            "    _stream(self, data)"
        ),
        "equals_the_input",
        ("signal.correlation",),
    ),
    "swaps two channels": Bad(
        "import board_config\n"
        "board_config.CHANNELS = (board_config.CHANNELS[1], board_config.CHANNELS[0])"
        " + board_config.CHANNELS[2:]\n",
        "equals_the_input",
        ("signal.correlation",),
    ),
    "sends STANDBY while data are read continuously": Bad(
        "from eeg.drivers.ads129x import Ads129x\n"
        "_sleep = Ads129x.sleep\n"
        "def sleep(self):\n"
        "    self._start(0)\n"
        "    self._cs(1)\n"
        "    self._command(0x04)\n"
        "    _sleep(self)\n"
        "Ads129x.sleep = sleep\n",
        "no_frame_is_lost_while",
        ("afe.rules_broken",),
    ),
    "takes seconds to boot": Bad(
        "from time import sleep\nsleep(3)\n",
        "soon_be_found",
        ("boot.time",),
    ),
}


def run(out: Path, firmware: Path | None, select: str) -> tuple[int, Results]:
    request = RunRequest(
        board="headband8",
        out=out,
        select=select,
        seconds=SECONDS,
        seed=SEED,
        firmware_dir=firmware,
    )
    code = run_suites(request, quiet=True, progress=False)
    return code, Results.load(out)


def test_the_good_firmware_passes_every_selection_used_here(tmp_path):
    select = " or ".join(f"({bad.select})" for bad in BAD.values())
    code, results = run(tmp_path / "out", None, select)
    assert [f.name for f in results.figures if f.verdict in ("fail", "inconclusive")] == []
    assert code == 0
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in bad.figures}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_firmware_is_caught(tmp_path, name):
    bad = BAD[name]
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", bad.code + "app.run()"))
    code, results = run(tmp_path / "out", firmware, bad.select)
    verdicts = {figure: getattr(results.figure(figure), "verdict", None) for figure in bad.figures}
    assert set(verdicts.values()) <= {"fail", "inconclusive"}, verdicts
    assert code == results.exit_code == 1
    assert results.verdict in ("fail", "inconclusive")
