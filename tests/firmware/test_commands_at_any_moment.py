"""One command in the middle of what another one does, at every moment there is."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

import pytest

from .board_model import (
    AFE_LOST,
    BUSY,
    COUNTER,
    EEG,
    LARGEST,
    OK,
    START,
    STOP,
    THROUGHPUT,
    Board,
)
from .conftest import MicroPython


def happen(
    moments: MicroPython, board: Board, *plan: tuple[int, str, bytes], behind: Sequence[bytes] = ()
) -> list[tuple[str, bytes]]:
    """Let the main loop look after everything once, and hold what happens against the model."""
    log, _, _, lines, info = moments(
        "run_once({}, {})", list(plan), [("command", command) for command in behind]
    )
    for what, data in log:
        board.happens(what, data)
    board.check(info, lines)
    return [(what, data) for what, data in log if what != "passed"]


def booted(moments: MicroPython, port: str) -> Board:
    moments("boot(False)")
    return Board(Counter(), light=port == "zephyr", on_trial=False)


def start(tag: int, pattern: int = EEG) -> bytes:
    return struct.pack("<BBHBB", START, tag, LARGEST, 0, pattern)


@pytest.mark.parametrize("pattern", [EEG, THROUGHPUT])
def test_a_stop_at_any_moment_of_a_start_leaves_a_board_that_is_off_and_says_so(
    moments: MicroPython, port: str, pattern: int
) -> None:
    answers = set()
    for moment in range(160):
        board = booted(moments, port)
        first = happen(
            moments,
            board,
            (0, "command", start(1, pattern)),
            (moment, "command", bytes([STOP, 2])),
        )
        rest = [happen(moments, board) for _ in range(2)]
        answers.add(tuple(d[2] for what, d in first + rest[0] if d[:2] == bytes([0x81, 1])))
        assert rest[1] == []
        assert board.stream is None
    assert answers == {(OK,), (BUSY,)}


def test_a_stop_right_behind_the_answer_to_start_ends_it(moments: MicroPython, port: str) -> None:
    for pattern in (EEG, COUNTER, THROUGHPUT):
        board = booted(moments, port)
        happen(moments, board, (0, "command", start(1, pattern)), behind=[bytes([STOP, 2])])
        happen(moments, board)
        assert happen(moments, board) == []


def test_an_update_that_a_host_asked_for_before_it_left_is_not_the_next_hosts(
    moments: MicroPython, port: str
) -> None:
    for moment in range(12):
        board = booted(moments, port)
        happen(moments, board, (9999, "message", b"\1"), (9999, "leave", b""))
        happen(moments, board, (moment, "arrive", b""), (9999, "command", start(1)))
        happen(moments, board)
        assert board.stream is not None


def test_an_event_that_ends_a_stream_comes_before_another_is_begun(
    moments: MicroPython, port: str
) -> None:
    for moment in range(40):
        board = booted(moments, port)
        happen(moments, board, (0, "command", start(1)))
        moments("surround('silent', True)")
        board.events.add(AFE_LOST)
        command = (moment, "command", start(2))
        log = [happen(moments, board, command) for _ in range(2)]
        if port == "stm32":  # a command cuts short the rests in which silence would show
            log += [happen(moments, board) for _ in range(2)]
        said = [d for turn in log for what, d in turn if what == "control"]
        ok = [i for i, d in enumerate(said) if d[:1] == b"\x81" and d[2] == OK]
        lost = [i for i, d in enumerate(said) if d[:2] == bytes([0xE0, AFE_LOST])]
        assert len(lost) == 1
        assert all(i > lost[0] for i in ok)
