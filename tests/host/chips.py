"""The kinds of chip that a flasher is tested with, and a board with each."""

from dataclasses import dataclass
from typing import Any

import msgspec

from eegrig.boards import load_board
from eegrig.boards.schema import Board, FlashRegion
from eegrig.hil.virtual.chip import nrf52840, stm32wb55
from eegrig.hil.virtual.chip.memory.nor_flash import FlashTiming
from tests.host.fake_runtime import nrf_bytes, runtime_bytes

BOARD = load_board("headband8")


@dataclass(frozen=True)
class Kind:
    """A kind of chip, and a board with one."""

    board: Board
    chip: Any
    timing: FlashTiming
    clock_hz: int
    wrong: dict[str, int]
    wrong_name: str
    runtime: bytes

    @property
    def start(self) -> int:
        return self.board.mcu.filesystem.start


def with_stm32wb55(board: Board) -> Board:
    """Put another chip on a board; the memory map is that of MicroPython's NUCLEO_WB55."""
    mcu = msgspec.structs.replace(
        board.mcu,
        part="stm32wb55",
        pyocd_target="stm32wb55xg",
        port="stm32",
        build="NUCLEO_WB55",
        options={},
        flash=FlashRegion(start=0x0800_0000, size=0x10_0000),
        filesystem=FlashRegion(start=0x0808_0000, size=0x4_0000),
        runtime=FlashRegion(start=0x0800_0000, size=0x8_0000),
    )
    return msgspec.structs.replace(board, mcu=mcu)


KINDS = {
    "nrf52840": Kind(
        BOARD,
        nrf52840.Nrf52840,
        nrf52840.TIMING,
        nrf52840.CLOCK_HZ,
        {"part": 0x52832},
        "an nrf52832",
        nrf_bytes(),
    ),
    "stm32wb55": Kind(
        with_stm32wb55(BOARD),
        stm32wb55.Stm32wb55,
        stm32wb55.TIMING,
        stm32wb55.CLOCK_HZ,
        {"device": 0x496},
        "an stm32wb50xg",
        runtime_bytes(),
    ),
}


def with_target(board: Board, pyocd_target: str) -> Board:
    """Put a chip on a board that goes by another name in pyOCD."""
    return msgspec.structs.replace(
        board, mcu=msgspec.structs.replace(board.mcu, pyocd_target=pyocd_target)
    )
