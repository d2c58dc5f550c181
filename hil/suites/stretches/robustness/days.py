"""One stream of three days, of which nothing is kept but counters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import EegrigError
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.robustness.faults import Constant
from eegrig.hil.suites.stretches.security.owner import (
    ConsoleWatch,
    Streamed,
    owned,
    streamed,
)
from eegrig.host.console.console import Console
from eegrig.host.streaming.decoder import StreamCounters, StreamDecoder

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = ["DAYS_S", "Days", "streamed_days"]

DAYS_S: Final = 3 * 86_400.0
_PIECE_S: Final = 3600.0
_BOOT_S: Final = 10.0
_CLOCKS: Final = 0.03  # what the oscillator of a front end may be off, with room


@dataclass
class Days:
    """What came of days of streaming.

    Attributes
    ----------
    counters : StreamCounters
    lasted_s : float
        From the first packet to the last.
    told : list of str
        What did not add up.
    unaccounted : int
        How often.
    """

    counters: StreamCounters
    lasted_s: float = 0.0
    told: list[str] = field(default_factory=list)
    unaccounted: int = 0

    def count(self, what: str, number: int) -> None:
        """Put down what does not add up."""
        if number:
            self.unaccounted += number
            self.told.append(f"{what}: {number}")


async def streamed_days(rig: Bench, seconds: float = DAYS_S) -> Days:
    """Stream for days, and hold the counters against each other and the bench's clock."""
    rig.reset()
    await heard_ns(rig, _BOOT_S, "after a reset")
    rig.source.play_made(Constant(0.0, tuple(rig.board.afe.channels)))
    ended = ""
    with Console.open(rig.console) as console:
        watch = ConsoleWatch(console)
        await watch.lines()
        async with owned(rig) as link:
            taken = Streamed(StreamDecoder(link.info), keeps=False)
            rate_sps = link.info.streams[0].rate_sps
            await link.start()
            try:
                for _ in range(max(1, round(seconds / _PIECE_S))):
                    await streamed(link, _PIECE_S, taken)
                await link.stop()
            except EegrigError as error:
                ended = " ".join(str(error).split())
        trouble = await watch.trouble()
    counters = taken.decoder.counters
    days = Days(counters, (taken.last_ns - taken.first_ns) * 1e-9)
    days.count("packets that came twice", counters.duplicates)
    days.count("packets that came late", counters.late)
    days.count("wrong flags", counters.flag_mismatches)
    days.count("jumps of the device's time", counters.time_jumps)
    expected = days.lasted_s * rate_sps
    missing = round(expected - counters.frames - counters.frames_lost)
    days.count("frames that nobody counted", missing if missing > _CLOCKS * expected else 0)
    for what in (ended, trouble):
        if what:
            days.count(what, 1)
    return days
