"""What is wrong with a board's bytes is the board's fault, in one line that says what to do."""

from __future__ import annotations

from eegrig.boards.errors import BoardFault
from eegrig.host.wire.errors import ProtocolError, ProtocolVersionError


def test_bytes_that_break_the_protocol_are_a_fault_of_the_board() -> None:
    assert issubclass(ProtocolError, BoardFault)
    assert ProtocolError("x").exit_code == 1


def test_another_version_says_both_and_what_to_install() -> None:
    error = ProtocolVersionError(7, 1)
    assert error.version == 7
    assert str(error) == (
        "the board speaks protocol version 7, this eegrig only version 1: "
        "flash the firmware that comes with this eegrig, or install the matching eegrig"
    )
