"""A virtual board as a device on the desk: its console is a pseudo-terminal, in a thread."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from boards import load_board
from hil.virtual.board import VirtualBoard
from hil.virtual.clock import VirtualLoop
from hil.virtual.desk.serial_port import SerialPort
from hil.virtual.radio import Air
from host.image import ImageContents, read_image


class VirtualDevice:
    """A board that runs, faster than in real time, until it is closed.

    Its flash memory holds `image` at first. `after_flash`, if set, is called in the board's thread
    after every operation of its flash memory, with what is in it.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        image: bytes,
        *,
        pace: float = 20.0,
    ) -> None:
        self.board = load_board(name)
        self._region = self.board.mcu.filesystem
        self.after_flash: Callable[[bytes], None] | None = None
        self.written = 0  # bytes that came through the port
        self._loop = VirtualLoop(pace=pace)
        self._started = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, args=(folder, image), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(20), "the board does not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending = True
        self._thread.join(20)

    # ------------------------------------------------------------------ from the test's thread
    def contents(self) -> ImageContents:
        """Return what is in the file system."""
        return read_image(self._call(self._flash), self._region.block_size)

    def unplug(self) -> None:
        """Pull the cable: the port goes, and the power with it."""

        def pull() -> None:
            self.virtual.interpreter.stop()
            self._plug.close()

        self._call(pull)
        self._plugged = False

    def fill(self, size: int) -> None:
        """Put a file of a user's of that size beside the firmware."""
        from host.file_system import pack, unpack

        def change() -> None:
            files = unpack(self._flash(), self._region.block_size)
            files["recording.dat"] = os.urandom(size)
            self._program(pack(files, self._region.size, self._region.block_size)[0])
            self.virtual.reset()

        self._call(change)

    def _call(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)

    # ------------------------------------------------------------------ in the board's thread
    def _run(self, folder: Path, image: bytes) -> None:
        self._loop.run_until_complete(self._live(folder, image))
        self._loop.close()

    async def _live(self, folder: Path, image: bytes) -> None:
        air = Air(self._loop, seed=0)
        rng = np.random.default_rng(0)
        self.virtual = VirtualBoard(
            self.board, loop=self._loop, air=air, directory=folder, rng=rng, uid=self.board.name
        )
        flash = self.virtual.chip.flash
        self._erase_page, self._program_bytes = flash.erase_page, flash.program
        self._plug = SerialPort(self._loop, self.virtual.console, folder / "console")
        self.port = self._plug.path
        self._plugged = True
        self._count_input()
        self._program(image)
        self._watch_flash()
        self.virtual.reset()
        self._started.set()
        try:
            while not self._ending:  # also when nothing else keeps time going
                await asyncio.sleep(1.0)
        finally:
            if self._plugged:
                self._plug.close()
            self.virtual.close()

    def _count_input(self) -> None:
        console = self.virtual.console
        write = console.write

        def counted(data: bytes) -> int:
            taken = write(data)
            self.written += taken
            return taken

        console.write = counted  # type: ignore[method-assign]

    def _watch_flash(self) -> None:
        flash = self.virtual.chip.flash

        def erase_page(address: int) -> int:
            duration_ns = self._erase_page(address)
            self._changed()
            return duration_ns

        def program(address: int, data: bytes) -> int:
            duration_ns = self._program_bytes(address, data)
            self._changed()
            return duration_ns

        flash.erase_page = erase_page  # type: ignore[method-assign]
        flash.program = program  # type: ignore[method-assign, assignment]

    def _changed(self) -> None:
        if self.after_flash is not None:
            self.after_flash(self._flash())

    def _program(self, image: bytes) -> None:
        """Change the flash memory behind everybody's back."""
        block = self._region.block_size
        for at in range(0, len(image), block):
            self._erase_page(self._region.start + at)
            self._program_bytes(self._region.start + at, image[at : at + block])

    def _flash(self) -> bytes:
        return bytes(self.virtual.chip.flash_bytes(self._region.start, self._region.size))
