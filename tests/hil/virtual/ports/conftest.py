"""Boards without a front end: MicroPython of a port, its wiring and its radio, on one air."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from littlefs import LittleFS

from eegrig.boards import Board, load_board
from eegrig.boards.ports import board_runtime
from eegrig.hil.virtual.air.activity import ActivityMeter
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board_bluetooth.peripheral import Peripheral
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.micropython.ble import BleRequests
from eegrig.hil.virtual.micropython.bus import Bus
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.interpreter import Interpreter, ResetCause
from eegrig.hil.virtual.micropython.runtime import acl_buffers, figures_for_shim, stack_rules

SIZE, PAGE = 32 * 4096, 4096
WAKE_NS = 200_000
ERASE_NS, PROGRAM_NS = 22_000_000, 10_000
BOARDS = {"zephyr": "headband8", "stm32": "nucleo-wb55-ads1299"}


class FrontEnd:
    """Stands in for a front end: takes levels and answers zeros."""

    def __init__(self) -> None:
        self.on_drdy: Callable[[int], None] | None = None
        self.drdy = 1
        self.levels: dict[str, int] = {}
        self.transfers: list[tuple[bytes, float, int]] = []

    def transfer(self, mosi: bytes, *, sck_hz: float, mode: int = 1) -> bytes:
        self.transfers.append((mosi, sck_hz, mode))
        return bytes(len(mosi))

    next_ns = None

    def prefetched_frames(self, until_ns: int, most: int) -> tuple[list[int], list[bytes]]:
        raise AssertionError("nothing is converted")

    def skip(self, reads_ns: Sequence[int]) -> None:
        raise AssertionError("nothing is converted")

    def unread_frame(self) -> bytes:
        return b""

    def frame_was_read(self, end_ns: int) -> None:
        raise AssertionError("nothing was offered to be read ahead")

    def set_cs(self, level: int) -> None:
        self.levels["cs"] = level

    def set_start(self, level: int) -> None:
        self.levels["start"] = level

    def set_reset(self, level: int) -> None:
        self.levels["reset"] = level

    def set_pwdn(self, level: int) -> None:
        self.levels["pwdn"] = level


class Flash:
    """Flash memory in a file.

    Attributes
    ----------
    operations : list of (str, int, int)
        What was done, when in nanoseconds, and the address.
    """

    def __init__(
        self, path: Path, files: dict[str, str], block: int, now_ns: Callable[[], int]
    ) -> None:
        self.operations: list[tuple[str, int, int]] = []
        self._now_ns = now_ns
        # Where the port takes the length from the file system, the rest is free for tests.
        size = SIZE if block == PAGE else SIZE * 7 // 8
        self._fs = LittleFS(
            block_size=block,
            block_count=size // block,
            read_size=32,
            prog_size=32,
            cache_size=min(block, 128),
        )
        self.path = path
        self._write()
        for name, text in files.items():
            self.add(name, text.encode())

    def add(self, name: str, data: bytes) -> None:
        """Put a file there, before the board starts."""
        folder = name.rpartition("/")[0]
        if folder:
            self._fs.makedirs(folder, exist_ok=True)
        with self._fs.open(name, "wb") as file:
            file.write(data)
        self._write()

    def _write(self) -> None:
        self.path.write_bytes(bytes(self._fs.context.buffer).ljust(SIZE, b"\xff"))

    def blank(self) -> None:
        """Erase it all."""
        self.path.write_bytes(b"\xff" * SIZE)

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    def program(self, address: int, data: bytes) -> int:
        self.operations.append(("program", self._now_ns(), address))
        self._change(address, data)
        return 0

    def erase_page(self, address: int) -> int:
        self.operations.append(("erase", self._now_ns(), address))
        self._change(address, b"\xff" * PAGE)
        return ERASE_NS

    def program_ns(self, size: int) -> int:
        return size * PROGRAM_NS

    def _change(self, address: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(address)
            file.write(data)


class Node:
    """One board of a `World`."""

    def __init__(
        self, world: World, name: str, port: str, files: dict[str, str], build: str | None = None
    ) -> None:
        board: Board = load_board(BOARDS[port])
        mcu = msgspec.structs.replace(board.mcu, clock_hz=64e6, build=build or board.mcu.build)
        board = msgspec.structs.replace(board, mcu=mcu)
        self.world, self.name = world, name
        self.output = bytearray()
        self.resets: list[int] = []
        self.sleeps: list[tuple[int, str]] = []
        self.active_ns = 0
        self.radio = ActivityMeter()
        self.front_end = FrontEnd()
        block = board_runtime(board).storage.block_octets
        self.flash = Flash(world.folder / f"{name}.bin", files, block, world.loop.now_ns)
        bluetooth = board_runtime(board).bluetooth
        ble = BleRequests(
            bluetooth,
            lambda user: Peripheral(
                world.air,
                user,
                rules=stack_rules(bluetooth),
                address=f"F0:F1:F2:F3:F4:{len(world.nodes) + 1:02X}",
                name=name,
                mtu=board.radio.mtu,
                acl=acl_buffers(bluetooth),
                max_octets=bluetooth.link_octets_max,
                sink=self.radio,
            ),
        )
        self.peripheral = ble.peripheral
        self.interpreter = Interpreter(
            world.loop,
            flash_path=self.flash.path,
            filesystem=(0, SIZE, block),
            memory=board_runtime(board).memory,
            on_console=self.output.extend,
            port=figures_for_shim(
                board_runtime(board), name, board.mcu.part, unique_id=bytes(range(12))
            ),
            light_sleep_wake_ns=WAKE_NS,
        )
        self.interpreter.on_reset = self._reset
        self.bus = Bus(
            board,
            world.loop,
            afe=self.front_end,
            flash=self.flash,
            ble=ble,
            random=world.air.rng(f"random numbers of {name}"),
            battery_v=lambda: 3.7,
            cpu_active=self._active,
            edge_interrupts=lambda **_: None,
            set_sleep=lambda mode: self.sleeps.append((world.loop.now_ns(), mode)),
        )

    def start(self, cause: int = ResetCause.POWER_ON) -> None:
        self.bus.attach(self.interpreter)
        model = CpuModel.of_image({}, self.bus.runtime, 64e6)
        self.interpreter.start(self.bus, dataclasses.replace(model, jump_ns=2_000), cause)

    def _active(self, start_ns: int, stop_ns: int) -> None:
        self.active_ns += stop_ns - start_ns

    def _reset(self, cause: int) -> None:
        self.resets.append(cause)
        self.interpreter.stop()
        self.peripheral.deactivate()
        self.start(cause)

    @property
    def text(self) -> str:
        return self.output.decode().replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        lines = self.text.replace(">>> ", "").splitlines()
        return [
            line for line in lines if line and not line.startswith(("MicroPython v", 'Type "help'))
        ]


@dataclasses.dataclass
class World:
    """One virtual time, one air, boards on it."""

    folder: Path
    loop: VirtualLoop = dataclasses.field(default_factory=VirtualLoop)
    nodes: list[Node] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.air = Air(self.loop, seed=7)

    def board(
        self,
        main: str,
        *,
        port: str = "stm32",
        name: str = "",
        build: str | None = None,
        tree: dict[str, str] | None = None,
        **files: str,
    ) -> Node:
        """Add a board with a ``main.py``; other files by path, or by name with ``__`` for ``/``."""
        paths = {f"{key.replace('__', '/')}.py": text for key, text in files.items()}
        paths |= tree or {}
        files = {"main.py": main, **paths}
        node = Node(self, name or f"board{len(self.nodes)}", port, files, build)
        self.nodes.append(node)
        return node

    def run(self, seconds: float) -> None:
        """Switch on what is not on yet, and let time pass."""

        async def run() -> None:
            for node in self.nodes:
                if not node.interpreter.alive:
                    node.start()
            await asyncio.sleep(seconds)

        self.loop.run_until_complete(run())

    def close(self) -> None:
        for node in self.nodes:
            node.interpreter.stop()
            node.peripheral.deactivate()

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def run_alone(
    world: World, main: str, port: str = "stm32", seconds: float = 2.0, **files: Any
) -> Node:
    """Run one program on one board."""
    node = world.board(main, port=port, **files)
    world.run(seconds)
    return node
