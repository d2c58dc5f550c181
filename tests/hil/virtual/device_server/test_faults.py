"""What can be broken from the command line, and that it breaks the board that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
import serial

from eegrig.boards.errors import ConfigError
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.hil.virtual.device_server.faults import FAULTS, apply
from eegrig.hil.virtual.micropython.interpreter import ResetCause

from ...firmwares import console_text, flashed_bench, patched_firmware


def test_the_list_names_every_fault_with_what_it_needs(server):
    listed = json.loads(server.virtual("fault", "--list", "--json"))
    assert [entry["fault"] for entry in listed] == list(FAULTS)
    told = server.virtual("fault", "--list")
    assert "electrode CH OHM" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-fault"],
        ["lead-off"],
        ["lead-off", "nowhere"],
        ["electrode", "Fp1", "-5"],
        ["electrode", "Fp1", "much"],
        ["packet-errors", "2"],
        ["power-off", "now"],
        ["power-off", "--after-words", "5"],
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_a_line(server, arguments):
    done = server.eegrig("virtual", "fault", "headband8", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert server.status("headband8")["failures"] == 0


def test_without_power_a_board_is_dead_and_with_it_boots(server, wait):
    server.virtual("fault", "second", "power-off")
    assert server.status("second")["state"] == "no power"
    assert server.status("headband8")["state"] == "running"
    done = server.eegrig("virtual", "reset", "second")
    assert done.returncode == 3
    assert "power-on" in done.stderr
    assert server.run("pyocd", "reset", "-u", "virtual:second").returncode != 0
    server.virtual("fault", "second", "power-on")
    wait(lambda: server.status("second")["state"] == "running")


@pytest.mark.parametrize("how", [["fault", "second", "brown-out"], ["reset", "second"]])
def test_the_firmware_starts_anew(server, wait, how):
    with serial.Serial(server.status("second")["console"], timeout=0) as console:
        console.reset_input_buffer()
        heard = b""

        def banner() -> bool:
            nonlocal heard
            heard += console.read(4096)
            return b"eegrig" in heard

        server.virtual(*how)
        wait(banner)
    assert server.status("second")["failures"] == 0


WRITES = (
    "main.py",
    "app.run()",
    """print("started")
with open("/flash/torn", "w") as file:
    file.write("x" * 3000)
print("written")
app.run()
""",
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[VirtualBench]:
    firmware = patched_firmware(tmp_path_factory.mktemp("firmware"), WRITES)
    with flashed_bench(firmware) as (virtual, _):
        yield virtual


def test_power_may_go_in_the_middle_of_the_firmwares_own_write(bench, monkeypatch):
    board = bench.board
    causes: list[int] = []
    start = board.interpreter.start

    def noted(peripherals, cpu, cause, **options) -> None:
        causes.append(cause)
        start(peripherals, cpu, cause, **options)

    monkeypatch.setattr(board.interpreter, "start", noted)
    before = len(console_text(bench))
    apply(board, bench.air, "brown-out", [], after_words=100)
    board.reset()
    bench.bench.run(asyncio.sleep(2))
    told = console_text(bench)[before:]
    # It does not get to the end of its write, and starts as after power came.
    lines = [line for line in told.split("\n") if line in ("started", "written")]
    assert lines == ["started", "started", "written"]
    assert causes == [ResetCause.HARD, ResetCause.POWER_ON]
    assert board.interpreter.running_main


def test_a_firmware_that_hangs_does_nothing_until_it_is_reset(bench):
    board = bench.board
    apply(board, bench.air, "hang", [])
    requests = board.interpreter.requests
    bench.bench.run(asyncio.sleep(5))
    assert board.interpreter.requests - requests <= 1
    before = len(console_text(bench))
    board.reset()
    bench.bench.run(asyncio.sleep(1))
    assert "written" in console_text(bench)[before:]


def test_the_other_faults_reach_the_models(bench):
    board, air = bench.board, bench.air
    apply(board, air, "packet-errors", ["0.25"])
    assert air.packet_error_rate == 0.25
    apply(board, air, "packet-errors", ["0"])
    assert air.packet_error_rate == 0
    for name in ("electrode", "lead-off", "lead-on", "afe-lost", "afe-back"):
        apply(board, air, name, ["Fp1", "1e5"][: len(FAULTS[name].arguments.split())])
    for name, arguments in (("lead-off", ["Fp1"]), ("brown-out", [])):
        with pytest.raises(ConfigError):
            apply(board, air, name, arguments, after_words=-1)
