"""Random programs: interrupts that touch nothing change nothing, and both hooks count alike."""

from __future__ import annotations

import random

import pytest

from eegrig.hil.virtual.chip.cortex_m import compiled_hook
from eegrig.hil.virtual.chip.cortex_m.tally import Field
from eegrig.hil.virtual.chip.free_running import CoreClock, FreeRunning
from eegrig.hil.virtual.chip.nrf52840 import RAM_BASE, Nrf52840
from eegrig.hil.virtual.clock import VirtualLoop

from .conftest import assembled

VECTORS, PROGRAM, HANDLER = RAM_BASE, RAM_BASE + 0x400, RAM_BASE + 0x3000
DATA, STACK, COUNTER = RAM_BASE + 0x4000, RAM_BASE + 0x8000, RAM_BASE + 0x5000
DATA_BYTES = 256
# r0 to r5 are operands, r6 counts rounds, r7 points to the data; the handler has its own.
OPERANDS = range(6)
ALU = (
    "adds {d}, {a}, {b}",
    "adcs {d}, {b}",
    "subs {d}, {a}, {b}",
    "sbcs {d}, {b}",
    "muls {d}, {b}, {d}",
    "eors {d}, {b}",
    "bics {d}, {b}",
    "lsls {d}, {a}, #{n}",
    "asrs {d}, {a}, #{n}",
    "rors {d}, {b}",
    "rev {d}, {a}",
    "uxtb {d}, {a}",
    "add.w {d}, {a}, {b}, lsl #{n}",
    "umull {d}, {e}, {a}, {b}",
    "smull {d}, {e}, {a}, {b}",
    "clz {d}, {a}",
    "bfi {d}, {a}, #{n}, #1",
    "mls {d}, {a}, {b}, {d}",
    "cmp {a}, {b}; ite hi; addhi {d}, {d}, #1; subls {d}, {d}, #3",
    "cmp {a}, #{n}; itt lt; movlt {d}, #{n}; addlt {e}, {e}, #1",
)
MEMORY = (
    "str {a}, [r7, #{word}]",
    "ldr {d}, [r7, #{word}]",
    "strh {a}, [r7, #{half}]",
    "ldrsh {d}, [r7, #{half}]",
    "strb {a}, [r7, #{n}]",
    "ldrb {d}, [r7, #{n}]",
    "strd {a}, {b}, [r7, #{word}]",
    "ldm r7, {{r1, r3, r5}}",
    "push {{r0, r2, r4}}; pop {{r1, r3, r5}}",
)
BRANCHES = (
    "cmp {a}, {b}; bne l{label}; adds {d}, {d}, #7; l{label}:",
    "tst {a}, {b}; beq l{label}; eors {d}, {a}; b m{label}; l{label}: adds {e}, {e}, #1; m{label}:",
    "cbz {a}, l{label}; subs {d}, {d}, #1; l{label}:",
    "bl l{label}; b m{label}; l{label}: adds {d}, {d}, {a}; bx lr; m{label}:",
    "movs {d}, #{n}; l{label}: subs {d}, #1; bpl l{label}",
)


def program(seed: int) -> str:
    """Return a program that goes through its instructions twelve times, and then counts in r6."""
    draw = random.Random(seed)
    lines = ["movs r6, #12", "again:"]
    for label in range(60):
        kinds = draw.choice((ALU, ALU, MEMORY, BRANCHES))
        d, a, b = (f"r{draw.choice(OPERANDS)}" for _ in range(3))
        e = f"r{draw.choice([n for n in OPERANDS if f'r{n}' != d])}"
        word = 4 * draw.randrange(32)
        lines.append(
            draw.choice(kinds).format(
                d=d, e=e, a=a, b=b, n=draw.randrange(1, 32), word=word, half=word + 2, label=label
            )
        )
    return "\n".join(
        [*lines, "subs r6, #1", "beq over", "b.w again", "over: adds r6, #1", "b over"]
    )


class Outcome:
    """What a program leaves behind, and what it took."""

    def __init__(self, seed: int, *, compiled: bool, interrupts: random.Random | None) -> None:
        loop = VirtualLoop()
        chip = Nrf52840()
        chip.attach_firmware()
        clock = CoreClock(loop)
        clock.hz = 1_000_000
        if compiled:
            chip.core.compile_hook()
        runner = FreeRunning(chip, clock, loop, low_power=None)  # type: ignore[arg-type]
        chip.bus.write_block(PROGRAM, assembled(program(seed), PROGRAM))
        # Spoils the registers that an exception keeps, flags too, and counts.
        handler = f"""
            ldr r0, ={COUNTER}; ldr r1, [r0]; adds r1, #1; str r1, [r0]
            movs r2, #0; mvns r3, r2; mov r12, r3; cmp r2, r3; bx lr
        """
        chip.bus.write_block(HANDLER, assembled(handler, HANDLER))
        chip.bus.write(VECTORS + 4 * 16, 4, HANDLER | 1)
        draw = random.Random(seed)
        chip.bus.write_block(DATA, draw.randbytes(DATA_BYTES))
        for n in OPERANDS:
            chip.core.registers.write(n, draw.getrandbits(32))
        chip.core.registers.write(7, DATA)
        chip.core.registers.write(17, STACK)
        chip.core.pc = PROGRAM
        chip.nvic.vtor = VECTORS
        chip.nvic.write(0xE000_E100, 1)
        runner.start()
        end_ns = 15_000_000
        self.interrupted_under_way = 0

        def is_at_end() -> bool:
            return chip.bus.read(chip.core.pc, 2) in (0x3601, 0xE7FD)  # of the loop at the end

        def interrupt() -> None:
            self.interrupted_under_way += not is_at_end()
            chip.nvic.pend(16)
            if interrupts is not None:
                again_ns = loop.now_ns() + interrupts.randrange(20_000, 60_000)
                loop.call_at_ns(again_ns, interrupt)

        if interrupts is not None:
            interrupt()

        async def wait() -> None:
            done = loop.create_future()
            loop.call_at_ns(end_ns, done.set_result, None)
            await done

        loop.run_until_complete(wait())
        runner.stop()
        words, registers = chip.core.tally.words, chip.core.registers
        self.registers = [registers.read(n) for n in range(14) if n != 6]
        self.memory = chip.bus.read_block(DATA, DATA_BYTES)
        self.interrupted = chip.bus.read(COUNTER, 4)
        # How long the loop at the end took shows how long the program did.
        self.counted = words[Field.INSTRUCTIONS], words[Field.NOW], registers.read(6)
        self.at_end = is_at_end()
        chip.close()
        loop.close()

    @property
    def state(self) -> tuple[list[int], bytes]:
        return self.registers, self.memory


@pytest.mark.parametrize("seed", range(12))
def test_interrupts_change_nothing_and_hooks_count_alike(seed: int) -> None:
    hooks = [False, True] if compiled_hook.is_available() else [False]
    alone = [Outcome(seed, compiled=hook, interrupts=None) for hook in hooks]
    often = [Outcome(seed, compiled=hook, interrupts=random.Random(seed))
             for hook in hooks]  # fmt: skip
    assert all(outcome.at_end for outcome in alone + often)
    assert {outcome.interrupted for outcome in alone} == {0}
    assert often[0].interrupted > 200
    assert often[0].interrupted_under_way > 30
    assert often[0].state == alone[0].state
    for outcomes in (alone, often):
        first = outcomes[0]
        for other in outcomes[1:]:
            assert (other.state, other.counted) == (first.state, first.counted)
            assert other.interrupted == first.interrupted
