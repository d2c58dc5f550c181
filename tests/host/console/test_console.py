"""The console over real pseudo-terminals: what pyserial opens is what a board's port would be."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import tty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.console import serial_port
from eegrig.host.console.console import BootFailure, Console, RunningFirmware, read_identity

HASH = "0123456789abcdef" * 4
BANNER = f"eegrig 0.1.0 headband8 image {HASH}\r\n".encode()
IDENTITY = RunningFirmware("0.1.0", "headband8", HASH)
TRACEBACK = (
    b"Traceback (most recent call last):\r\n"
    b'  File "main.py", line 7, in <module>\r\n'
    b'  File "eeg/app.py", line 31, in run\r\n'
    b"ImportError: no module named 'ads1298'\r\n"
    b"MicroPython v1.28.0 on 2026-11-22; headband8 with nRF52840\r\n"
    b">>> "
)


@dataclass
class Terminal:
    """A pseudo-terminal: the test is the board, `url` is what the host opens."""

    board: int
    url: str

    def says(self, data: bytes) -> None:
        os.write(self.board, data)

    def hears(self) -> bytes:
        return os.read(self.board, 100)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    board, host = pty.openpty()
    tty.setraw(host)
    yield Terminal(board, os.ttyname(host))
    os.close(host)
    os.close(board)


def test_the_banner_is_found_among_other_lines(terminal: Terminal) -> None:
    text = b"MPY: sync filesystems\r\n" + BANNER + b"streaming\r\n"
    identity = asyncio.run(read_identity(terminal.url, reset=lambda: terminal.says(text)))
    assert identity == IDENTITY


def test_a_banner_that_comes_in_pieces_is_one_line(terminal: Terminal) -> None:
    async def scenario() -> RunningFirmware:
        with Console.open(terminal.url) as console:
            reading = asyncio.create_task(console.identity(5))
            for piece in (BANNER[:7], BANNER[7:50], BANNER[50:-1], BANNER[-1:]):
                terminal.says(piece)
                await asyncio.sleep(0.02)
            return await reading

    assert asyncio.run(scenario()) == IDENTITY


def test_a_firmware_that_fails_to_boot_shows_its_traceback(terminal: Terminal) -> None:
    with pytest.raises(BootFailure) as caught:
        asyncio.run(read_identity(terminal.url, reset=lambda: terminal.says(TRACEBACK)))
    assert str(caught.value) == (
        "the firmware fails to boot: ImportError: no module named 'ads1298' "
        '(File "eeg/app.py", line 31, in run)'
    )
    assert caught.value.traceback.splitlines()[0] == "Traceback (most recent call last):"
    assert len(caught.value.traceback.splitlines()) == 4
    assert caught.value.exit_code == 1


def test_a_traceback_cut_short_is_still_a_failure_to_boot(terminal: Terminal) -> None:
    cut = TRACEBACK[:70]
    with pytest.raises(BootFailure, match="fails to boot"):
        asyncio.run(read_identity(terminal.url, 0.1, reset=lambda: terminal.says(cut)))


def test_another_firmware_is_told_from_silence(terminal: Terminal) -> None:
    text = b"\r\nMicroPython v1.28.0\r\n>>> "
    with pytest.raises(BoardFault, match="said nothing of one and is at its prompt; flash"):
        asyncio.run(read_identity(terminal.url, 0.1, reset=lambda: terminal.says(text)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"MPY: can't mount flash\r\n", '"MPY: can\'t mount flash" and is at its prompt'),
        (b"MPY: can't mount flash\r\nMPY: soft reboot\r\n", '"MPY: can\'t mount flash" and is at'),
        (b"one\r\ntwo\r\nthree\r\nfour\r\n", "'two; three; four' and is at its prompt"),
        (b"x" * 3000 + b"y\r\n", f"'...{'x' * 196}y' and is at its prompt"),
    ],
)
def test_what_the_console_said_last_is_why_no_firmware_boots(
    terminal: Terminal, text: bytes, told: str
) -> None:
    text += b'MicroPython v1.28.0 on 2026-11-22\r\nType "help()" for more information.\r\n>>> '
    with pytest.raises(BoardFault) as caught:
        asyncio.run(read_identity(terminal.url, 0.1, reset=lambda: terminal.says(text)))
    assert f"{terminal.url} said {told}" in str(caught.value)
    assert str(caught.value).endswith("is at its prompt; flash the board")
    assert "\n" not in str(caught.value)


def test_a_program_that_says_something_else_is_not_at_its_prompt(terminal: Terminal) -> None:
    with pytest.raises(BoardFault, match="said 'ready'; flash the board"):
        asyncio.run(read_identity(terminal.url, 0.1, reset=lambda: terminal.says(b"ready\r\n")))


def test_silence_is_an_infrastructure_error(terminal: Terminal) -> None:
    with pytest.raises(InfrastructureError, match="nothing heard on the console"):
        asyncio.run(read_identity(terminal.url, 0.05))


@pytest.mark.parametrize(
    "broken", [BANNER[:-3] + b"\r\n", BANNER.replace(b"image", b"hash"), BANNER.upper()]
)
def test_a_banner_that_is_not_exact_is_none(terminal: Terminal, broken: bytes) -> None:
    with pytest.raises(BoardFault, match="did not boot an eegrig firmware"):
        asyncio.run(read_identity(terminal.url, 0.05, reset=lambda: terminal.says(broken)))


@pytest.mark.parametrize("url", ["/dev/does-not-exist", "socket://127.0.0.1:9", "nonsense://x"])
def test_a_port_that_cannot_be_opened_is_one_line(url: str) -> None:
    with pytest.raises(InfrastructureError, match=rf"port {re.escape(url)}") as caught:
        Console.open(url)
    assert "\n" not in str(caught.value)


def test_a_port_that_goes_away_is_one_line(terminal: Terminal) -> None:
    async def scenario() -> None:
        with Console.open(terminal.url) as console:
            os.close(terminal.board)
            await console.read_line(1)

    try:
        with pytest.raises(InfrastructureError, match="is gone"):
            asyncio.run(scenario())
    finally:
        terminal.board = os.open(os.devnull, os.O_RDONLY)


def test_wait_for_finds_a_pattern_and_keeps_what_follows(terminal: Terminal) -> None:
    async def scenario() -> tuple[str, str]:
        with Console.open(terminal.url) as console:
            terminal.says(b"noise\nbattery 87 %\nnext\n")
            found = await console.wait_for(r"battery (\d+)", 2)
            return found[1], await console.read_line(2)

    assert asyncio.run(scenario()) == ("87", "next")


def test_wait_for_gives_up_in_time_although_lines_keep_coming(terminal: Terminal) -> None:
    async def scenario() -> None:
        with Console.open(terminal.url) as console:
            terminal.says(b"noise\n" * 20)
            await console.wait_for("signal", 0.05)

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())


def test_what_is_written_reaches_the_board(terminal: Terminal) -> None:
    with Console.open(terminal.url) as console:
        console.write("\x03\x04")
    assert terminal.hears() == b"\x03\x04"


def test_noise_without_line_ends_does_not_grow_for_ever(terminal: Terminal) -> None:
    async def scenario() -> list[int]:
        with Console.open(terminal.url) as console:
            sizes = []
            for _ in range(2):
                writing = asyncio.to_thread(terminal.says, b"\xff" * 4097)
                sizes.append(len((await asyncio.gather(writing, console.read_line(2)))[1]))
            return sizes

    assert asyncio.run(scenario()) == [4096, 4096]


class Talker:
    """A port on which something talks faster than anybody can listen."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def read(self, size: int) -> bytes:
        return (self.text * size)[:size]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", [b"x", b"\n", b"noise\r\n", b"\xff"])
def test_a_board_that_never_stops_talking_is_not_listened_to_for_ever(text: bytes) -> None:
    with pytest.raises(BoardFault, match=r"in 0\.1 s its console .* said "):
        asyncio.run(Console(Talker(text), "here").identity(0.1))


@pytest.mark.timeout(20)
def test_a_port_that_takes_nothing_is_one_line(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "_WRITE_TIMEOUT_S", 0.1)
    with (
        Console.open(terminal.url) as console,
        pytest.raises(InfrastructureError, match="nothing takes what is sent to the port"),
    ):
        console.write("x" * 1_000_000)
