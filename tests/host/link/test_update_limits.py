"""An update ends, whatever a board answers."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from eegrig.boards.errors import BoardFault
from eegrig.hil.virtual.clock import run
from eegrig.host.link.update import _UpdateLink
from eegrig.host.wire.update import UpdateTransfer

MANIFEST = b"m" * 500
WANT_FROM_THE_START = struct.pack("<BBBHII", 0x40, 11, 1, 0, 0, 500)
MORE_AS_BEFORE = struct.pack("<BBBI", 0x41, 5, 1, 0)
BEGUN = struct.pack("<BBBI", 0x81, 5, 0, 0)


class Board:
    """Answers BEGIN, and from then on says one thing again and again."""

    is_connected = True

    def __init__(self, says: bytes) -> None:
        self.says = says
        self.services = SimpleNamespace(get_characteristic=lambda _uuid: None)

    async def start_notify(self, _uuid: str, heard: Callable[[object, bytearray], None]) -> None:
        self.heard = heard
        self.talking = asyncio.create_task(self.talk())

    async def write_gatt_char(self, _uuid: str, data: bytes, *, response: bool) -> None:
        if data[0] == 0x01:
            self.heard(None, bytearray(BEGUN))

    async def talk(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.heard(None, bytearray(self.says))


def ends(says: bytes, work: Callable[[_UpdateLink], Awaitable[None]]) -> tuple[float, str]:
    async def main() -> tuple[float, str]:
        board: Any = Board(says)
        with pytest.raises(BoardFault) as caught:
            await work(_UpdateLink(board, "it"))
        board.talking.cancel()
        return asyncio.get_running_loop().time(), str(caught.value)

    return run(main())


@pytest.mark.parametrize("says", [WANT_FROM_THE_START, MORE_AS_BEFORE, struct.pack("<BB", 0x7F, 0)])
def test_a_board_that_answers_and_gets_no_further(says: bytes) -> None:
    transfer = UpdateTransfer(MANIFEST, [], bytes(32), 100)
    took_s, said = ends(says, lambda link: link.run(transfer, None))
    assert said.startswith("it answers, but got no further in 60 s of an update")
    assert took_s < 65


def test_a_board_that_says_other_things_than_that_it_keeps_the_firmware() -> None:
    took_s, said = ends(MORE_AS_BEFORE, lambda link: link.confirm(bytes(32)))
    assert said.startswith("it did not say within 30 s whether it keeps the new firmware")
    assert took_s < 35
