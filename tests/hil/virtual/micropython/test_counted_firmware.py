"""The prices of CPU time, held to what was counted of firmware in the stock binary for stm32.

Instructions were counted one by one in an emulated core, and cycles by a model of it that is held
to 46 published timings of boards (`docs/decisions/0003-cpu-time.md`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.rpc import Op, Request
from eegrig.host.image.mpycross import compile_module
from tests.hil.virtual.micropython.conftest import Machine, file_system

PAGE = Path(__file__).parents[4] / "docs" / "cpu-time.md"
FIRMWARE = Path(__file__).parent / "counted_firmware"
STM32 = stock_runtime("stm32", "NUCLEO_WB55")
BYTECODE = stock_runtime("zephyr", "nrf52840dk_nrf52840")
CLOCK_HZ = 64e6
PERIOD_NS = 4_000_000
SENT_NS = 5_000_000
FRAME = b"\xc0\0\0"
EFFICIENT, LOW_LATENCY = 0, 1
N_FRAMES = 720  # whole packets of 9 and of 36, and whole turns of the main loop


@pytest.fixture(scope="module")
def image() -> dict[str, bytes]:
    return {
        str(path.relative_to(FIRMWARE).with_suffix(".mpy")): compile_module(
            path.read_bytes(), path.name, BYTECODE
        )
        for path in sorted(FIRMWARE.rglob("*.py"))
    }


class Board:
    """The firmware that was counted, and hardware that takes no time of its own."""

    def __init__(self, folder: Path, image: dict[str, bytes], main: str) -> None:
        self.machine = Machine(folder, STM32)
        self.packets = 0
        self._slot = 0
        answers = self.machine.hardware.answers
        answers[Op.SPI] = lambda request: FRAME.ljust(request.size, b"\0")
        answers[Op.BLE_NOTIFY] = self._notify
        answers[Op.PIN_IRQ] = self._set_interrupt
        self.machine.path.write_bytes(file_system({**image, "main.py": main}))
        self.machine.start(CpuModel.of_image(image, STM32, CLOCK_HZ))

    def _notify(self, request: Request) -> int:
        self.packets += 1
        loop = self.machine.loop
        sent_ns = loop.now_ns() + SENT_NS
        loop.call_at_ns(sent_ns, self.machine.interpreter.host_work)
        return 0

    def _set_interrupt(self, request: Request) -> int:
        self._slot = request.c
        return 0

    def convert(self, n: int) -> None:
        """Let the front end convert so many times."""
        loop = self.machine.loop
        for i in range(1, n + 1):
            when_ns = loop.now_ns() + i * PERIOD_NS
            loop.call_at_ns(when_ns, self.machine.interpreter.interrupt, self._slot)
        self.machine.run(n * PERIOD_NS / 1e9 + 0.003)

    @property
    def busy_us(self) -> float:
        """For how long the CPU has been active."""
        return sum(stop - start for start, stop in self.machine.hardware.active_ns) / 1e3


PREPARATION = """\
import micropython, time, counted
app = counted.Application(8, 0)
acquisition, gatt = app._acquisition, app._gatt
ble = gatt._ble
spi = counted.SPI(1, baudrate=4_000_000, polarity=0, phase=1)
frame, packet = bytearray(27), bytearray(232)
short = memoryview(packet)[:64]
def take(n):
    acquisition._n = n
    acquisition._conversions = acquisition._expected
    acquisition._pending = False
"""


@pytest.fixture
def took_us(tmp_path, image) -> Iterator[Callable[..., int]]:
    """Return a function that runs a call on the board and returns how long it takes.

    The straight code of a script costs nothing by itself, having no jumps.
    """
    boards: list[Board] = []

    def took(call: str, before: str = "pass", *, in_callback: bool = False) -> int:
        measured = f"{before}\na = time.ticks_us()\n{call}\nb = time.ticks_us()\n"
        if in_callback:  # what it schedules waits, as in an interrupt
            function = "def measure(_):\n    global a, b\n" + textwrap.indent(measured, "    ")
            measured = function + "micropython.schedule(measure, None)\ntime.sleep_ms(5)\n"
        main = PREPARATION + measured * 2 + "print(time.ticks_diff(b, a))"
        folder = tmp_path / str(len(boards))
        folder.mkdir()
        boards.append(Board(folder, image, main))
        boards[-1].machine.run(1.0)
        return int(boards[-1].machine.lines[0])

    yield took
    for board in boards:
        board.machine.close()


def hold(stretch: str, found_us: float, counted_us: float, rel: float) -> None:
    """Hold what is priced to what was counted, and both to the page's row of that stretch.

    A microsecond is what ticks resolve.
    """
    assert found_us == pytest.approx(counted_us, rel=rel)
    rows = [line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    (row,) = [row for row in rows if row[0] == f"| {stretch}"]
    wanted = f"docs/cpu-time.md: {stretch}: {counted_us:g} µs counted, {found_us:.0f} µs priced"
    counted, priced = (float(cell.removeprefix("about ").removesuffix(" µs")) for cell in row[1:3])
    assert counted == counted_us, wanted
    assert priced == pytest.approx(found_us, abs=1.5), wanted
    difference = f"{100 * (priced / counted - 1):+.0f} %".replace("+0 %", "0 %").replace("-0", "0")
    assert row[3] == f"{difference} |", wanted


def call_us(name: str) -> float:
    return float(getattr(STM32.calls, name)) / CLOCK_HZ * 1e6


def frame_us(folder: Path, image: dict[str, bytes], channels: int, profile: int) -> float:
    """Return how long the CPU is active for a frame while it streams."""
    main = f"import counted\ncounted.Application({channels}, {profile}).serve()"
    board = Board(folder, image, main)
    try:
        board.machine.run(1.0)  # it has started
        board.convert(72)
        before_us, packets = board.busy_us, board.packets
        board.convert(N_FRAMES)
        per_packet = {EFFICIENT: 216 // (3 * channels), LOW_LATENCY: 2}[profile]
        assert board.packets - packets == N_FRAMES // per_packet
        return (board.busy_us - before_us) / N_FRAMES
    finally:
        board.machine.close()


def test_the_hard_interrupt(took_us):
    """From the edge to the end of the handler: 4 975 instructions."""
    handler_us = took_us("acquisition._on_drdy_counted(None)", "take(1)", in_callback=True)
    hold("hard interrupt, edge to end of handler", handler_us + call_us("interrupt"), 186, 0.10)


def test_the_service_of_a_frame(took_us):
    """With the transfer and its interrupts, without a packet: about 7 450 instructions."""
    service_us = took_us("acquisition._service(0)", "take(1)")
    hold("service of a frame, with the transfer", service_us + call_us("dispatch"), 278, 0.10)


def test_a_transfer_on_the_bus(took_us):
    """`spi.readinto` of 27 bytes, called from a function: 1 724 instructions."""
    transfer_us = took_us("counted.read(spi, frame)") - took_us("counted.nothing(spi, frame)")
    hold("`spi.readinto` of 27 bytes", transfer_us, 69, 0.10)


@pytest.mark.parametrize(
    ("data", "n_bytes", "counted_us"), [("packet", 232, 758), ("short", 64, 281)]
)
def test_a_notification(took_us, data, n_bytes, counted_us):
    """Of 232 and of 64 bytes, down to the mailbox: 27 628 and 9 488 instructions."""
    notify_us = took_us(f"ble.gatts_notify(1, 16, {data})")
    hold(f"`gatts_notify` of {n_bytes} bytes", notify_us, counted_us, 0.05)


def test_a_packet(took_us):
    """From `_ship` to the end of the notification, and the host's work after it: 51 600."""
    packet_us = took_us("acquisition._ship()", "take(9)")
    packet_us += call_us("packet_completed")
    hold("a packet of 232 bytes, with the host's work after it", packet_us, 1640, 0.10)


@pytest.mark.parametrize(
    ("channels", "profile", "counted_us", "stretch"),
    [
        (8, EFFICIENT, 743, "frame, 8 channels, 250 SPS, efficient"),
        (8, LOW_LATENCY, 1194, "the same, low latency"),
        (2, EFFICIENT, 586, "frame, 2 channels, 250 SPS, efficient"),
    ],
)
def test_a_frame_while_streaming(tmp_path, image, channels, profile, counted_us, stretch):
    """All in, at 250 frames a second: 20 433, 32 633 and 15 554 instructions."""
    hold(stretch, frame_us(tmp_path, image, channels, profile), counted_us, 0.10)


def test_the_main_loops_share_of_a_frame(took_us, tmp_path, image):
    """What is left of a frame: the loop that rests, light sleep, and a look at everything."""
    interrupt_us = took_us(
        "acquisition._on_drdy_counted(None)", "take(1)", in_callback=True
    ) + call_us("interrupt")
    service_us = took_us("acquisition._service(0)", "take(1)") + call_us("dispatch")
    packet_us = took_us("acquisition._ship()", "take(9)") + call_us("packet_completed")
    rest_us = frame_us(tmp_path, image, 8, EFFICIENT) - interrupt_us - service_us - packet_us / 9
    hold("main loop, per frame", rest_us, 100, 0.20)
