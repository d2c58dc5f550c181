"""Every board: built, flashed through pyOCD, booted, streaming and measured against its targets."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest

from eegrig.boards import Board, list_boards, load_board
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import LinkProfile, link_interval_ms
from eegrig.hil.figures.results import Results
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Pattern, Profile, StreamId, TestSignal

from .firmwares import connected, flashed_bench


@pytest.mark.timeout(600)
@pytest.mark.parametrize("board", list_boards())
def test_it_meets_its_targets(board: str, tmp_path: Path) -> None:
    request = RunRequest(board=board, out=tmp_path, seconds=8.0, brief=True)
    code = run_suites(request, quiet=True, progress=False)
    results = Results.load(tmp_path)
    missed = [figure.name for figure in results.figures if figure.verdict == "fail"]
    assert (code, missed) == (0, [])
    judged = {figure.name for figure in results.figures if figure.verdict is not None}
    assert judged >= set(load_board(board).targets)
    # No board offers a rate that a processor two sigma slower than modelled does not keep up with.
    margin = results.figure("processor.margin")
    assert margin is not None
    assert margin.value is not None
    assert margin.value > board_runtime(load_board(board)).prices.spread ** 2
    # What a time rests on is said, of the flash memory's operations too.
    part = load_board(board).mcu.part
    assert any(
        (assumption.part, assumption.key) == (part, "flash_page_erase")
        for assumption in results.assumptions
    )
    assert len({assumption.fact for assumption in results.assumptions}) == len(results.assumptions)
    for name in ("results.json", "report.html", "junit.xml", "recording.bdf", "image.bin"):
        assert (tmp_path / name).stat().st_size > 0, name


PROFILES: dict[Profile, LinkProfile] = {
    Profile.EFFICIENT: "efficient",
    Profile.LOW_LATENCY: "low_latency",
}


NORMAL, SQUARE_WAVE, IMPEDANCE = "normal", "square wave", "impedance"
WAYS = (
    (NORMAL, Pattern.EEG),
    (NORMAL, Pattern.COUNTER),
    (SQUARE_WAVE, Pattern.EEG),
    (IMPEDANCE, Pattern.EEG),
)
SECONDS = 2.0


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", list_boards())
def test_no_frame_is_lost_in_any_profile_rate_and_mode_at_the_interval_it_asks_for(
    name: str, profile: Profile
) -> None:
    board = load_board(name)
    lost = {}
    with flashed_bench(board=name) as (virtual, _):
        for rate_sps, (mode, pattern) in itertools.product(board.afe.rates_sps, WAYS):
            session = _session(virtual, rate_sps, profile, mode, pattern)
            if not virtual.bench.run(session):
                lost[rate_sps, mode, pattern.name] = _interval_ms(board, rate_sps, profile)
    assert not lost


OPTICAL_RATES = [
    (name, rate)
    for name in list_boards()
    for rate in getattr(load_board(name).optics, "rates_sps", ())
]


@pytest.mark.parametrize(("name", "optical_sps"), OPTICAL_RATES)
def test_nor_at_any_rate_of_its_optics(name: str, optical_sps: float) -> None:
    """With the electrodes at their highest rate, which leaves the bus and the link least time."""
    board = load_board(name)
    assert board.optics is not None
    optics = msgspec.structs.replace(board.optics, default_rate_sps=optical_sps)
    board = msgspec.structs.replace(board, optics=optics)
    rate_sps = max(board.afe.rates_sps)
    with VirtualBench(board) as virtual:
        flash_and_identify(virtual.bench)
        for profile in PROFILES:
            session = _session(virtual, rate_sps, profile, NORMAL, Pattern.EEG, optical_sps)
            assert virtual.bench.run(session), profile.name


async def _session(
    virtual: VirtualBench,
    rate_sps: int,
    profile: Profile,
    mode: str,
    pattern: Pattern,
    optical_sps: float | None = None,
) -> bool:
    """Record, and say whether all frames of all streams arrived."""
    board = virtual.bench.board
    async with connected(virtual, interval_ms=_interval_ms(board, rate_sps, profile)) as link:
        await link.set_rate(rate_sps)
        if mode == SQUARE_WAVE:
            await link.test_signal(TestSignal.SQUARE_WAVE)
        if mode == IMPEDANCE:
            drive = await link.drive_electrodes((1 << len(board.afe.channels)) - 1)
            assert drive.current_a > 0
        recording = await record(link, SECONDS, profile=profile, pattern=pattern)
        await link.drive_electrodes(0)
        await link.test_signal(TestSignal.NORMAL)
    if optical_sps is not None:
        frames = recording.streams[StreamId.OPTICS].n_frames
        assert frames == pytest.approx(SECONDS * optical_sps, abs=0.1 * optical_sps + 2)
    return recording.intact and bool(recording.electrodes.received().all())


def _interval_ms(board: Board, rate_sps: int, profile: Profile) -> float:
    return link_interval_ms(board, board_runtime(board), rate_sps, PROFILES[profile])
