"""What listens to a board over a port ends, also where the board never stops talking."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import Any

import pytest

from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.console import board_repl
from eegrig.host.console.board_repl import BoardRepl
from eegrig.host.console.limited_port import LimitedPort, TimeUp
from eegrig.host.console.terminal import Terminal

pytestmark = pytest.mark.timeout(30)


class Talker:
    """An open port on which something talks and takes all that is sent."""

    in_waiting = 100
    timeout = 0.0

    def read(self, size: int = 1) -> bytes:
        time.sleep(0.001)
        return b"x" * size

    def write(self, data: bytes) -> int:
        return len(data)


def repl_on(port: Any) -> BoardRepl:
    from mpremote.transport_serial import SerialTransport

    transport = SerialTransport.__new__(SerialTransport)
    transport.serial, transport.is_pty = port, False
    transport.use_raw_paste, transport.in_raw_repl = True, False
    return BoardRepl(transport, "here")


def test_a_port_is_refused_once_its_time_is_up() -> None:
    port = LimitedPort(Talker(), 0.05)
    assert port.read(2) == b"xx"
    assert port.inWaiting() == 100
    assert port.write(b"abc") == 3
    time.sleep(0.06)
    for use in (port.read, port.inWaiting, lambda: port.write(b"abc")):
        with pytest.raises(TimeUp):
            use()


def test_a_board_that_talks_instead_of_giving_its_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_repl, "_ATTEMPT_S", 0.1)
    repl = repl_on(port := Talker())
    with pytest.raises(InfrastructureError, match="here does not stop talking"):
        repl.stop()
    assert repl.port is port


def test_a_board_that_talks_instead_of_running_what_it_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board_repl, "_CODE_LIMIT_S", 0.1)
    with pytest.raises(InfrastructureError, match=r"not done within 0\.1 s and still talks"):
        repl_on(Talker()).run("print(1)")


def test_a_board_that_cuts_an_answer_short_is_one_line() -> None:
    class Cut(Talker):
        def __init__(self) -> None:
            self.said = b">R\x01"

        @property
        def in_waiting(self) -> int:  # type: ignore[override]
            return len(self.said)

        def read(self, size: int = 1) -> bytes:
            data, self.said = self.said[:size], self.said[size:]
            return data

    with pytest.raises(InfrastructureError, match="stopped answering"):
        repl_on(Cut()).run("print(1)")


def test_a_script_for_a_board_that_talks_on_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    keys, typing = os.pipe()
    os.write(typing, b"print(1)\n")
    os.close(typing)
    try:
        with pytest.raises(BoardFault, match=r"still talks 0\.1 s after its input ended"):
            Terminal(Talker(), "here").interact(keys, linger_s=5.0, limit_s=0.1)
    finally:
        os.close(keys)
