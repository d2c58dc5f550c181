"""A console as a serial port that pyserial opens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import serial

from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.device_server.serial_port import SerialPort

MIB = 1 << 20


class Board:
    """A board that takes a few bytes at a time."""

    def __init__(self, room: int = 1000) -> None:
        self.on_output: Callable[[bytes], None] | None = None
        self.room = room
        self.taken = bytearray()

    def write(self, data: bytes) -> int:
        assert 0 < len(data) <= self.room
        self.taken += data
        return len(data)

    def say(self, data: bytes) -> None:
        assert self.on_output is not None
        self.on_output(data)


def serve(
    board: Board, link: Path, user: Callable[[VirtualLoop], Coroutine[Any, Any, None]]
) -> None:
    loop = VirtualLoop(pace=1.0)
    port = SerialPort(loop, board, link)
    try:
        loop.run_until_complete(user(loop))
    finally:
        port.close()
        loop.close()
    assert not link.is_symlink()


async def read(port: serial.Serial, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += port.read(size - len(data))
        await asyncio.sleep(0.001)
    return data


def test_it_is_opened_closed_and_opened_again(tmp_path):
    board, link = Board(), tmp_path / "console"

    async def user(_loop: VirtualLoop) -> None:
        for _ in range(3):
            with serial.Serial(str(link), exclusive=True, timeout=0) as port:
                port.write(b"\x03ab\r\n\x04")
                board.say(b"\x00hello\r\n\xff")
                assert await read(port, 9) == b"\x00hello\r\n\xff"
        while len(board.taken) < 18:
            await asyncio.sleep(0.001)

    serve(board, link, user)
    assert bytes(board.taken) == b"\x03ab\r\n\x04" * 3


def test_one_program_at_a_time_if_it_asks_for_that(tmp_path):
    link = tmp_path / "console"

    async def user(_loop: VirtualLoop) -> None:
        with (
            serial.Serial(str(link), exclusive=True),
            pytest.raises(serial.SerialException, match="lock"),
        ):
            serial.Serial(str(link), exclusive=True)

    serve(Board(), link, user)


def test_what_nobody_reads_neither_blocks_nor_grows_and_the_newest_of_it_is_kept(tmp_path):
    board, link = Board(), tmp_path / "console"
    lines = [b"%07d\n" % number for number in range(MIB // 8)]

    async def user(_loop: VirtualLoop) -> None:
        for line in lines:
            board.say(line)
        with serial.Serial(str(link), timeout=0) as port:
            board.say(b"end")
            data = b""
            while not data.endswith(b"end"):
                data += port.read(4096)
                await asyncio.sleep(0.001)
        assert 1 << 15 < len(data) < 1 << 18
        assert b"".join(lines).endswith(data[:-3])

    serve(board, link, user)


def test_what_the_board_does_not_take_waits_in_order(tmp_path):
    board, link = Board(room=0), tmp_path / "console"
    sent = bytes(range(256)) * 40
    rooms = random.Random(0)

    async def user(loop: VirtualLoop) -> None:
        with serial.Serial(str(link), timeout=0, write_timeout=0) as port:
            written = 0
            while len(board.taken) < len(sent):
                if written < len(sent):
                    written += port.write(sent[written : written + 512]) or 0
                await asyncio.sleep(0.001)
                board.room = rooms.choice([0, 0, 700])
                assert len(board.taken) <= written

    serve(board, link, user)
    assert bytes(board.taken) == sent


def test_what_comes_within_a_frame_is_sent_at_once(tmp_path):
    board = Board()

    async def user(loop: VirtualLoop) -> None:
        with serial.Serial(str(tmp_path / "console"), timeout=0) as port:
            for byte in b"abc":
                board.say(bytes([byte]))
            assert port.read(8) == b""
            await asyncio.sleep(0.002)
            assert port.read(8) == b"abc"

    serve(board, tmp_path / "console", user)
