"""Boards that fall silent in a run of the suites: it ends, soon, and says why in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from eegrig.boards.errors import BoardFault, BoardGone, EegrigError, InfrastructureError
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual.bench import VirtualBench

from .firmwares import patched_firmware

LIMIT_S = 60.0
STREAM = """
from eeg import gatt
_stream = gatt.GattServer.stream
gatt.GattServer.stream = lambda self, data: _stream(self, {0})
"""


@dataclass
class Run:
    """A run of a part of the suites with a fault in it.

    Attributes
    ----------
    fault_s : float
        When the board broke, on the bench's clock.
    ended_s : float
        What that showed at the end.
    error : EegrigError or None
        What ended the run.
    said : str
        On standard error.
    """

    fault_s: float
    ended_s: float
    error: EegrigError | None
    said: str

    def __post_init__(self) -> None:
        assert "\n" not in str(self.error)
        assert self.ended_s - self.fault_s < LIMIT_S, self.error


Running = Callable[..., Run]


@pytest.fixture
def running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Running:
    benches: list[VirtualBench] = []
    enter = VirtualBench.__enter__

    def run(
        select: str,
        fault: Callable[[VirtualBench], None] | None = None,
        at_s: float = 0.0,
        *,
        main: str = "",
        seconds: float = 5.0,
    ) -> Run:
        def broken(self: VirtualBench) -> VirtualBench:
            benches.append(self)
            if fault is not None:
                self.loop.call_later(at_s, fault, self)
            return enter(self)

        monkeypatch.setattr(VirtualBench, "__enter__", broken)
        firmware = patched_firmware(tmp_path, ("main.py", "app.run()", main)) if main else None
        request = RunRequest(
            board="hairclip1",
            out=tmp_path / "out",
            select=select,
            seconds=seconds,
            firmware_dir=firmware,
        )
        error: EegrigError | None = None
        try:
            run_suites(request)
        except EegrigError as caught:
            error = caught
        return Run(at_s, benches[-1].loop.time(), error, capsys.readouterr().err)

    return run


def power_goes(virtual: VirtualBench) -> None:
    virtual.board.supply.off()


def radio_goes(virtual: VirtualBench) -> None:
    virtual.board.set_reachable(False)


def firmware_hangs(virtual: VirtualBench) -> None:
    virtual.board.hang()


GONE = {
    "on its console, too, after a reset": power_goes,
    "after a reset its console works, but not its radio": radio_goes,
}


# ---- gone for good


@pytest.mark.parametrize("how", GONE)
def test_a_run_ends_at_the_first_test_whose_board_is_gone(running: Running, how: str) -> None:
    found = running("connected_and_idle or sleeping or impedance", GONE[how], 8.0)
    assert isinstance(found.error, BoardGone)
    assert found.error.exit_code == 3
    assert re.match(r"the link to .* broke, .*; since then it is silent, ", str(found.error))
    assert how in str(found.error)
    # No later test had its turn, and waited.
    assert found.said.count("FAIL") == 1


@pytest.mark.parametrize("at_s", [2.5, 4.0, 8.0])
@pytest.mark.parametrize("fault", [power_goes, radio_goes])
def test_a_board_that_is_lost_while_it_is_recorded_ends_the_run(
    running: Running, fault: Callable[[VirtualBench], None], at_s: float
) -> None:
    found = running("equals_the_input", fault, at_s, seconds=300.0)
    assert isinstance(found.error, BoardFault | InfrastructureError)


# ---- lost, and there again


def test_a_board_that_hangs_fails_its_test_and_is_reset_for_those_after_it(
    running: Running,
) -> None:
    found = running("connected_and_idle or impedance", firmware_hangs, 12.0)
    assert found.error is None
    assert "FAIL power: connected and idle" in found.said
    assert "did not answer PING" in found.said
    assert "ok   impedance" in found.said


@pytest.mark.parametrize("at_s", [2.5, 4.0, 8.0])
def test_a_board_that_hangs_while_it_is_recorded_fails_what_reads_that(
    running: Running, at_s: float, tmp_path: Path
) -> None:
    found = running("equals_the_input", firmware_hangs, at_s, seconds=300.0)
    assert found.error is None
    results = Results.load(tmp_path / "out")
    assert results.exit_code == 1
    assert [test.verdict for test in results.tests] == ["fail"]


def test_a_board_without_power_is_not_taken_for_one_that_saves_some(running: Running) -> None:
    found = running("test_advertising", power_goes, 3.0)
    assert isinstance(found.error, BoardGone)
    assert "did not advertise within 10 s" in str(found.error)


# ---- wrong from the beginning


@pytest.mark.parametrize(
    ("main", "says"),
    [
        ("while True:\n    print('rubbish')\n", "said 'rubbish; rubbish; rubbish'"),
        ("while True:\n    pass\n", "said nothing of one|nothing heard on the console"),
        ("raise SystemExit\n", "said nothing of one|nothing heard on the console"),
        ("1 / 0\n", "the firmware fails to boot: ZeroDivisionError"),
    ],
)
def test_firmware_that_does_not_come_up(running: Running, main: str, says: str) -> None:
    found = running("equals_the_input", main=main)
    assert re.search(says, str(found.error)), found.error


def test_packet_numbers_that_repeat_are_not_waited_for(running: Running, tmp_path: Path) -> None:
    code = STREAM.format("b'\\0\\0' + bytes(data[2:])") + "app.run()"
    found = running("equals_the_input", main=code, seconds=120.0)
    assert found.error is None
    (test,) = Results.load(tmp_path / "out").tests
    assert test.verdict == "fail"
    assert "no new frames for 10 s" in test.reason
    assert "its firmware counts wrong" in test.reason


def test_a_supply_that_fails_while_flashing_ends_the_run(running: Running) -> None:
    def soon(virtual: VirtualBench) -> None:
        virtual.board.chip.faults.lose_power_after(200)

    enter = VirtualBench.__init__
    with pytest.MonkeyPatch.context() as patch:

        def made(self: VirtualBench, *arguments: object, **options: object) -> None:
            enter(self, *arguments, **options)  # type: ignore[arg-type]
            soon(self)

        patch.setattr(VirtualBench, "__init__", made)
        found = running("programmed_and_reads_back")
    assert isinstance(found.error, EegrigError)
