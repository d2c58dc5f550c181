"""What a user does with a board of the exact mode, with a stock binary: opt-in."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ....firmwares import patched_firmware
from .conftest import KIND, NAME, VARIABLE, Desk, Terminal

HARD, POWER_ON, WATCHDOG, DEEPSLEEP, SOFT = 2, 1, 3, 4, 0  # ports/stm32/modmachine.c


# ---- the device server


def test_status_tells_mode_and_runtime(desk: Desk) -> None:
    status = desk.status(NAME)
    assert status["mode"] == "exact"
    assert Path(status["micropython"]) == Path(os.environ[VARIABLE]).absolute()
    assert status["failures"] == 0
    assert f"exact, {Path(os.environ[VARIABLE]).name}" in desk.virtual("status")


# ---- the prompt


def test_keys_of_the_prompt(terminal: Terminal) -> None:
    assert terminal.ask("6*7") == "42"
    terminal.send(b"while True: pass\r\r")
    time.sleep(0.3)
    terminal.send(b"\x03")
    assert b"KeyboardInterrupt" in terminal.until(b"\r\n>>> ")
    terminal.send(b"\x01")
    terminal.until(b"raw REPL; CTRL-B to exit\r\n>")
    terminal.send(b"print(1+1)\x04")
    terminal.until(b"OK2\r\n\x04\x04>")
    terminal.send(b"\x02")
    terminal.until(b">>> ")
    terminal.send(b"\x04")
    terminal.until(b"soft reboot")
    assert terminal.reset_cause() == SOFT


def test_mpremote_works_with_files(desk: Desk, tmp_path: Path) -> None:
    # A page is erased while more arrives: the port takes interrupts from RAM meanwhile.
    data, back = os.urandom(6000), tmp_path / "back"
    (tmp_path / "data").write_bytes(data)
    desk.mpremote("mkdir", ":/a/d", "+", "cp", tmp_path / "data", ":/a/d/data")
    desk.mpremote("cp", ":/a/d/data", back)
    assert back.read_bytes() == data
    assert "6000 data" in desk.mpremote("ls", ":/a/d")
    assert "/a" in desk.mpremote("df")
    desk.mpremote("rm", ":/a/d/data", "+", "rmdir", ":/a/d")
    assert "import" in desk.mpremote("cat", ":/flash/boot.py")


def test_mpremote_runs_things(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "there.py").write_text("X = 42\nprint('ran')\n")
    assert desk.mpremote("run", tmp_path / "there.py").split() == ["ran"]
    assert desk.mpremote("eval", "2**40").split() == [str(2**40)]
    assert "42" in desk.mpremote("mount", tmp_path, "exec", "import there; print(there.X)")
    desk.mpremote("soft-reset")
    assert desk.mpremote("resume", "exec", "print(1)").split() == ["1"]


# ---- resets and what is told of them


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("machine.reset()", HARD),  # the pin is pulled down from inside, too
        ("machine.WDT(timeout=300)", WATCHDOG),
        ("machine.deepsleep(500)", DEEPSLEEP),
    ],
)
def test_the_firmware_resets(terminal: Terminal, statement: str, cause: int) -> None:
    terminal.send(f"import machine; {statement}\r".encode())
    assert terminal.reset_cause() == cause


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [(["reset", NAME], HARD), (["reset", NAME, "--soft"], SOFT), (["fault", NAME, "brown-out"], 1)],
)
def test_the_user_resets(desk: Desk, terminal: Terminal, arguments: list[str], cause: int) -> None:
    desk.virtual(*arguments)
    assert terminal.reset_cause() == cause


def test_power_that_goes_and_comes(desk: Desk, terminal: Terminal) -> None:
    desk.fault("power-off")
    assert desk.status(NAME)["state"] == "no power"
    desk.fault("power-on")
    assert terminal.reset_cause() == POWER_ON


def test_safe_mode_runs_no_file(desk: Desk, terminal: Terminal) -> None:
    desk.virtual("reset", NAME, "--safe")
    assert b" image " not in terminal.until(b">>> ")
    assert terminal.ask("import os; 'main.py' in os.listdir('/flash')") == "True"


def test_a_hang_ends_with_a_reset_or_a_bite(desk: Desk, terminal: Terminal) -> None:
    desk.fault("hang")
    desk.virtual("reset", NAME)
    assert terminal.reset_cause() == HARD
    terminal.ask("w = machine.WDT(timeout=10000)")  # longer than a command takes to begin
    desk.fault("hang")
    assert terminal.reset_cause() == WATCHDOG


def test_power_that_goes_in_a_page(desk: Desk, terminal: Terminal) -> None:
    # The last page, in the slot that is not used: the port writes whole pages, and loses them so.
    terminal.ask("import pyb; f = pyb.Flash(start=0x3F000, len=0x1000)")
    desk.fault("brown-out", "--after-words", 100)
    terminal.send(b"f.writeblocks(0, bytes(4096)); f.ioctl(3, 0)\r")
    assert terminal.reset_cause() == POWER_ON
    assert desk.status(NAME)["failures"] == 0


# ---- time, sleep, chance


def test_light_sleep_takes_its_time_and_ticks_stand(terminal: Terminal) -> None:
    terminal.ask("import machine, time; r = machine.RTC()")
    terminal.ask("r.datetime((2026, 11, 30, 1, 12, 0, 0, 0))")
    terminal.ask("a = time.ticks_ms(); machine.lightsleep(500); b = time.ticks_ms() - a")
    seconds, counts = eval(terminal.ask("r.datetime()[6:]"))
    assert 0.5 <= seconds + counts / 1e6 < 5  # the port counts microseconds here
    assert int(terminal.ask("b")) < 50
    assert terminal.ask("machine.freq()[0]") == "64000000"


def test_other_clocks_and_random_numbers(terminal: Terminal) -> None:
    terminal.ask("import machine, os, time")
    assert terminal.ask("machine.freq(16000000); machine.freq()[0]") == "16000000"
    assert terminal.ask("a = time.ticks_ms(); time.sleep_ms(200); time.ticks_ms() - a") in (
        "200",
        "201",
    )
    first, second = eval(terminal.ask("os.urandom(8), os.urandom(8)"))
    assert first != second


# ---- eegrig's own tools


def test_a_board_that_runs_is_flashed(desk: Desk) -> None:
    done = desk.eegrig("flash", KIND, "--probe", desk.radio, "--console", desk.console)
    assert done.returncode == 0, done.stderr
    assert "runs eegrig" in done.stdout


def test_it_is_halted_stepped_and_let_go(desk: Desk, terminal: Terminal) -> None:
    done = desk.run(
        "pyocd", "commander", "-u", desk.radio, "-c", "halt", "-c", "step", "-c", "reg pc"
    )
    assert done.returncode == 0, done.stderr
    assert desk.status(NAME)["state"] == "held by a debugger"
    assert desk.run("pyocd", "commander", "-u", desk.radio, "-c", "go").returncode == 0
    assert terminal.ask("6*7") == "42"


def test_it_is_recorded_and_measured(desk: Desk, tmp_path: Path) -> None:
    done = desk.eegrig(
        "record", KIND, "--radio", desk.radio, "--seconds", 3, "--output", tmp_path / "r.bdf"
    )
    assert done.returncode == 0, done.stderr
    assert "none lost" in done.stdout
    done = desk.eegrig("impedance", KIND, "--radio", desk.radio, "--json")
    assert done.returncode == 0, done.stderr


def test_a_front_end_that_is_lost_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.fault("afe-lost")
    done = desk.eegrig(
        "record", KIND, "--radio", desk.radio, "--seconds", 3, "--output", tmp_path / "r.bdf"
    )
    desk.fault("afe-back")
    assert done.returncode == 1
    assert "front end" in done.stderr


def test_an_update_goes_over_the_air_and_a_broken_one_goes_back(desk: Desk, tmp_path: Path) -> None:
    good = patched_firmware(tmp_path / "good", ("eeg/app.py", "_POLL_MS = 50", "_POLL_MS = 49"))
    crash = ("            self.attend()", "            self.attend()\n            1 // 0")
    bad = patched_firmware(tmp_path / "bad", ("eeg/app.py", *crash))
    command = ("update", KIND, "--radio", desk.radio, "--json", "--firmware")
    done = desk.eegrig(*command, good)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sent_bytes"] > 0
    done = desk.eegrig(*command, bad)
    assert done.returncode == 1
    assert "went back to" in json.loads(done.stdout)["error"]
