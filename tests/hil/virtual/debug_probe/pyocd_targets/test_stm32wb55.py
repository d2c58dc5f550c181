"""The STM32WB55 in pyOCD: the algorithm is its source, locked chips open, packs go first."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyocd
import pytest
from pyocd.core.session import Session
from pyocd.flash.eraser import FlashEraser
from pyocd.probe.aggregator import DebugProbeAggregator
from pyocd.target import TARGET
from pyocd.target.pack.pack_target import ManagedPacks, PackTargets

from eegrig.hil.virtual.chip.memory.stm32_options import SFR
from eegrig.hil.virtual.chip.stm32wb55 import FLASH_BASE, Stm32wb55
from eegrig.hil.virtual.debug_probe import pyocd_targets
from eegrig.hil.virtual.debug_probe.probe import attach, detach
from eegrig.hil.virtual.debug_probe.pyocd_targets import stm32wb55

SOURCE = Path(pyocd_targets.__file__).with_name("stm32wb55.s")
ENTRIES = {
    "init": "pc_init",
    "uninit": "pc_unInit",
    "erase_all": "pc_eraseAll",
    "erase_sector": "pc_erase_sector",
    "program_page": "pc_program_page",
}


@pytest.fixture
def chip() -> Iterator[Stm32wb55]:
    chip = Stm32wb55()
    attach("target-test", chip)
    yield chip
    detach("target-test")


@pytest.fixture
def session(chip) -> Iterator[Session]:
    probe = DebugProbeAggregator.get_all_connected_probes("virtual:target-test")[0]
    with Session(probe, options={"connect_mode": "halt", "no_config": True}) as session:
        yield session


def run(*command: str | Path) -> str:
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.skipif(
    shutil.which("llvm-mc") is None, reason="no assembler (llvm-mc) on this machine"
)
def test_the_words_are_what_the_source_assembles_to(tmp_path):
    object_file, binary = tmp_path / "algorithm.o", tmp_path / "algorithm.bin"
    run("llvm-mc", "-triple=thumbv7em-none-eabi", "-filetype=obj", SOURCE, "-o", object_file)
    run("llvm-objcopy", "-O", "binary", "-j", ".text", object_file, binary)
    words = memoryview(binary.read_bytes()).cast("I").tolist()
    assert words == stm32wb55.WORDS
    symbols = {
        name: int(address, 16)
        for address, _, name in (line.split() for line in run("llvm-nm", object_file).splitlines())
    }
    for symbol, entry in ENTRIES.items():
        assert stm32wb55.ALGORITHM[entry] == stm32wb55.LOAD_ADDRESS + symbols[symbol] | 1


def test_the_words_do_what_the_source_says(session):
    flash = session.target.memory_map.get_boot_memory().flash
    flash.init(flash.Operation.ERASE)
    flash.erase_sector(FLASH_BASE + 0x3000)
    flash.cleanup()
    flash.init(flash.Operation.PROGRAM)
    flash.program_page(FLASH_BASE + 0x3000, list(range(16)))
    flash.cleanup()
    assert bytes(session.target.read_memory_block8(FLASH_BASE + 0x3000, 16)) == bytes(range(16))


def test_programming_what_is_not_erased_is_told_with_the_flag_of_the_status_register(session):
    flash = session.target.memory_map.get_boot_memory().flash
    flash.init(flash.Operation.PROGRAM)
    flash.program_page(FLASH_BASE, [1] * 8)
    with pytest.raises(pyocd.core.exceptions.FlashProgramFailure, match="0x8"):
        flash.program_page(FLASH_BASE, [3] * 8)
    flash.cleanup()


def test_a_chip_erase_erases_everything(chip, session):
    chip.flash.program(FLASH_BASE, bytes(64))
    FlashEraser(session, FlashEraser.Mode.CHIP).erase()
    assert set(chip.flash_bytes(FLASH_BASE, 64)) == {0xFF}


def test_a_read_protected_chip_is_opened_by_erasing_it(chip):
    chip.flash.program(FLASH_BASE, b"secret!!")
    chip.lock()
    probe = DebugProbeAggregator.get_all_connected_probes("virtual:target-test")[0]
    options = {"connect_mode": "halt", "no_config": True, "auto_unlock": False}
    with Session(probe, options=options) as session:
        assert session.target.is_locked()
        assert chip.flash_bytes(FLASH_BASE, 8) == b"secret!!"
        session.target.mass_erase()
        assert not session.target.is_locked()
        assert session.target.read32(FLASH_BASE) == 0xFFFF_FFFF
    assert chip.flash_bytes(FLASH_BASE, 8) == b"\xff" * 8


# ---- which target a session gets


def session_with(*, virtual: bool, pack: str | None = None) -> Any:
    return SimpleNamespace(probe=SimpleNamespace(is_virtual=virtual), options={"pack": pack})


@pytest.fixture
def installed_pack(monkeypatch) -> None:
    """A CMSIS pack with such a chip, as cmsis-pack-manager would have installed it."""

    def populate(name: str) -> None:
        TARGET[name] = lambda session: f"{name} from the pack"

    devices = [SimpleNamespace(part_number=part) for part in ("STM32F401RETx", "STM32WB55RGVx")]
    monkeypatch.setattr(ManagedPacks, "get_installed_targets", lambda: devices)
    monkeypatch.setattr(ManagedPacks, "populate_target", populate)
    monkeypatch.setattr(stm32wb55, "Stm32wb55xg", lambda session: "ours")
    monkeypatch.setitem(TARGET, "stm32wb55rgvx", None)
    monkeypatch.delitem(TARGET, "stm32wb55rgvx")


@pytest.mark.usefixtures("installed_pack")
def test_a_real_board_gets_the_target_of_an_installed_pack():
    made = stm32wb55.make_target(session_with(virtual=False))
    assert made == "stm32wb55rgvx from the pack"


@pytest.mark.usefixtures("installed_pack")
def test_a_virtual_board_always_gets_ours_so_that_its_figures_are_the_same_everywhere():
    assert stm32wb55.make_target(session_with(virtual=True)) == "ours"


@pytest.mark.usefixtures("installed_pack")
def test_without_a_pack_a_real_board_gets_ours(monkeypatch):
    monkeypatch.setattr(ManagedPacks, "get_installed_targets", list)
    assert stm32wb55.make_target(session_with(virtual=False)) == "ours"


@pytest.mark.usefixtures("installed_pack")
def test_a_pack_named_by_the_user_is_used(monkeypatch):
    def populate(pack: str) -> None:
        TARGET["stm32wb55ccux"] = lambda session: "smaller"
        TARGET["stm32wb55rgvx"] = lambda session: f"from {pack}"

    monkeypatch.setitem(TARGET, "stm32wb55ccux", None)
    monkeypatch.setattr(ManagedPacks, "get_installed_targets", list)
    monkeypatch.setattr(ManagedPacks, "populate_target", lambda name: None)
    monkeypatch.setattr(PackTargets, "populate_targets_from_pack", populate)
    made = stm32wb55.make_target(session_with(virtual=False, pack="st.pack"))
    assert made == "from st.pack"


def test_pyocd_lists_the_target():
    assert TARGET[stm32wb55.NAME] is stm32wb55.make_target


# ---- where the flash memory ends


def option_sfr(chip: Stm32wb55, value: int) -> None:
    chip._options.store({SFR: value})
    chip.power_cycle()


@pytest.mark.parametrize(
    ("sfr", "pages"), [(0xC7, 0xC7), (0xCA, 0xCA), (0x80, 0x80), (0x1C7, 0x100)]
)
def test_the_flash_region_ends_where_this_chips_second_processor_begins(chip, sfr, pages):
    option_sfr(chip, sfr)
    probe = DebugProbeAggregator.get_all_connected_probes("virtual:target-test")[0]
    with Session(probe, options={"connect_mode": "halt", "no_config": True}) as session:
        for memory_map in (session.target.memory_map, session.target.cores[0].memory_map):
            region = memory_map.get_boot_memory()
            assert (region.start, region.length) == (FLASH_BASE, pages * 0x1000)
            assert memory_map.get_first_matching_region(name="boot").length == pages * 0x1000
        last = region.start + region.length - 0x1000
        chip.flash.program(last, bytes(16))
        FlashEraser(session, FlashEraser.Mode.SECTOR).erase([(last, region.end + 1)])
    assert set(chip.flash_bytes(last, 16)) == {0xFF}


def test_a_tool_that_walks_the_whole_region_erases_and_programs_all_of_it(chip, session):
    region = session.target.memory_map.get_boot_memory()
    beyond = region.start + region.length
    chip.flash.program(beyond, b"wireless")
    FlashEraser(session, FlashEraser.Mode.SECTOR).erase([(region.start, beyond)])
    flash = region.flash
    flash.init(flash.Operation.PROGRAM)
    for page in (region.start, beyond - region.page_size):
        flash.program_page(page, [7] * region.page_size)
    flash.cleanup()
    assert set(chip.flash_bytes(beyond - 0x1000, 0x1000)) == {7}
    assert bytes(chip.flash_bytes(beyond, 8)) == b"wireless"
