"""Programs of our own that prove the peripherals together: each does what drivers of ports do."""

from __future__ import annotations

import itertools
import struct

import pytest
from bleak import BleakScanner

from eegrig.hil.virtual.chip.stm32wb.clocks.rcc import HSE_START_NS, PLL_LOCK_NS
from eegrig.hil.virtual.chip.stm32wb.second_processor import BOOT_NS
from eegrig.hil.virtual.chip.stm32wb55 import STOP_WAKE_NS, TIMING
from eegrig.hil.virtual.computer_radio.central import Central

from .conftest import RESULTS, SRAM2, ExactRig, waits

FRAME_BYTES = 27
COUNT = f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0];"
# Appends r2 to a list whose length is its first word.
APPEND = f"ldr r0, ={RESULTS}; ldr r1, [r0]; adds r1, #1; str r1, [r0]; str r2, [r0, r1, lsl #2];"
SLEEP = "asleep: wfi; b asleep;"


def stores(*pairs: tuple[int, int]) -> str:
    """Return code that writes words to addresses."""
    return "".join(f"ldr r0, ={at:#x}; ldr r1, ={value:#x}; str r1, [r0];" for at, value in pairs)


PIN_B0 = stores((0x4800_0400, 0xFFFF_FEBD))  # an output, for a test's oscilloscope
TOGGLE = "ldr r5, =0x48000414; ldr r6, [r5]; movs r7, #1; eors r6, r7; str r6, [r5];"
# HSE / 4 * 24 / 3 = 64 MHz, as the stock port has it; CPU1 only.
CLOCKS = """
    clocks:
    ldr r0, =0x58000000
    ldr r1, =0x00010061
    str r1, [r0]
    hse: ldr r2, [r0]
    lsls r3, r2, #14
    bpl hse
    ldr r1, =0x50001833
    str r1, [r0, #0x0C]
    ldr r1, =0x01010061
    str r1, [r0]
    pll: ldr r2, [r0]
    lsls r3, r2, #6
    bpl pll
    movs r1, #3
    str r1, [r0, #8]
    chosen: ldr r2, [r0, #8]
    and r2, r2, #0x0C
    cmp r2, #0x0C
    bne chosen
    bx lr
"""


def marks(rig: ExactRig) -> list[int]:
    """Return the times, in nanoseconds, at which pin B0 changes."""
    times: list[int] = []
    levels = [0]  # it is low when it becomes an output

    def put_out(level: int) -> None:
        if level != levels[-1]:
            levels.append(level)
            times.append(rig.board.clock.now_ns())

    rig.board._outputs["B", 0] = put_out
    return times


def appended(rig: ExactRig) -> list[int]:
    return rig.words(rig.word(), RESULTS + 4)


def test_a_delay_is_shorter_by_what_the_clock_is_faster(either: ExactRig) -> None:
    delay = "movs r4, #4; {0}: " + TOGGLE + "ldr r3, =1000; {1}: subs r3, #1; bne {1};"
    delay += "subs r4, #1; bne {0};"
    either.load(
        f"{PIN_B0} {delay.format('a', 'b')} bl clocks; {delay.format('c', 'd')} {SLEEP} {CLOCKS}"
    )
    times = marks(either)
    either.start()
    either.run(5_000_000)
    rounds = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(rounds) == 7
    cycles = 2000 + 5 + 1 + 2
    assert rounds[:3] == pytest.approx([cycles * 250] * 3, abs=300)
    assert rounds[4:] == pytest.approx([cycles * 1000 / 64] * 3, abs=20)
    change_ns = HSE_START_NS + PLL_LOCK_NS
    assert rounds[3] == pytest.approx(cycles * 250 + change_ns, rel=0.05)
    assert either.chip.system.rcc.hclk_hz == 64_000_000


def test_a_serial_port_echoes_by_interrupt(either: ExactRig) -> None:
    setup = stores(
        (0x4001_380C, 556),  # BRR: 64 MHz / 115200
        (0x4001_3800, 0x2D),  # UE, RE, TE, RXNEIE
        (0xE000_E104, 1 << 4),
    )
    either.load(
        f"bl clocks; {setup} {SLEEP} {CLOCKS}",
        {52: "ldr r0, =0x40013800; ldr r1, [r0, #0x24]; str r1, [r0, #0x28]; bx lr"},
    )
    times: list[int] = []
    either.board.console.on_output = lambda data: times.append(either.loop.now_ns())
    either.start()
    either.run(1_000_000)
    for text in (b"eegrig", b"0123456789"):
        start_ns = either.loop.now_ns()
        times.clear()
        either.board.console_input(text)
        either.run(2_000_000)
        byte_ns = 10 * 556 * 1000 / 64
        # A byte arrives, and then goes out again; the next arrives meanwhile.
        due = [start_ns + (n + 2) * byte_ns for n in range(len(text))]
        assert times == pytest.approx(due, abs=1000)
    assert either.board.console.log == b"eegrig0123456789"


def spi_program() -> str:
    gpio_a = 0xABFF_FFFF & ~(0x3 << 8 | 0xF << 16) | 1 << 8 | 1 << 16 | 1 << 18
    gpio_c = 0xFFFF_FFFF & ~(3 << 24 | 3 << 12) | 1 << 24
    setup = stores(
        (0x4800_0014, 1 << 4 | 1 << 8),  # chip select and PWDN high, START low
        (0x4800_0000, gpio_a),
        (0x4800_0814, 1 << 12),  # RESET high
        (0x4800_0800, gpio_c),
        (0x4001_000C, 2 << 8),  # EXTI line 6 is of port C
        (0x5800_0804, 1 << 6),  # falling edge
        (0x5800_0880, 1 << 6),
        (0x4001_3004, 0x1700),  # 8 bits, RXNE for each octet
        (0x4001_3000, 0x34D),  # master, mode 1, PCLK / 4
        (0x4002_0800, 6),  # requests of SPI1: received, to send
        (0x4002_0804, 7),
        (0x4002_0010, 0x4001_300C),
        (0x4002_0024, 0x4001_300C),
        (0x4002_0028, RESULTS + 0x800),  # zeros
        (0xE000_E100, 1 << 11 | 1 << 23),
        (0xE000_E014, 800_000),  # 200 ms, until the front end is awake; its reference takes as long
        (0xE000_E018, 0),
        (0xE000_E010, 7),
    )
    send = "".join(
        f"movs r1, #{byte}; bl send;" for byte in (0x11, 0x43, 0x00, 0xE0, 0x41, 0x00, 0x96, 0x10)
    )
    return f"""
        {setup}
        wfi
        {stores((0xE000_E010, 0), (0x4800_0818, 1 << 28))}
        movs r3, #20
        low: subs r3, #1
        bne low
        {stores((0x4800_0818, 1 << 12))}
        movs r3, #40
        high: subs r3, #1
        bne high
        {stores((0x4800_0018, 1 << 20))}
        ldr r0, =0x40013000
        {send}
        {stores((0xE000_E018, 0), (0xE000_E010, 7))}
        wfi
        {stores((0xE000_E010, 0), (0x4001_3004, 0x1703), (0x4800_0018, 1 << 9))}
        {SLEEP}
        send: strb r1, [r0, #0x0C]
        taken: ldr r2, [r0, #8]
        lsls r2, r2, #31
        beq taken
        ldrb r1, [r0, #0x0C]
        movs r3, #20
        pause: subs r3, #1
        bne pause
        bx lr
    """


def test_every_frame_of_the_front_end_arrives_by_dma(either: ExactRig) -> None:
    """DRDY falls, its interrupt starts DMA; its end counts, and moves on in memory."""
    frames_at = RESULTS + 0x1000
    on_drdy = stores(
        (0x5800_080C, 1 << 6),
        (0x4002_000C, FRAME_BYTES),
        (0x4002_0020, FRAME_BYTES),
    )
    on_drdy += f"""
        ldr r0, ={RESULTS}
        ldr r1, [r0]
        lsls r1, r1, #5
        ldr r0, ={frames_at}
        adds r1, r1, r0
        ldr r0, =0x40020000
        str r1, [r0, #0x14]
        movs r1, #0x83
        str r1, [r0, #8]
        movs r1, #0x91
        str r1, [r0, #0x1C]
        bx lr
    """
    done = stores((0x4002_0004, 0xFF), (0x4002_0008, 0), (0x4002_001C, 0))
    either.load(spi_program(), {15: "bx lr", 39: on_drdy, 27: f"{done} {COUNT} bx lr"})
    frames: list[bytes] = []
    afe = either.board.afe
    drive = afe.on_drdy
    assert drive is not None

    def falls(level: int) -> None:
        if not level and (frame := afe.unread_frame()):
            frames.append(frame)
        drive(level)

    afe.on_drdy = falls
    either.start()
    either.run(460_000_000)
    n = either.word()
    assert n >= 10
    got = [either.chip.bus.read_block(frames_at + 32 * k, 28)[:FRAME_BYTES] for k in range(n)]
    assert got == frames[:n]
    assert len(set(got)) == n  # noise: no two are the same
    assert all(frame[0] & 0xF0 == 0xC0 for frame in got)
    assert either.board.rules().broken == ()


STOP_AND_WAKE = (
    stores(
        (0x4000_2824, 0xCA),
        (0x4000_2824, 0x53),
        (0x4000_2808, 0),
        (0x4000_2814, 2047),  # every 2048 * 16 / 32768 s
        (0x4000_2808, 0x4400),
        (0x5800_0800, 1 << 19),
        (0x5800_0880, 1 << 19),
        (0xE000_E100, 1 << 3),
        (0x5800_0400, 1),  # LPMS: Stop 1
        (0xE000_ED10, 4),
    )
    + f"""
    cpsid i
    again: {TOGGLE}
    wfi
    ldr r0, =0x58000000
    ldr r2, [r0, #8]
    {APPEND}
    bl clocks
    ldr r0, =0x58000000
    ldr r2, [r0, #8]
    {APPEND}
    {TOGGLE}
    cpsie i
    isb
    cpsid i
    b again
"""
)
ON_WAKE_UP = stores((0x4000_280C, 0), (0x5800_080C, 1 << 19)) + f"movs r2, #1; {APPEND} bx lr"


def test_light_sleep_stops_the_clocks_and_brings_them_back(either: ExactRig) -> None:
    either.load(f"{PIN_B0} bl clocks; {STOP_AND_WAKE} {CLOCKS}", {19: ON_WAKE_UP})
    times = marks(either)
    either.start()
    either.run(500_000_000)
    assert waits(either) == {"light_sleep"}
    either.run(3_050_000_000)
    asleep, clocks, handled = 0, 0xC | 3, 1
    assert [word & 0xF for word in appended(either)] == [asleep, clocks, handled] * 3
    # Asleep, awake, and so on: the way back is from Stop, over HSE and PLL.
    awake = times[1::2]
    assert [b - a for a, b in itertools.pairwise(awake)] == pytest.approx([1e9] * 2, abs=1000)
    edge_ns = 1e9 * 16 / 32768  # of what the wake-up timer counts
    wake_ns = STOP_WAKE_NS + HSE_START_NS + PLL_LOCK_NS
    # 30 instructions and a turn of each loop besides, at 4 MHz.
    assert [at % edge_ns for at in awake] == pytest.approx([wake_ns + 8000] * 3, abs=3000)


def test_stop_draws_less_than_a_plain_wait(make) -> None:
    energy_j = []
    for deep in (True, False):
        rig = make()
        program = f"{PIN_B0} bl clocks; {STOP_AND_WAKE} {CLOCKS}"
        if not deep:
            program = program.replace("ldr r1, =0x4; str r1, [r0];cpsid", "cpsid").replace(
                stores((0xE000_ED10, 4)), ""
            )
        rig.load(program, {19: ON_WAKE_UP})
        rig.start()
        rig.run(10_000_000)
        rig.board.ledger.open_account(1_000_000)
        rig.run(2_000_000_000)
        energy_j.append(rig.board.ledger.close_account().energy_j["mcu"])
    deep_j, idle_j = energy_j
    assert deep_j < idle_j / 20


def test_flash_memory_is_erased_and_programmed_under_its_semaphore(either: ExactRig) -> None:
    page = 0x0808_0000
    either.load(f"""
        {PIN_B0}
        {stores((0x5800_4008, 0x4567_0123), (0x5800_4008, 0xCDEF_89AB))}
        movs r4, #0
        round:
        ldr r0, =0x58001400
        ldr r2, [r0, #0x88]
        {APPEND}
        {TOGGLE}
        ldr r0, =0x58004000
        ldr r1, =0x10402
        adds r3, r4, #0
        lsls r3, r3, #3
        adds r1, r1, r3
        str r1, [r0, #0x14]
        busy: ldr r2, [r0, #0x10]
        lsls r2, r2, #15
        bmi busy
        {TOGGLE}
        movs r1, #1
        str r1, [r0, #0x14]
        ldr r3, ={page}
        lsls r1, r4, #12
        adds r3, r3, r1
        ldr r1, =0x11110000
        adds r1, r1, r4
        str r1, [r3]
        mvns r1, r1
        str r1, [r3, #4]
        movs r1, #0
        str r1, [r0, #0x14]
        done: ldr r2, [r0, #0x10]
        lsls r2, r2, #15
        bmi done
        ldr r2, [r3]
        {APPEND}
        ldr r2, [r3, #4]
        {APPEND}
        ldr r0, =0x58004000
        ldr r2, [r0, #0x10]
        {APPEND}
        ldr r0, =0x58001400
        ldr r1, =0x400
        str r1, [r0, #8]
        adds r4, #1
        cmp r4, #3
        bne round
        {SLEEP}
    """)
    either.poke(page, bytes(3 * 4096))  # something to erase
    times = marks(either)
    either.start()
    either.run(100_000_000)
    rounds = [appended(either)[4 * k : 4 * k + 4] for k in range(3)]
    words = [0x1111_0000 + k for k in range(3)]
    assert rounds == [[0x8000_0400, word, word ^ 0xFFFF_FFFF, 0] for word in words]
    erase_ns = [end - start for start, end in zip(times[::2], times[1::2], strict=True)]
    assert erase_ns == pytest.approx([TIMING.page_erase_ns] * 3, abs=12_000)
    assert either.word(page) == words[0]
    assert either.word(page + 8) == 0xFFFF_FFFF  # erased, and not programmed


# ---- the mailbox, by what ports/stm32/rfcore.c of MicroPython does

DEVICE, BLE, SYSTEM, MEMORY = (SRAM2 + at for at in (0x90, 0x80, 0x70, 0x58))
EVENTS, FREE, SYSTEM_QUEUE = SRAM2 + 0x40, SRAM2 + 0x48, SRAM2 + 0x50
COMMAND, STATUS, DATA, SYSTEM_COMMAND, SPARE = (SRAM2 + 0x1000 + 0x200 * n for n in range(5))
COMMANDS = SRAM2 + 0x2000
ADVERTISING = b"\x02\x01\x06\x04\x09eeg"
HCI = (
    bytes.fromhex("01030c00"),
    bytes.fromhex("0106200fa000a0000000000000000000000700"),
    bytes((1, 0x08, 0x20, 32, len(ADVERTISING))) + ADVERTISING.ljust(31, b"\0"),
    bytes.fromhex("010a200101"),
)
OPCODES = [struct.unpack_from("<H", command, 1)[0] for command in HCI]
MAILBOX = f"""
    {stores((0x5800_0C00, 1), (0x5800_0C04, 0x3F_003C), (0xE000_E104, 1 << 12))}
    {stores((0x5800_040C, 0x8000))}
    ready: wfi
    ldr r0, ={RESULTS}
    ldr r1, [r0]
    cmp r1, #1
    blo ready
    {stores((0x5800_0C08, 1 << 17))}
    initialised: ldr r1, [r0, #4]
    lsls r1, r1, #30
    bmi initialised
    ldr r4, ={COMMANDS}
    movs r6, #2
    command:
    ldr r3, ={COMMAND + 8}
    movs r2, #10
    copy: ldr r1, [r4]
    str r1, [r3]
    adds r4, #4
    adds r3, #4
    subs r2, #1
    bne copy
    {stores((0x5800_0C08, 1 << 16))}
    answered: wfi
    ldr r0, ={RESULTS}
    ldr r1, [r0]
    cmp r1, r6
    blo answered
    adds r6, #1
    cmp r6, #6
    bne command
    {SLEEP}
"""
# Takes what is on a list, and puts the list back as it was when empty: no buffer is of the pool.
ON_RECEIVED = f"""
    ldr r0, =0x58000C00
    ldr r3, [r0, #0x1C]
    lsls r2, r3, #30
    bpl events
    {stores((SYSTEM_QUEUE, SYSTEM_QUEUE), (SYSTEM_QUEUE + 4, SYSTEM_QUEUE))}
    movs r2, #0
    {APPEND}
    {stores((0x5800_0C08, 2))}
    bx lr
    events:
    ldr r2, ={STATUS + 12}
    ldr r2, [r2]
    {APPEND}
    {stores((EVENTS, EVENTS), (EVENTS + 4, EVENTS), (0x5800_0C08, 1))}
    bx lr
"""


def test_the_mailbox_carries_commands_and_the_board_can_be_found(either: ExactRig) -> None:
    def put(at: int, *words: int) -> None:
        either.chip.bus.write_block(at, struct.pack(f"<{len(words)}I", *words))

    either.load(MAILBOX, {60: ON_RECEIVED})
    either.start()
    put(SRAM2, DEVICE, BLE, 0, SYSTEM, MEMORY)
    put(MEMORY, SPARE, SPARE + 0x100, SRAM2 + 0x4000, 0x800, FREE)
    put(SYSTEM, SYSTEM_COMMAND, SYSTEM_QUEUE)
    put(BLE, COMMAND, STATUS, EVENTS, DATA)
    for head in (EVENTS, FREE, SYSTEM_QUEUE):
        put(head, head, head)
    either.chip.bus.write_block(SYSTEM_COMMAND + 8, bytes.fromhex("1066fc00"))
    for n, command in enumerate(HCI):
        either.chip.bus.write_block(COMMANDS + 40 * n, command.ljust(40, b"\0"))
    either.run(BOOT_NS + 3_000_000)
    ready, *answers = appended(either)
    assert ready == 0
    # Opcode and status of each answer.
    assert [answer & 0xFF_FFFF for answer in answers] == OPCODES
    assert either.board.is_up

    central = Central(either.air)

    async def look() -> list[tuple[str, str | None]]:
        found = await BleakScanner.discover(timeout=1, backend=central.scanner_backend)
        return [(device.address, device.name) for device in found]

    assert either.loop.run_until_complete(look()) == [(either.board.address, "eeg")]


# ADC1: awake, on, VREFINT connected; then one conversion after the other.
CONVERT = """
    convert:
    ldr r4, =0x50040000
    str r0, [r4, #0x30]
    ldr r1, =0x10000005
    str r1, [r4, #8]
    going: ldr r2, [r4]
    lsls r2, r2, #29
    bpl going
    ldr r2, [r4, #0x40]
"""


def test_the_battery_is_at_its_pin_and_the_factorys_words_are_the_chips(either: ExactRig) -> None:
    channels = [1, 5, 12, 0]  # C0, A0, A7, VREFINT
    converting = "".join(f"ldr r0, ={channel << 6}; bl convert;" for channel in channels)
    awake = stores((0x5004_0008, 0), (0x5004_0008, 1 << 28), (0x5004_0008, 1 << 28 | 1))
    ready = "ldr r4, =0x50040000; ready: ldr r2, [r4]; lsls r2, r2, #31; bpl ready;"
    either.load(
        f"{awake} {ready} {stores((0x5004_0308, 1 << 22))} {converting} {SLEEP}"
        f"{CONVERT} {APPEND} bx lr"
    )
    either.start()
    either.run(5_000_000)
    battery, other, another, vrefint = appended(either)
    board = either.board
    seen_v = board.ledger.battery_v / board.board.battery.divider
    assert battery == pytest.approx(seen_v / board.vdda_v * 4096, abs=1)
    assert (other, another) == (0, 0)
    # As drivers work out the supply: VREFINT_CAL was taken at 3.6 V (stm32wbxx_ll_adc.h).
    calibration = either.word(0x1FFF_75A8) >> 16
    assert 3.6 * calibration / vrefint == pytest.approx(board.vdda_v, rel=0.002)
