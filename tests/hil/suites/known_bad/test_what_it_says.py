"""The tester is tested: boards that say one thing and do another, now and then or in one mode."""

from __future__ import annotations

import pytest

from .bad import STREAM, Bad, caught, passed

COUNTED = "_count = [0]" + STREAM.format("_count[0] += 1\n    {0}")
"""A stream whose packets are counted over all streams."""
COMMANDS = "from eeg import codes, commands\n"

MINUTE = "no_packet_of_a_minute"
MODES = "protocol_says_in_every_mode"
TOLD = "tells_about_itself"
ANSWERS = "every_command_is_answered"
SIGNAL = "own_signal_has_its_amplitude"

BAD = {
    "drops a packet in a thousand": Bad(
        MINUTE,
        fails=("bandwidth.frame_loss_minute",),
        says="packets do not arrive: 8 of",
        code=COUNTED.format("_count[0] % 1000 == 500 or _stream(self, data)"),
    ),
    "sends a packet in a thousand 20 ms late": Bad(
        MINUTE,
        fails=("latency.late_packets",),
        says="packets come late",
        code="from time import sleep_ms\n"
        + COUNTED.format("_count[0] % 1000 == 500 and sleep_ms(20)\n    _stream(self, data)"),
    ),
    "wraps its sequence at a thousand": Bad(
        MINUTE,
        undecided=("bandwidth.frame_loss_minute",),
        says="its firmware counts wrong",
        code="from struct import pack_into, unpack_from\n"
        + STREAM.format(
            "data = bytearray(data)\n"
            "    pack_into('<H', data, 0, unpack_from('<H', data)[0] % 1000)\n"
            "    _stream(self, data)"
        ),
    ),
    "restarts every minute": Bad(
        MINUTE,
        undecided=("bandwidth.frame_loss_minute", "latency.late_packets"),
        says="it restarted by itself",
        code="import machine\n"
        + COUNTED.format("_count[0] > 6000 and machine.reset()\n    _stream(self, data)"),
    ),
    "has a clock that is 100 ppm fast": Bad(
        "clock_of_the_board_is_right",
        fails=("clock.drift",),
        code="from struct import pack_into, unpack_from\n"
        + STREAM.format(
            "data = bytearray(data)\n"
            "    us = unpack_from('<I', data, 8)[0]\n"
            "    pack_into('<I', data, 8, (us + us // 10000) & 0x3FFFFFFF)\n"
            "    _stream(self, data)"
        ),
    ),
    "sends some packets twice": Bad(
        MODES,
        fails=("modes.protocol_errors",),
        says="packets arrive twice",
        code=STREAM.format("data[0] % 16 == 3 and _stream(self, data)\n    _stream(self, data)"),
    ),
    "forgets the flag of the low-latency profile": Bad(
        MODES,
        fails=("modes.protocol_errors",),
        says="flags 0x",
        code=STREAM.format("data = bytearray(data)\n    data[3] &= ~4\n    _stream(self, data)"),
    ),
    "corrupts a byte in ten thousand": Bad(
        MODES,
        fails=("modes.protocol_errors",),
        says="samples are not those of the pattern",
        code="_bytes = [0]"
        + STREAM.format(
            "_bytes[0] += len(data)\n"
            "    if _bytes[0] > 10000:\n"
            "        _bytes[0] = 0\n"
            "        data = bytearray(data)\n"
            "        data[-20] ^= 1\n"
            "    _stream(self, data)"
        ),
    ),
    "loses every tenth packet at the highest rate": Bad(
        MODES,
        fails=("modes.frame_loss", "modes.protocol_errors"),
        says="frames lost (500 SPS",
        code="import board_config\n"
        "from eeg import streams\n"
        "_rate = [0]\n"
        "_start = streams.Electrodes.start\n"
        "def start(self, run):\n"
        "    _rate[0] = self.rate\n"
        "    _start(self, run)\n"
        "streams.Electrodes.start = start\n"
        + STREAM.format(
            "_rate[0] == max(board_config.RATES) and data[0] % 10 == 5 or _stream(self, data)"
        ),
    ),
    "says that it stopped, and goes on": Bad(
        MODES,
        fails=("modes.unasked",),
        says="packets came while no stream was asked for",
        code=COMMANDS
        + "commands.TABLE[codes.STOP] = (0, 0x7F, lambda board, data: (codes.OK, 0))\n",
    ),
    "fills its packets by half": Bad(
        MODES,
        fails=("modes.protocol_errors",),
        says="frames where 9 are full",
        code="from eeg import packet\n"
        "_fit = packet.frames_that_fit\n"
        "packet.frames_that_fit = lambda payload, size: max(1, _fit(payload, size) // 2)\n",
    ),
    "sends one sample for ever": Bad(
        SIGNAL,
        fails=("modes.stuck_channels",),
        says="does not move at all",
        code=STREAM.format(
            "if data[2] == 0 and not data[3] & 2:\n"
            "        data = bytearray(data)\n"
            "        for at in range(16, len(data)):\n"
            "            data[at] = 0\n"
            "    _stream(self, data)"
        ),
    ),
    "has another gain after a change of rate": Bad(
        SIGNAL,
        fails=("modes.test_signal_error",),
        says="500 SPS",
        code="from eeg.drivers.ads129x import Ads129x\n"
        "_configure = Ads129x.configure\n"
        "def configure(self, rate, gain, *rest):\n"
        "    _configure(self, rate, gain if rate == 250 else gain // 2, *rest)\n"
        "Ads129x.configure = configure\n",
    ),
    "tells a delay that is not its filter's": Bad(
        TOLD,
        fails=("told.wrong",),
        says="group delay: tells 1 ms",
        code="from eeg import streams\nstreams.Electrodes.delay_us = lambda self: 1000\n",
    ),
    "tells another model": Bad(
        TOLD,
        fails=("told.wrong",),
        says="is headband8",
        code="import board_config\nboard_config.NAME = 'headphone8'\n",
    ),
    "tells a rate that it left": Bad(
        MODES,
        fails=("modes.protocol_errors",),
        says="accepted SET_RATE 500 but says it samples at 250 SPS",
        code=COMMANDS + "def _set_rate(board, data):\n"
        "    told = board.publish\n"
        "    board.publish = lambda: None\n"
        "    result = _rate(board, data)\n"
        "    board.publish = told\n"
        "    return result\n"
        "_size, _phases, _rate = commands.TABLE[codes.SET_RATE]\n"
        "commands.TABLE[codes.SET_RATE] = (_size, _phases, _set_rate)\n",
    ),
    "lets the rate be set in mid-stream": Bad(
        ANSWERS,
        fails=("control.wrong_answers",),
        says="SET_RATE while streaming: answers OK, not BUSY",
        code=COMMANDS + "_size, _phases, _rate = commands.TABLE[codes.SET_RATE]\n"
        "commands.TABLE[codes.SET_RATE] = (_size, 0x7F, _rate)\n",
    ),
    "answers with another tag": Bad(
        ANSWERS,
        fails=("control.wrong_answers",),
        says="has another tag or opcode",
        code=COMMANDS + "_answer = commands.answer\n"
        "commands.answer = lambda board, opcode, tag, status, detail: "
        "_answer(board, opcode, tag + 1 & 0xFF, status, detail)\n",
    ),
    "takes commands of any length": Bad(
        ANSWERS,
        fails=("control.wrong_answers",),
        says="not BAD_LENGTH",
        patches=(("eeg/commands.py", "elif len(data) != size + 2:", "elif len(data) < size + 2:"),),
    ),
    "has a clock that stands still": Bad(
        ANSWERS,
        fails=("control.wrong_answers",),
        says="PING tells that 0.000 s passed",
        code=COMMANDS
        + "commands.TABLE[codes.PING] = (0, 0x7F, lambda board, data: (codes.OK, 4711))\n",
    ),
    "has a battery level that never moves": Bad(
        "battery_level_follows",
        fails=("battery.level_error",),
        says="tells 77%",
        code="from eeg import power\npower.percent = lambda millivolts: 77\n",
    ),
    "tells nobody that its battery is empty": Bad(
        "battery_level_follows",
        fails=("battery.low_events",),
        says="told 0 times",
        code="from eeg import power\npower.Battery.is_newly_low = lambda self, percent: False\n",
    ),
    "advertises ten times as often": Bad(
        "advertises_as_often",
        fails=("air.advertising_error",),
        says="after a reset",
        code="import board_config\nboard_config.ADV_INTERVAL_US //= 10\n",
    ),
    "leaves its front end on after an impedance measurement": Bad(
        "costs_the_same_whatever",
        fails=("power.state_excess",),
        says="after a connection that streamed",
        code="from eeg.drivers.ads129x import Ads129x\n"
        "_driven = [0]\n"
        "_configure, _sleep = Ads129x.configure, Ads129x.sleep\n"
        "def configure(self, rate, gain, signal, driven):\n"
        "    _driven[0] = driven\n"
        "    _configure(self, rate, gain, signal, driven)\n"
        "Ads129x.configure = configure\n"
        "Ads129x.sleep = lambda self: _driven[0] or _sleep(self)\n",
    ),
    "tells of no loss": Bad(
        "link_does_not_carry",
        fails=("bandwidth.silent_losses",),
        says="losses that no flag tells",
        code=STREAM.format("data = bytearray(data)\n    data[3] &= ~1\n    _stream(self, data)"),
    ),
    "leaks 200 uA": Bad(
        "test_sleeping",
        fails=("power.sleep",),
        hardware=lambda virtual: virtual.bench.faults.leak(200e-6),
    ),
}


@pytest.mark.timeout(600)
def test_the_good_board_passes_every_selection_used_here(tmp_path):
    select = " or ".join(sorted({f"({bad.select})" for bad in BAD.values()}))
    results = passed(select, tmp_path, "headband8")
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in (*bad.fails, *bad.undecided)}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_board_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)
