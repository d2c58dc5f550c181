"""The drivers against the data sheets: what they do to a front end's lines breaks no rule.

A driver runs on MicroPython, which notes what it does to its lines; the notes are then played to
the model of the part. Nothing but its own waits takes time: no rule is kept by slow Python.
"""

from __future__ import annotations

from typing import Any

import pytest

from eegrig.boards import load_board
from eegrig.hil.virtual.afe.maps import register_map
from eegrig.hil.virtual.afe.rules import Rule
from tests.hil.virtual.afe.conftest import FakeClock, Rig
from tests.hil.virtual.afe.test_adpd4101 import Chip as OpticalChip

NORMAL, SQUARE, SHORTED = 0, 1, 2
GAIN = {"ads1299": 24, "ads1298": 12, "ads1292r": 12}
CHANNELS = {
    "ads1299": tuple(load_board("headband8").afe.channels),
    "ads1298": tuple(load_board("headphone8").afe.channels),
    "ads1292r": ("P9", "EMG1"),
}
SLOWEST, FASTEST = -0.025, 0.025  # oscillators over temperature (SBAS499C 7.5)


class Bench(Rig):
    """A part at the instant it gets its supply, and a driver's lines."""

    def __init__(self, part: str, spi_hz: float, oscillator_error: float) -> None:
        self.part, self.channels = part, CHANNELS[part]
        self.frame_bytes = register_map(part).frame_bytes
        self.spi_hz = spi_hz
        super().__init__(powered_s=0.0, oscillator_error=oscillator_error)

    def play(self, log: list[tuple[str, Any]]) -> None:
        afe = self.afe
        drive = {
            "cs": afe.set_cs,
            "start": afe.set_start,
            "reset": afe.set_reset,
            "pwdn": afe.set_pwdn,
        }
        for what, value in log:
            if what == "spi":
                self.clock_out(value)
            elif what == "wait_us":
                self.clock.run_until(self.clock.time_ns + 1000 * value)
            else:
                drive[what](value)

    def clock_out(self, data: bytes) -> None:
        self.afe.transfer(data, sck_hz=self.spi_hz)
        self.clock.run_until(self.clock.time_ns + 8e9 * len(data) / self.spi_hz)

    def stream(self, count: int) -> None:
        """Read frames as soon as they are there; return at the last bit."""
        for _ in range(count):
            due_ns = self.afe.next_drdy_ns()
            assert due_ns is not None
            self.clock.run_until(due_ns)
            self.clock_out(bytes(self.frame_bytes))


def cycle(part: str, rate: int = 250, signal: int = NORMAL, driven: int = 0) -> list[tuple]:
    return [("wake",), ("configure", rate, GAIN[part], signal, driven), ("start",), ("stop",)]


LIVES = {
    "boots": lambda part: [("wake",), ("sleep",)],
    "streams": lambda part: [("wake",), ("sleep",), *cycle(part)],
    "streams at several rates": lambda part: [*cycle(part), *cycle(part, 500), *cycle(part, 1000)],
    "shows the test signal": lambda part: [*cycle(part, signal=SQUARE), *cycle(part)],
    "shorts its inputs": lambda part: [*cycle(part, signal=SHORTED), *cycle(part)],
    "measures impedances": lambda part: [*cycle(part, driven=0b11), *cycle(part)],
    "is stopped before it starts": lambda part: [*cycle(part)[:2], ("sleep",), *cycle(part)],
    "is told twice to sleep": lambda part: [*cycle(part), ("sleep",), ("sleep",), *cycle(part)],
    "restarts while it streams": lambda part: [*cycle(part)[:3], ("reboot",), *cycle(part)],
    "restarts asleep": lambda part: [*cycle(part), ("reboot",), *cycle(part)],
}


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("has_pwdn", [True, False], ids=["pwdn", "no pwdn"])
@pytest.mark.parametrize("oscillator_error", [SLOWEST, FASTEST])
@pytest.mark.parametrize(
    ("part", "spi_hz"),
    [("ads1299", 4e6), ("ads1299", 15e6), ("ads1298", 2e6), ("ads1298", 4e6), ("ads1292r", 1e6)],
)
def test_a_driver_breaks_no_rule(micropython, part, spi_hz, oscillator_error, has_pwdn, life):
    calls = LIVES[life](part)
    bench = Bench(part, spi_hz, oscillator_error)
    identity = register_map(part).reset[0]
    logs = micropython("lines_of(*{})", (part, identity, int(spi_hz), has_pwdn, calls))
    for (call, *_), log in zip(calls, logs, strict=True):
        bench.play(log)
        if call == "start":
            bench.stream(3)
        elif call == "reboot":
            bench.afe.release()
        elif call in ("stop", "sleep"):
            goes_down = has_pwdn or part == "ads1292r"  # its reset is its power-down
            assert bench.states[-1][1].mode == ("power_down" if goes_down else "standby")
    assert {rule.name: count for rule, count in bench.afe.rules_broken.items()} == {}


def test_standby_in_the_middle_of_continuous_reading_is_ignored_and_counted(micropython):
    """What drivers without the power-down line did: the part stayed on."""
    calls = cycle("ads1299")
    bench = Bench("ads1299", 4e6, 0.0)
    logs = micropython("lines_of(*{})", ("ads1299", 0x3E, 4_000_000, False, calls[:3]))
    for log in logs:
        bench.play(log)
    bench.stream(3)
    wait = ("wait_us", 10)
    bench.play([("start", 0), wait, ("cs", 1), wait, ("cs", 0), ("spi", b"\x04"), wait, ("cs", 1)])
    assert bench.afe.rules_broken == {Rule.RDATAC_SDATAC_FIRST: 1}
    assert bench.states[-1][1].mode == "on"


def test_the_optical_driver_breaks_no_rule(micropython):
    settings = (2, 2, 25_000, 100_000, 32, 2, 100_000)
    calls = ["wake", "wake", "start", "stop", "wake", "start", "wake", "start", "stop"]
    chip = OpticalChip(FakeClock())
    for register, data in micropython("optical_writes(*{})", (calls, *settings)):
        chip.put(register, int.from_bytes(data, "big"))
        chip.clock.advance(0.1)
    assert chip.chip.rules_broken == {}
    assert chip.load.running[-1][1] is False
