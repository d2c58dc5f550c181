"""Boards that do not boot, and the reason that is given, in a line: the same in both modes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.console.console import read_identity
from eegrig.host.image.file_system import pack
from eegrig.host.image.firmware_image import Image
from eegrig.host.image.region import pack_region, unpack_region

from ..firmwares import patched_firmware

BOARD = "nucleo-wb55-ads1299"
VARIABLE = "EEGRIG_STM32_RUNTIME"


@pytest.fixture(params=["fast", "exact"])
def runtime(request: pytest.FixtureRequest) -> Path | None:
    if request.param == "fast":
        return None
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} does not say where a stock MicroPython for NUCLEO_WB55 is")
    return Path(os.environ[VARIABLE])


def reason(virtual: VirtualBench, change: Callable[[Image], bytes]) -> str:
    """Flash a board, put something else over its image, and return why it does not boot then."""
    flashed = flash_and_identify(virtual.bench)
    board, region = virtual.board, virtual.bench.board.mcu.filesystem
    board.supply.off()
    at = region.start - board.chip.flash.base
    board.chip.flash.buffer[at : at + region.size] = change(flashed.image)
    board.console.take(1 << 20)
    board.supply.on()
    with pytest.raises(BoardFault) as caught:
        virtual.bench.run(read_identity(virtual.bench.console))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def other_blocks(image: Image) -> bytes:
    """Return the same files in a file system with blocks that the port does not have."""
    files = unpack_region(image.data, image.layout).files
    return pack(files, image.layout.size, 4096)[0]


def other_bytecode(image: Image) -> bytes:
    """Return an image whose bytecode is of MicroPython 1.11: version 4."""
    files = dict(unpack_region(image.data, image.layout).files)
    for name in files:
        if name.endswith(".mpy"):
            files[name] = b"M\x04" + files[name][2:]
    return pack_region(files, image.layout).data


def without_application(image: Image) -> bytes:
    """Return an image with a loader and nothing to load."""
    files = unpack_region(image.data, image.layout).files
    kept = {name: data for name, data in files.items() if not name.startswith("a/")}
    return pack_region(kept, image.layout).data


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_blocks, 'said "MPY: can\'t mount flash" and is at its prompt; flash the board'),
        (other_bytecode, "the firmware fails to boot: ValueError: incompatible .mpy file (File "),
        (without_application, "said nothing of one and is at its prompt; flash the board"),
    ],
)
def test_an_image_that_does_not_run_is_told_by_what_the_port_says(
    runtime: Path | None, change: Callable[[Image], bytes], told: str
) -> None:
    with VirtualBench(load_board(BOARD), runtime=runtime) as virtual:
        assert told in reason(virtual, change)


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        (
            ("main.py", "app.run()", "app.run(1 // 0)"),
            "ZeroDivisionError: divide by zero (File ",
        ),
        (("eeg/app.py", "_POLL_MS = 50", "import nowhere"), "ImportError: no module named"),
    ],
)
def test_a_firmware_that_raises_is_told_by_what_it_raised(
    runtime: Path | None, tmp_path: Path, patch: tuple[str, str, str], told: str
) -> None:
    bad = patched_firmware(tmp_path, patch)
    with (
        VirtualBench(load_board(BOARD), firmware_dir=bad, runtime=runtime) as virtual,
        pytest.raises(BoardFault) as caught,
    ):
        flash_and_identify(virtual.bench)
    assert f"the firmware fails to boot: {told}" in str(caught.value)


def test_what_only_the_bench_has_seen_is_told_of_a_board_that_is_silent(tmp_path: Path) -> None:
    silent = patched_firmware(tmp_path, ("main.py", "app.run()", "while True: pass"))
    with VirtualBench(load_board(BOARD), firmware_dir=silent) as virtual:
        virtual.board.note(f"{BOARD} HardFault at 0x1234\nregisters")
        with pytest.raises(BoardFault, match=r"nothing heard.*saw: .* HardFault at 0x1234$"):
            flash_and_identify(virtual.bench)
