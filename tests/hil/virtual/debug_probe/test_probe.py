"""pyOCD, unchanged, works on a virtual board: as a library's plugin and from its command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from intelhex import IntelHex

from eegrig.boards import load_board
from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.chip import open_chip
from eegrig.hil.virtual.chip.nrf52840 import Nrf52840
from eegrig.hil.virtual.chip.stm32wb55 import Stm32wb55
from eegrig.hil.virtual.debug_probe import probe

UID = "virtual:headband8"


def pyocd(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("pyocd")), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    return registry.state_directory("headband8")


def contents(state: Path) -> bytes:
    return (state / "flash.bin").read_bytes()


# ---- which probes there are


def test_the_reference_board_has_a_probe_and_listing_makes_nothing(state):
    assert "headband8" in [target.name for target in probe.available()]
    listed = pyocd("list")
    assert listed.returncode == 0
    assert UID in listed.stdout
    assert "nrf52840" in listed.stdout
    assert not state.exists()


def test_a_probe_is_found_with_and_without_its_prefix():
    assert probe.find(UID) == probe.find("headband8")
    assert probe.find("headband") is None


def test_an_attached_chip_is_what_its_probe_opens_and_it_stays_powered():
    chip = Nrf52840()
    probe.attach("virtual:bench-a", chip)
    target = probe.find("bench-a")
    assert target is not None
    assert target.open() is chip
    chip.bus.write(0x2000_0000, 4, 0x1234)
    target.release(chip)
    assert target.open().bus.read(0x2000_0000, 4) == 0x1234
    probe.detach("bench-a")
    assert probe.find("bench-a") is None


def test_opening_a_probe_again_powers_a_board_that_lost_its_supply():
    chip = Nrf52840()
    resets = []
    chip.on_reset.append(lambda: resets.append(1))
    probe.attach("bench-b", chip)
    chip.faults.power_lost = True
    target = probe.find("bench-b")
    assert target is not None
    target.open()
    assert resets == [1]
    assert not chip.faults.power_lost
    probe.detach("bench-b")


@pytest.mark.parametrize("variable", ["EEGRIG_STATE", "XDG_STATE_HOME"])
def test_the_state_directory_follows_the_environment(monkeypatch, tmp_path, variable):
    monkeypatch.delenv("EEGRIG_STATE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert registry.state_directory("x") == tmp_path / "eegrig" / "virtual" / "x"


def test_without_the_environment_the_state_is_in_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("EEGRIG_STATE", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert registry.state_directory("x") == tmp_path / ".local/state/eegrig/virtual/x"


def test_importing_the_module_needs_neither_pyocd_nor_unicorn():
    code = (
        "import sys, eegrig.hil.virtual.debug_probe.probe\n"
        "print([name for name in ('pyocd', 'unicorn', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plugin_hides_where_it_is_not_wanted_or_cannot_work(monkeypatch):
    plugin = probe.VirtualProbePlugin()
    monkeypatch.delenv("EEGRIG_VIRTUAL", raising=False)
    assert plugin.should_load()
    monkeypatch.setenv("EEGRIG_VIRTUAL", "0")
    assert not plugin.should_load()
    monkeypatch.delenv("EEGRIG_VIRTUAL")
    monkeypatch.setattr("eegrig.hil.virtual.debug_probe.pyocd_plugin.find_spec", lambda name: None)
    assert not plugin.should_load()


def test_pyocd_lists_no_virtual_probe_when_told_so(state):
    assert "virtual" not in pyocd("list", EEGRIG_VIRTUAL="0").stdout


# ---- pyOCD's command line


@pytest.mark.parametrize(("board", "start"), [("headband8", 0), ("headphone8", 0x0800_0000)])
def test_flash_then_reset_then_read_then_erase(tmp_path, monkeypatch, board, start):
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    state = registry.state_directory(board)
    uid, target = f"virtual:{board}", load_board(board).mcu.pyocd_target
    data = bytes(range(256)) * 64
    image = tmp_path / "image.hex"
    at = 0x80000
    hex_file = IntelHex()
    hex_file.frombytes(data, offset=start + at)
    hex_file.write_hex_file(str(image))

    flashed = pyocd("flash", "-t", target, "-u", uid, str(image))
    assert flashed.returncode == 0, flashed.stderr
    assert contents(state)[at : at + 0x4000] == data
    assert set(contents(state)[:at]) == {0xFF}

    reset = pyocd("reset", "-u", board)  # no target named: the probe knows its board
    assert reset.returncode == 0, reset.stderr

    script = ["-c", f"read8 {start + at + 1:#x} 2", "-c", "halt"]
    script += ["-c", "write32 0x20000000 0xbe002007", "-c", "wreg pc 0x20000000"]
    script += ["-c", "step", "-c", "reg r0"]
    commands = pyocd("commander", "-u", uid, *script)
    assert commands.returncode == 0, commands.stderr
    assert "01 02" in commands.stdout
    assert "0x00000007" in commands.stdout

    erased = pyocd("erase", "--sector", "-u", uid, f"{start + at:#x}+0x1000")
    assert erased.returncode == 0, erased.stderr
    assert contents(state)[at : at + 0x1000] == b"\xff" * 0x1000
    assert contents(state)[at + 0x1000 : at + 0x4000] == data[0x1000:]

    erased = pyocd("erase", "--chip", "-u", uid)
    assert erased.returncode == 0, erased.stderr
    assert set(contents(state)) == {0xFF}


def test_a_read_protected_stm32_is_opened_by_erasing_it_all(tmp_path, monkeypatch):
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))
    chip = Stm32wb55(registry.state_directory("headphone8"))
    chip.flash.program(0x0800_0000, b"secret!!")
    chip.lock()
    chip.close()
    command = ["commander", "-u", "virtual:headphone8", "-c", "read8 0x08000000 8"]
    read = pyocd(*command, "-O", "auto_unlock=0")
    assert "73 65 63" not in read.stdout
    assert contents(registry.state_directory("headphone8"))[:8] == b"secret!!"
    erased = pyocd("erase", "--chip", "-u", "virtual:headphone8")
    assert erased.returncode == 0, erased.stderr
    assert set(contents(registry.state_directory("headphone8"))) == {0xFF}
    read = pyocd("commander", "-u", "virtual:headphone8", "-c", "read8 0x08000000 2")
    assert "ff ff" in read.stdout


def test_a_locked_chip_is_opened_by_erasing_it_all(state):
    chip = Nrf52840(state)
    chip.flash.program(0, b"secret")
    chip.lock()
    chip.close()
    refused = pyocd("flash", "-u", UID, "-O", "auto_unlock=0", str(state / "uicr.bin"))
    assert refused.returncode == 1
    assert contents(state)[:6] == b"secret"
    assert pyocd("erase", "--chip", "-u", UID).returncode == 0
    assert set(contents(state)) == {0xFF}
    assert set((state / "uicr.bin").read_bytes()) == {0xFF}


def test_a_board_another_process_has_open_is_refused_in_one_line(state):
    chip = open_chip("nrf52840", state)
    refused = pyocd("reset", "-u", UID)
    chip.close()
    assert refused.returncode == 1
    assert f"in use by process {os.getpid()}" in refused.stderr
    assert "Traceback" not in refused.stderr


# ---- power between sessions

DHCSR, DEBUG, HALT, HALTED = 0xE000_EDF0, 0xA05F_0001, 0xA05F_0003, 1 << 17
FP_CTRL, FP_COMP = 0xE000_2000, 0xE000_2008
BOARDS = ["headband8", "headphone8"]
RAM = 0x2000_0100


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Sessions of this process on a board that no bench has."""
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))

    def opened(name: str):
        target = probe.find(name)
        assert target is not None
        return target, target.open()

    return opened


@pytest.mark.parametrize("board", BOARDS)
def test_a_halted_chip_is_halted_in_the_next_session_with_ram_and_breakpoints(opened, board):
    target, chip = opened(board)
    chip.bus.write(DHCSR, 4, HALT)
    chip.core.pc = 0x2000_0200
    chip.bus.write(RAM, 4, 0x1234)
    chip.bus.write(FP_CTRL, 4, 3)
    chip.bus.write(FP_COMP, 4, 0x4000_0101)
    target.release(chip)
    target, chip = opened(board)
    assert chip.bus.read(DHCSR, 4) & HALTED
    assert chip.core.pc == 0x2000_0200
    assert chip.bus.read(RAM, 4) == 0x1234
    assert chip.bus.read(FP_COMP, 4) == 0x4000_0101
    target.release(chip)


@pytest.mark.parametrize("board", BOARDS)
def test_a_running_chip_goes_on_where_it_was(opened, board):
    target, chip = opened(board)
    chip.bus.write(DHCSR, 4, HALT)
    chip.bus.write_block(RAM, bytes.fromhex("0130fde7"))  # adds r0, #1; b back
    chip.core.pc = RAM
    chip.bus.write(DHCSR, 4, DEBUG)
    assert not chip.bus.read(DHCSR, 4) & HALTED
    count = chip.core.read_register(0)
    target.release(chip)
    target, chip = opened(board)
    assert chip.core.read_register(0) >= count
    assert not chip.bus.read(DHCSR, 4) & HALTED
    assert chip.core.read_register(0) > count
    target.release(chip)


def test_pyocd_leaves_a_chip_halted_that_it_is_told_not_to_resume(opened):
    from pyocd.core.session import Session
    from pyocd.core.target import Target
    from pyocd.probe.aggregator import DebugProbeAggregator

    def session(**options):
        found = DebugProbeAggregator.get_all_connected_probes("virtual:headphone8")[0]
        return Session(found, options={"no_config": True, "connect_mode": "attach", **options})

    with session(resume_on_disconnect=False) as first:
        first.target.halt()
        first.target.write32(RAM, 77)
    with session() as second:
        assert second.target.get_state() == Target.State.HALTED
        assert second.target.read32(RAM) == 77


def test_a_chip_that_another_process_had_meanwhile_was_without_power(opened, tmp_path):
    target, chip = opened("headband8")
    chip.bus.write(RAM, 4, 0x1234)
    target.release(chip)
    code = (
        "from eegrig.hil.virtual.debug_probe import probe\n"
        "target = probe.find('headband8'); chip = target.open()\n"
        "chip.flash.program(0x1000, b'new firmware'); target.release(chip)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
    target, chip = opened("headband8")
    assert chip.bus.read(RAM, 4) == 0
    assert bytes(chip.flash_bytes(0x1000, 12)) == b"new firmware"
    target.release(chip)


def test_memories_that_were_deleted_are_another_chip(opened, tmp_path):
    target, chip = opened("headband8")
    chip.flash.program(0, b"old")
    target.release(chip)
    (registry.state_directory("headband8") / "flash.bin").unlink()
    target, chip = opened("headband8")
    assert bytes(chip.flash_bytes(0, 3)) == b"\xff\xff\xff"
    target.release(chip)


def test_a_second_session_at_the_same_time_is_refused(opened):
    target, chip = opened("headband8")
    with pytest.raises(InfrastructureError, match=f"in use by process {os.getpid()}"):
        target.open()
    target.release(chip)
    target.release(target.open())
