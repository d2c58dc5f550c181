"""Several boards on one air: what each further one costs, in one run side by side."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eegrig.boards import load_board
from eegrig.hil.pages.stored import StoredFigure
from eegrig.hil.signal_factory import SignalFactory
from eegrig.hil.virtual.air.air import Air
from eegrig.hil.virtual.bench import one_cpu
from eegrig.hil.virtual.board import FastBoard
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.computer_radio.central import Central
from eegrig.host.flashing.flash import flash
from eegrig.host.image.firmware_image import build_image
from eegrig.host.link.connection import connect
from tests.benchmarks.conftest import Finding
from tests.benchmarks.gate import processor_s

_SECONDS = 20.0


def stream_s(n_boards: int, folder: Path) -> tuple[float, float]:
    """Stream from `n_boards` at once and return the time and processor time it took."""
    board = load_board("headband8")
    image = build_image(board)
    loop = VirtualLoop()
    air = Air(loop, seed=1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_cpu())
        stack.callback(loop.close)
        virtual = []
        for number in range(n_boards):
            uid = f"band{number}x"
            one = FastBoard(
                board,
                loop=loop,
                air=air,
                directory=folder / str(n_boards) / uid,
                rng=np.random.default_rng(number),
                uid=uid,
            )
            stack.callback(one.close)
            one.source.play_made(SignalFactory("resting", board, number))
            flash(board, image, probe=one.probe_id)
            virtual.append(one)
        computers = [Central(air, address=f"C0:C1:C2:C3:C4:{n:02X}") for n in range(n_boards)]

        async def stream(one: FastBoard, computer: Central, ready: asyncio.Barrier) -> None:
            await computer.set_link(phy=2, interval_ms=board.radio.efficient_interval_ms)
            async with connect(
                one.address,
                scanner_backend=computer.scanner_backend,
                client_backend=computer.client_backend,
                now_ns=loop.now_ns,
            ) as link:
                await link.start()
                await ready.wait()
                end_ns = loop.now_ns() + round(_SECONDS * 1e9)
                while loop.now_ns() < end_ns:
                    await link.receive()
                await ready.wait()
                await link.stop()

        async def all_of_them() -> tuple[float, float]:
            ready = asyncio.Barrier(n_boards + 1)
            tasks = [
                asyncio.create_task(stream(one, computer, ready))
                for one, computer in zip(virtual, computers, strict=True)
            ]
            await ready.wait()
            begin_s, busy_s = time.perf_counter(), processor_s()
            await ready.wait()
            taken_s = time.perf_counter() - begin_s, processor_s() - busy_s
            await asyncio.gather(*tasks)
            return taken_s

        return loop.run_until_complete(all_of_them())


def test_each_further_board_on_one_air(
    benchmark: Callable[..., object], tmp_path: Path, finding: Finding
) -> None:
    taken_s: dict[int, list[float]] = {1: [], 2: [], 4: []}
    processor: dict[int, list[float]] = {n_boards: [] for n_boards in taken_s}

    def one_round() -> None:
        for n_boards, times_s in taken_s.items():
            wall_s, busy_s = stream_s(n_boards, tmp_path / str(len(times_s)))
            times_s.append(wall_s)
            processor[n_boards].append(busy_s)

    benchmark.pedantic(one_round, rounds=3, warmup_rounds=1)  # type: ignore[attr-defined]
    one_s, two_s, four_s = (min(taken_s[n]) for n in (1, 2, 4))
    figures = {
        "boards.second": StoredFigure.of((two_s - one_s) / one_s, "1"),
        "boards.fourth": StoredFigure.of((four_s - one_s) / 3 / one_s, "1"),
    }
    for n_boards, times_s in taken_s.items():
        for how, wall_s in (("best", min(times_s)), ("median", statistics.median(times_s))):
            figures[f"boards.{n_boards}.{how}"] = StoredFigure.of(_SECONDS / wall_s, "1")
        busy = _SECONDS / min(processor[n_boards])
        figures[f"boards.{n_boards}.processor"] = StoredFigure.of(busy, "1")
    finding(
        f"boards on one air: the second costs {(two_s - one_s) / one_s:.2f} of the first's time; "
        f"four stream at {_SECONDS / four_s:.0f} times real time",
        figures,
    )
