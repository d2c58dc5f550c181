"""A virtual board as a device on the desk: its console is a pseudo-terminal, in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from eegrig.boards import load_board
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board import FastBoard
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.device_server.serial_port import SerialPort
from eegrig.host.image.file_system import Operation
from eegrig.host.image.firmware_image import ImageContents, read_image
from eegrig.host.image.layout import layout_of

from ..power_cuts import record


class VirtualDevice:
    """A board that runs, faster than in real time, until it is closed.

    Its flash memory holds `image` at first.
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
        self._layout = layout_of(self.board)
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
        return read_image(self._call(self._flash), self._layout)

    def flash(self) -> bytes:
        """Return what is in the file-system region."""
        return self._call(self._flash)

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Operation]]:
        """Note what is done to the region."""
        recording = record(self.virtual.chip.flash, self._region.start)
        operations = self._call(recording.__enter__)
        yield operations
        self._call(lambda: recording.__exit__(None, None, None))

    def unplug(self) -> None:
        """Pull the cable: the port goes, and the power with it."""

        def pull() -> None:
            self.virtual.interpreter.stop()
            self._plug.close()

        self._call(pull)
        self._plugged = False

    def fill(self, size: int) -> None:
        """Put a file of a user's of that size beside the firmware."""
        from eegrig.host.image.region import pack_region

        def change() -> None:
            files = dict(read_image(self._flash(), self._layout).files)
            files["recording.dat"] = os.urandom(size)
            self._program(pack_region(files, self._layout).data)
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
        self.virtual = FastBoard(
            self.board, loop=self._loop, air=air, directory=folder, rng=rng, uid=self.board.name
        )
        flash = self.virtual.chip.flash
        self._erase_page, self._program_bytes = flash.erase_page, flash.program
        self._plug = SerialPort(self._loop, self.virtual.console, folder / "console")
        self.port = self._plug.path
        self._plugged = True
        self._count_input()
        self._program(image)
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

    def _program(self, image: bytes) -> None:
        """Change the flash memory behind everybody's back."""
        block = self._layout.page_size
        for at in range(0, len(image), block):
            self._erase_page(self._region.start + at)
            self._program_bytes(self._region.start + at, image[at : at + block])

    def _flash(self) -> bytes:
        return bytes(self.virtual.chip.flash_bytes(self._region.start, self._region.size))
