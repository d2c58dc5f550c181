"""A core that polls a register is where the next thing happens; any other core is left alone."""

import pytest

from eegrig.hil.virtual.chip.stm32wb.address_map import register_pages
from eegrig.hil.virtual.chip.stm32wb.block import Block
from eegrig.hil.virtual.chip.stm32wb.clocks.polling import Polls

POLLED, OTHER = 0x1C, 0x20


class Port(Block):
    name, base, polled = "USART1", 0x4001_3800, frozenset({POLLED})

    def __init__(self) -> None:
        self.value = 0

    def reset(self) -> None: ...

    def read(self, offset: int) -> int:
        return self.value

    def write(self, offset: int, value: int) -> None: ...


class Core:
    """A core whose accesses are some cycles apart."""

    def __init__(self) -> None:
        self.cycles, self.skipped, self.apart = 0, 0, 50
        self.port = Port()
        pages = register_pages([self.port], lambda address: None, Polls(self.count, self.skip))
        self._page = next(page for page in pages if page.base == 0x4001_3000)

    def count(self) -> int:
        return self.cycles

    def skip(self) -> None:
        self.skipped += 1
        self.cycles += 100_000

    def load(self, offset: int = POLLED) -> None:
        self.cycles += self.apart
        self._page.load(0x800 + offset, 4)

    def store(self) -> None:
        self._page.store(0x800 + OTHER, 4, 0)


@pytest.fixture
def core() -> Core:
    return Core()


def test_a_loop_that_polls_waits_for_nothing(core: Core) -> None:
    for _ in range(5):
        core.load()
    assert core.skipped == 3  # once for each thing that happens


def test_a_register_that_changes_is_awaited_no_more(core: Core) -> None:
    for core.port.value in range(5):
        core.load()
    assert core.skipped == 0


@pytest.mark.parametrize("other", ["load", "store"])
def test_a_loop_that_does_something_else_is_no_poll(core: Core, other: str) -> None:
    for _ in range(5):
        core.load()
        core.store() if other == "store" else core.load(OTHER)
    assert core.skipped == 0


def test_a_program_that_looks_now_and_then_is_left_alone(core: Core) -> None:
    core.apart = 1000
    for _ in range(5):
        core.load()
    assert core.skipped == 0
