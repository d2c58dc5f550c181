"""The tester is tested: firmware that streams wrongly, and the figure that must tell.

Every bad firmware is eegrig's own with a few lines in front of `app.run()`; the selections are
what the good one passes (the first test).
"""

from __future__ import annotations

import pytest

from .bad import STREAM, Bad, caught, passed

AFE = """
from eeg.drivers.ads129x import Ads129x
_configure = Ads129x.configure
"""

BAD = {
    "drops every 50th packet": Bad(
        code=STREAM.format("data[0] % 50 == 49 or _stream(self, data)"),
        select="no_frame_is_lost_while or equals_the_input",
        fails=("bandwidth.frame_loss",),
        undecided=("signal.gain_error", "signal.correlation"),
    ),
    "sends every packet six packets late": Bad(
        code="_held = []"
        + STREAM.format(
            "_held.append(bytes(data))\n    if len(_held) > 6:\n        _stream(self, _held.pop(0))"
        ),
        select="test_low_latency_profile",
        undecided=("latency.mean", "latency.p99"),
    ),
    "leaves the front end on": Bad(
        code=AFE + "Ads129x.sleep = lambda self: self._start(0)\n",
        select="connected_and_idle or advertising",
        fails=("power.connected", "power.advertising"),
    ),
    "never lets the processor sleep": Bad(
        code="from time import ticks_diff, ticks_ms\n"
        "from eeg import power\n"
        "def idle(ms, *rest):\n"
        "    since = ticks_ms()\n"
        "    while ticks_diff(ticks_ms(), since) < ms:\n"
        "        pass\n"
        "power.idle = idle\n",
        select="test_streaming and not low",
        fails=("power.non_afe",),
    ),
    "tells a scale that is 1 % off": Bad(
        code="import board_config\nboard_config.VREF_UV = board_config.VREF_UV * 101 // 100\n",
        select="equals_the_input",
        fails=("signal.gain_error",),
    ),
    "sets another gain than it tells": Bad(
        code=AFE + "Ads129x.configure = lambda self, rate, gain, *rest: "
        "_configure(self, rate, 12, *rest)\n",
        select="equals_the_input",
        fails=("signal.gain_error",),
    ),
    "sets another rate than it tells": Bad(
        code=AFE
        + "Ads129x.configure = lambda self, rate, *rest: _configure(self, 2 * rate, *rest)\n",
        select="equals_the_input or no_frame_is_lost_while",
        undecided=("signal.correlation", "bandwidth.frame_loss"),
    ),
    "corrupts a byte now and then": Bad(
        code=STREAM.format(
            "if data[0] % 20 == 7:\n"
            "        data = bytearray(data)\n"
            "        data[19] ^= 0x20\n"
            "    _stream(self, data)"
        ),
        select="equals_the_input",
        undecided=("signal.correlation",),
    ),
    "swaps two channels": Bad(
        code="import board_config\n"
        "board_config.CHANNELS = (board_config.CHANNELS[1], board_config.CHANNELS[0])"
        " + board_config.CHANNELS[2:]\n",
        select="equals_the_input",
        undecided=("signal.correlation",),
    ),
    "sends STANDBY while data are read continuously": Bad(
        code="from eeg.drivers.ads129x import Ads129x\n"
        "_sleep = Ads129x.sleep\n"
        "def sleep(self):\n"
        "    self._start(0)\n"
        "    self._cs(1)\n"
        "    self._command(0x04)\n"
        "    _sleep(self)\n"
        "Ads129x.sleep = sleep\n",
        select="no_frame_is_lost_while",
        fails=("afe.rules_broken",),
    ),
    "takes seconds to boot": Bad(
        code="from time import sleep\nsleep(3)\n",
        select="soon_be_found",
        fails=("boot.time",),
    ),
}


@pytest.mark.timeout(600)
def test_the_good_firmware_passes_every_selection_used_here(tmp_path):
    select = " or ".join(f"({bad.select})" for bad in BAD.values())
    results = passed(select, tmp_path, "headband8")
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in (*bad.fails, *bad.undecided)}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_firmware_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)
