"""The self-test on virtual boards: the real firmware, its own test signals, the real link."""

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.link.connection import connect
from eegrig.host.recording.self_test import SelfTestFigure, self_test


def figures_of(virtual: VirtualBench, image_hash: str) -> dict[str, SelfTestFigure]:
    bench = virtual.bench

    async def session() -> list[SelfTestFigure]:
        async with connect(
            bench.board.radio.name,
            scanner_backend=bench.radio.scanner_backend,
            client_backend=bench.radio.client_backend,
            now_ns=bench.clock.now_ns,
        ) as link:
            return await self_test(link, bench.board, image_hash)

    return {figure.name: figure for figure in bench.run(session())}


@pytest.mark.parametrize("name", ["headband8", "hairclip1", "headphone8"])
def test_a_good_board_passes(name):
    with VirtualBench(load_board(name)) as virtual:
        flashed = flash_and_identify(virtual.bench)
        figures = figures_of(virtual, flashed.image.image_hash.hex())
    assert [figure for figure in figures.values() if not figure.passed] == []
    assert len(figures) == 7


def test_a_board_with_another_firmware_fails():
    with VirtualBench(load_board("headband8")) as virtual:
        flash_and_identify(virtual.bench)
        figures = figures_of(virtual, "0" * 64)
    assert not figures["firmware.identified"].passed


def test_a_board_without_its_front_end_is_a_fault():
    with VirtualBench(load_board("headband8")) as virtual:
        flash_and_identify(virtual.bench)
        assert virtual.bench.faults is not None
        virtual.bench.faults.afe_identity(0x11)
        virtual.bench.reset()
        with pytest.raises(BoardFault, match="0x11"):
            figures_of(virtual, "0" * 64)
