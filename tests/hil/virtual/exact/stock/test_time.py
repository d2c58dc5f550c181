"""Ticks and clock of a stock binary against virtual time, in this process: opt-in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.board.exact_board import ExactBoard
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.device_server.firmware import write_runtime
from eegrig.host.runtime.runtime_file import read_runtime

from .conftest import KIND, VARIABLE

LOOK_S = 1e-4
MEASURE = (
    b"a = time.ticks_ms(); c = r.datetime(); print('be' 'gins'); time.sleep_ms(10000);"
    b" b = time.ticks_ms(); d = r.datetime(); print('en' 'ds', b - a, c[6:], d[6:])\r"
)


def test_ten_seconds_are_ten_seconds(tmp_path: Path) -> None:
    runtime = os.environ.get(VARIABLE)
    if not runtime:
        pytest.skip(f"{VARIABLE} does not say where a stock MicroPython for NUCLEO_WB55 is")
    loop, kind = VirtualLoop(), load_board(KIND)
    rng = np.random.default_rng(0)
    board = ExactBoard(kind, loop=loop, air=Air(loop, seed=0), directory=tmp_path, rng=rng)
    write_runtime(board, read_runtime(Path(runtime), kind).segments)
    log = board.console.log

    async def until(text: bytes) -> int:
        async with asyncio.timeout(30):
            while text not in log:
                await asyncio.sleep(LOOK_S)
        log[: log.index(text) + len(text)] = b""
        return loop.now_ns()

    async def measure() -> tuple[float, bytes]:
        board.supply.on()
        await until(b">>> ")
        board.console_input(b"import time, machine; r = machine.RTC()\r")
        await until(b">>> ")
        board.console_input(MEASURE)
        start_ns = await until(b"begins")
        end_ns = await until(b"ends ")
        await asyncio.sleep(0.1)
        return (end_ns - start_ns) / 1e6, bytes(log).partition(b"\r")[0]

    try:
        virtual_ms, said = loop.run_until_complete(measure())
    finally:
        board.close()
        loop.close()
    ticks_ms, begin, end = eval(b"(" + said.replace(b" (", b", (") + b")")
    clock_ms = 1000 * ((end[0] - begin[0]) % 60) + (end[1] - begin[1]) / 1000
    assert ticks_ms == pytest.approx(virtual_ms, rel=1e-3)
    assert clock_ms == pytest.approx(virtual_ms, rel=1e-3)
