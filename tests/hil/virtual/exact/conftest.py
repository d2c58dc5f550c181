"""A whole board with a program of our own in its flash memory: no stock binary is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import keystone
import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import EegrigError
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board.exact_board import ExactBoard
from eegrig.hil.virtual.chip.cortex_m import compiled_hook
from eegrig.hil.virtual.chip.cortex_m.tally import TICKS, Field
from eegrig.hil.virtual.chip.stm32wb55 import FLASH_BASE
from eegrig.hil.virtual.clock import VirtualLoop

BOARD = "nucleo-wb55-ads1299"
PROGRAM = FLASH_BASE + 0x400  # behind the vector table
RESULTS = 0x2000_0000
STACK = 0x2000_8000
SRAM2 = 0x2003_0000


class ExactRig:
    """A board on its air; an instruction is one cycle unless a test says otherwise."""

    def __init__(
        self, directory: Path, *, symbols: Mapping[int, str] | None = None, seed: int = 1
    ) -> None:
        self.loop = VirtualLoop()
        self.air = Air(self.loop, seed=seed)
        self.board = ExactBoard(
            load_board(BOARD),
            loop=self.loop,
            air=self.air,
            directory=directory,
            rng=np.random.default_rng(seed),
            symbols=symbols,
        )
        self.chip = self.board.chip
        self.chip.core.tally.words[Field.PRICE] = TICKS
        self.failures: list[BaseException] = []
        self.loop.set_exception_handler(
            lambda loop, context: self.failures.append(context["exception"])
        )

    def load(self, source: str, handlers: Mapping[int, str] | None = None, at: int = PROGRAM):
        """Put a program into flash memory, with handlers by exception number; return where."""
        vectors = {0: STACK, 1: at | 1}
        image = bytearray(assembled(source, at))
        for number, text in (handlers or {}).items():
            image += bytes(-len(image) % 64)
            vectors[number] = at + len(image) | 1
            image += assembled(text, at + len(image))
        for number, value in vectors.items():
            self.poke(FLASH_BASE + 4 * number, value.to_bytes(4, "little"))
        self.poke(at, image)
        return vectors

    def poke(self, address: int, data: bytes) -> None:
        memory = self.chip.bus.memory_at(address, len(data))
        assert memory is not None
        memory.buffer[address - memory.base : address - memory.base + len(data)] = bytes(data)
        self.chip.bus.code_changed = True

    def start(self) -> None:
        """Switch the board on, as from a new battery."""
        self.board.power_cycle()

    def run(self, duration_ns: int) -> None:
        """Let virtual time pass, and say what a model raised meanwhile."""

        async def wait() -> None:
            done = self.loop.create_future()
            self.loop.call_at_ns(self.loop.now_ns() + duration_ns, done.set_result, None)
            await done

        self.loop.run_until_complete(wait())
        if self.failures and not isinstance(self.failures[0], EegrigError):
            raise self.failures[0]

    def words(self, n: int, at: int = RESULTS) -> list[int]:
        return [self.chip.bus.read(at + 4 * index, 4) for index in range(n)]

    def word(self, at: int = RESULTS) -> int:
        return self.chip.bus.read(at, 4)

    def close(self) -> None:
        self.board.close()
        self.loop.close()


@cache
def assembled(source: str, at: int) -> bytes:
    assembler = keystone.Ks(keystone.KS_ARCH_ARM, keystone.KS_MODE_THUMB)
    code, _ = assembler.asm(source, at)
    data = bytes(code)
    return data + bytes(-len(data) % 4)


Make = Callable[..., ExactRig]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make boards, with the hook compiled where numba is there."""
    rigs: list[ExactRig] = []

    def rig(**options: object) -> ExactRig:
        rigs.append(ExactRig(tmp_path / str(len(rigs)), **options))  # type: ignore[arg-type]
        return rigs[-1]

    yield rig
    for each in rigs:
        each.close()


def waits(rig: ExactRig) -> set[str]:
    """Return the entries of the part that what the core draws rests on, while it waits now."""
    now_ns = rig.loop.now_ns()
    edges = np.array([now_ns, now_ns + 1])
    return {key for key, levels in rig.board.ledger.mcu.idle_a.items() if levels.level(edges)[0]}


@pytest.fixture
def rig(make: Make) -> ExactRig:
    return make()


@pytest.fixture(params=[False, True], ids=["python", "compiled"])
def either(request: pytest.FixtureRequest, make: Make, monkeypatch: pytest.MonkeyPatch) -> ExactRig:
    """Return a board with each of the hooks."""
    if request.param and not compiled_hook.is_available():
        pytest.skip("numba is not installed")
    monkeypatch.setattr(compiled_hook, "is_available", lambda: request.param)
    return make()
