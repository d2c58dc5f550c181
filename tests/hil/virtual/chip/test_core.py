"""The core by itself: what comes out of it that is no program's doing."""

from __future__ import annotations

import mmap

import pytest

from eegrig.hil.virtual.chip.bus import Bus, Memory
from eegrig.hil.virtual.chip.cortex_m.core import Core

RAM, FLASH = 0x2000_0000, 0x0800_0000
STORE = bytes.fromhex("086000bf")  # str r0, [r1]; nop


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_comes_up_in_a_store_to_guarded_memory_is_not_lost(error: type[BaseException]) -> None:
    """Ctrl-C there was taken for a refused store, and the flash algorithm never ended."""

    def store(address: int, size: int, value: int) -> None:
        raise error

    bus = Bus()
    bus.memories.append(Memory(RAM, mmap.mmap(-1, 0x1000), plain=True))
    bus.memories.append(Memory(FLASH, mmap.mmap(-1, 0x1000), store=store))
    bus.write_block(RAM, STORE)
    core = Core(bus)
    core.reset(RAM + 0x800, RAM | 1)
    core.registers.write(1, FLASH)
    with pytest.raises(error):
        core.run(10)
