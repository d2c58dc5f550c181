"""A MicroPython process with a file system of the test's and hardware that is a script."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from littlefs import LittleFS

from eegrig.boards.ports import Runtime, stock_runtime
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.interpreter import Interpreter, ResetCause
from eegrig.hil.virtual.micropython.peripherals import Answer, Prefetched
from eegrig.hil.virtual.micropython.rpc import Op, Request
from eegrig.hil.virtual.micropython.runtime import figures_for_shim

BLOCK, BLOCKS = 4096, 16
RUNTIME = stock_runtime("zephyr", "xiao_ble_nrf52840_sense")  # a prompt with all it can have


def cpu_model(**files: bytes) -> CpuModel:
    """Return a model that knows some files of bytecode; other code costs 10 us per jump."""
    model = CpuModel.of_image(files, RUNTIME, 64e6)
    return dataclasses.replace(model, jump_ns=10_000)


MODEL = cpu_model()


def file_system(files: Mapping[str, str | bytes]) -> bytes:
    """Return a file system with files by path."""
    fs = LittleFS(block_size=BLOCK, block_count=BLOCKS, read_size=32, prog_size=32)
    for path, content in files.items():
        folder = path.rpartition("/")[0]
        if folder:
            fs.makedirs(folder, exist_ok=True)
        with fs.open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
    return bytes(fs.context.buffer)


class Hardware:
    """Answers every request with 0, or with what the test put into `answers`."""

    def __init__(self) -> None:
        self.answers: dict[int, Callable[[Request], Answer]] = {}
        self.log: list[tuple[Op, int, int, int, int]] = []
        self.active_ns: list[tuple[int, int]] = []
        self.conversions: Callable[[int], Prefetched] = lambda until_ns: Prefetched(None)

    def request(self, request: Request) -> Answer:
        self.log.append((Op(request.op), request.time_ns, request.a, request.b, request.c))
        answer = self.answers.get(request.op)
        return 0 if answer is None else answer(request)

    def cpu_active(self, start_ns: int, stop_ns: int) -> None:
        self.active_ns.append((start_ns, stop_ns))

    heap_bytes = 0

    def cpu_stopped(self, *, stopped: bool) -> None:
        """Take note of light sleep."""

    def read_ahead(self) -> bytes:
        return b""

    def prefetched(self, until_ns: int) -> Prefetched:
        return self.conversions(until_ns)

    def skip(self, reads_ns: Sequence[int]) -> None:
        raise AssertionError("nothing was told of in advance")

    def was_read(self, end_ns: int) -> None:
        raise AssertionError("nothing was offered to be read ahead")


class Machine:
    """An interpreter on a virtual clock; `boot` gives it files and starts it."""

    def __init__(self, folder: Path, runtime: Runtime = RUNTIME) -> None:
        self.loop = VirtualLoop()
        self.hardware = Hardware()
        self.output = bytearray()
        self.resets: list[int] = []
        self.path = folder / "flash.bin"
        self.interpreter = Interpreter(
            self.loop,
            flash_path=self.path,
            filesystem=(0, BLOCK * BLOCKS, BLOCK),
            memory=runtime.memory,
            on_console=self.output.extend,
            port=figures_for_shim(runtime, "board", "cpu"),
        )
        self.interpreter.on_reset = self.resets.append

    def boot(
        self,
        main: str | None = None,
        *,
        model: CpuModel = MODEL,
        cause: int = ResetCause.POWER_ON,
        tree: Mapping[str, bytes] | None = None,
        **files: str,
    ) -> Machine:
        """Start it with a ``main.py`` and other files (``boot="..."`` is ``boot.py``)."""
        if main is not None:
            files["main"] = main
        sources = {f"{name}.py": text for name, text in files.items()}
        self.path.write_bytes(file_system({**sources, **(tree or {})}))
        self.start(model, cause)
        return self

    def start(self, model: CpuModel = MODEL, cause: int = ResetCause.POWER_ON) -> None:
        async def start() -> None:
            self.interpreter.start(self.hardware, model, cause)

        self.run(start())

    def run(self, what: Coroutine[Any, Any, Any] | float) -> Any:
        """Run a coroutine, or let some seconds pass."""
        if isinstance(what, int | float):
            return self.loop.run_until_complete(asyncio.sleep(what))
        return self.loop.run_until_complete(what)

    @property
    def text(self) -> str:
        return self.output.decode().replace("\r\n", "\n")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def close(self) -> None:
        self.interpreter.stop()
        self.loop.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.close()
