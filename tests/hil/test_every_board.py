"""Every board: built, flashed through pyOCD, booted, streaming and measured against its targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from eegrig.boards import list_boards, load_board
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import LinkProfile, link_interval_ms
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Pattern, Profile

from .firmwares import connected, flashed_bench


@pytest.mark.parametrize("board", list_boards())
def test_it_meets_its_targets(board: str, tmp_path: Path) -> None:
    request = RunRequest(board=board, out=tmp_path, seconds=8.0)
    code = run_suites(request, quiet=True, progress=False)
    results = Results.load(tmp_path)
    missed = [figure.name for figure in results.figures if figure.verdict == "fail"]
    assert (code, missed) == (0, [])
    judged = {figure.name for figure in results.figures if figure.verdict is not None}
    assert judged == set(load_board(board).targets)
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


@pytest.mark.parametrize("name", list_boards())
def test_no_frame_is_lost_in_any_profile_and_rate_at_the_interval_it_asks_for(name: str) -> None:
    board = load_board(name)
    runtime = board_runtime(board)
    lost = {}
    with flashed_bench(board=name) as (virtual, _):
        for rate_sps in board.afe.rates_sps:
            for profile, link_profile in PROFILES.items():
                interval_ms = link_interval_ms(board, runtime, rate_sps, link_profile)
                for pattern in (Pattern.EEG, Pattern.COUNTER):

                    async def session(
                        rate_sps: int = rate_sps,
                        profile: Profile = profile,
                        pattern: Pattern = pattern,
                        interval_ms: float = interval_ms,
                    ) -> bool:
                        async with connected(virtual, interval_ms=interval_ms) as link:
                            await link.set_rate(rate_sps)
                            recording = await record(link, 3.0, profile=profile, pattern=pattern)
                            return recording.intact and bool(recording.electrodes.received().all())

                    if not virtual.bench.run(session()):
                        lost[rate_sps, profile, pattern] = interval_ms
    assert not lost
