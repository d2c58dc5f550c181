"""Faults that befall a board, one after the other, and whether it recovers from each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.hil.figures.account import Attempt
from eegrig.hil.session.presence import heard_ns
from eegrig.hil.suites.stretches.security.owner import complaint, owned, streamed
from eegrig.host.image.application import Application
from eegrig.host.image.manifest import (
    MANIFEST,
    Manifest,
    encode_manifest,
    entries_of,
    image_hash,
)
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError, LinkLost
from eegrig.host.link.update import update
from eegrig.host.wire.constants import EventCode, State, Status
from eegrig.host.wire.control import encode_ping
from eegrig.signal_sim.calibration import dc_offset

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench, Faults
    from eegrig.hil.figures.account import Outcome
    from eegrig.hil.suites.stretches.security.owner import ConsoleWatch
    from eegrig.host.link.board_link import BoardLink
    from eegrig.host.wire.info import Info
    from eegrig.signal_sim import Source

__all__ = ["Constant", "Ordeal", "another_application"]

SUITE: Final = "robustness"
_LOSSES: Final = 3
_STREAM_S: Final = 0.4
_TIMEOUT_S: Final = 40.0  # a supervision time-out is 32 s at most
_BOOT_S: Final = 10.0
_EVENT_S: Final = 4.0
_AWAY_S: Final = 0.35
_WRONG_ID: Final = 0x5A
_SILENT_PERIODS: Final = 8  # docs/protocol.md, AFE_LOST
_BAD_SKIN_OHM, _GOOD_SKIN_OHM = 200e3, 10e3
_FAR_BEYOND_V: Final = 2.0


@dataclass(frozen=True)
class Constant:
    """One voltage at all electrodes, at whatever rate the board wants; a `SourceFactory`.

    Attributes
    ----------
    offset_v : float
    channels : sequence of str
    """

    offset_v: float
    channels: Sequence[str]

    @property
    def description(self) -> str:
        """Say what it is."""
        return f"{self.offset_v:g} V"

    def __call__(self, rate_hz: float, /) -> Source:
        """Return it at a rate."""
        return dc_offset(self.offset_v, channels=self.channels, rate_hz=rate_hz)


def another_application(application: Application) -> Application:
    """Return an application that is nearly the same: for an update that is never to be run."""
    files = {path: data for path, data in application.files.items() if path != MANIFEST}
    files["another.txt"] = b"never run"
    manifest = Manifest(
        board=application.manifest.board,
        version=application.manifest.version,
        image_hash=image_hash(files).hex(),
        files=entries_of(files),
    )
    files[MANIFEST] = encode_manifest(manifest)
    return Application(manifest, files)


@dataclass
class Ordeal:
    """A board to which things happen.

    Attributes
    ----------
    rig : Bench
        With faults.
    console : ConsoleWatch
    before : Info
        What its owner read at first.
    made : list of Attempt
        What happened, and what became of the board.
    failures : list of str
        What it did not recover from, each with what was wrong.
    reconnect_s : list of float
        Seconds from the end of a broken link to the first packet of a new stream.
    afe_lost_s : list of float
        Seconds from a front end that stops to the event.
    """

    rig: Bench
    console: ConsoleWatch
    before: Info
    made: list[Attempt] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    reconnect_s: list[float] = field(default_factory=list)
    afe_lost_s: list[float] = field(default_factory=list)

    @property
    def faults(self) -> Faults:
        """What makes things happen."""
        assert self.rig.faults is not None
        return self.rig.faults

    async def suffer(
        self, name: str, happens: Callable[[], Awaitable[str]], *, restarts: bool = False
    ) -> None:
        """Let something happen, and put down whether the board is as before when it is over.

        Parameters
        ----------
        name : str
            What happens, in words.
        happens : callable
            Makes it happen; returns what was wrong with the board meanwhile, or nothing.
        restarts : bool
            Whether the board has to restart for it.
        """
        await self.console.lines()
        try:
            trouble = await happens()
        except TimeoutError:
            trouble = "it did not answer in time"
        except EegrigError as error:
            trouble = " ".join(str(error).split())
        seen = await self.console.trouble()
        if seen and not (restarts and seen == "it restarted"):
            trouble = trouble or seen
        trouble = trouble or await complaint(self.rig, self.before)
        outcome: Outcome = "harm" if trouble else "recovered"
        self.made.append(
            Attempt(suite=SUITE, group="faults", name=name, outcome=outcome, said=trouble)
        )
        if trouble:
            self.failures.append(f"{name}: {trouble}")
            await self._mend()

    async def _mend(self) -> None:
        """Undo what may be broken still, and start the board anew where the bench can."""
        self.faults.central_returns()
        self.faults.packet_error_rate(0.0)
        self.faults.keep_default_mtu(keep=False)
        if "reset" in self.rig.capabilities:
            self.rig.reset()
            with contextlib.suppress(BoardFault):
                await heard_ns(self.rig, _BOOT_S, "after a reset")

    # ------------------------------------------------------------------ the link
    async def link_loss(self) -> str:
        """Take the owner's radio out of reach in mid-stream, and bring it back."""
        for _ in range(_LOSSES):
            async with self._until_lost() as link:
                await link.start()
                await streamed(link, _STREAM_S)
                self.faults.central_vanishes()
            lost_ns = self.rig.clock.now_ns()
            self.faults.central_returns()
            async with owned(self.rig) as link:
                if link.info.state is not State.IDLE:
                    return f"it is {link.info.state.name.lower()} after the link broke"
                await link.start()
                taken = await streamed(link, _STREAM_S)
                await link.stop()
            if not taken.intact:
                return f"the next stream begins at frame {taken.first_frame}"
            self.reconnect_s.append((taken.first_ns - lost_ns) * 1e-9)
        return ""

    async def short_absence(self) -> str:
        """Take the radio away for less than the supervision time-out: the stream goes on."""
        async with owned(self.rig) as link:
            await link.start()
            taken = await streamed(link, _STREAM_S)
            self.faults.central_vanishes()
            await asyncio.sleep(_AWAY_S)
            self.faults.central_returns()
            taken = await streamed(link, _STREAM_S, taken)
            await link.stop()
        counters = taken.decoder.counters
        if counters.time_jumps or counters.flag_mismatches or counters.duplicates:
            return f"what it lost it did not count: {counters}"
        return ""

    @contextlib.asynccontextmanager
    async def _until_lost(self) -> AsyncIterator[BoardLink]:
        """Connect, do what breaks the link, and wait until it is broken."""
        try:
            async with owned(self.rig) as link:
                yield link
                async with asyncio.timeout(_TIMEOUT_S):
                    while True:
                        await link.receive()
        except LinkLost:
            return
        except TimeoutError:
            raise BoardFault("its link did not break") from None

    async def forgotten(self) -> str:
        """Leave in mid-stream without STOP, and start anew at once."""
        async with owned(self.rig) as link:
            await link.set_rate(self.before.rates_sps[-1])
            await link.start()
            await streamed(link, _STREAM_S)
        # A rate is kept: whoever comes next reads it in Info, and sets it back.
        async with owned(self.rig) as link:
            if link.info.state is not State.IDLE:
                return f"it is {link.info.state.name.lower()} after its central left"
            await link.set_rate(self.before.sample_rate_sps)
        return ""

    # ------------------------------------------------------------------ power, processor
    async def brown_out(self) -> str:
        """Cut the power in mid-stream, with a rate set that is not the default."""
        async with self._until_lost() as link:
            await link.set_rate(self.before.rates_sps[-1])
            await link.start()
            await streamed(link, _STREAM_S)
            self.faults.brown_out()
        await heard_ns(self.rig, _BOOT_S, "after its power was cut and came back")
        return ""

    async def hang(self) -> str:
        """Let the firmware stop where it is; its reset, or a watchdog, brings it back."""
        async with owned(self.rig) as link:
            self.faults.hang()
            with contextlib.suppress(EegrigError):
                await link.command(encode_ping, "PING", timeout_s=0.5)
                return "the bench did not make it hang: it answers PING"
            self.rig.reset()
            await asyncio.sleep(0.1)
        await heard_ns(self.rig, _BOOT_S, "after a hang and a reset")
        return ""

    # ------------------------------------------------------------------ the front end
    async def front_end_lost(self) -> str:
        """Take the front end away in mid-stream, and bring it back."""
        async with owned(self.rig) as link:
            await link.start()
            await streamed(link, _STREAM_S)
            self.faults.afe_lost()
            try:
                trouble = await self._told_of_loss(link)
            finally:
                self.faults.afe_restored()
            await link.start()
            taken = await streamed(link, _STREAM_S)
            await link.stop()
        if trouble or taken.intact:
            return trouble
        return f"it streams wrongly afterwards: {taken.decoder.counters}"

    async def _told_of_loss(self, link: BoardLink) -> str:
        """Wait for what the board says of a front end that was taken away now."""
        lost_ns = self.rig.clock.now_ns()
        try:
            await streamed(link, _EVENT_S)
            return f"no AFE_LOST within {_EVENT_S:g} s"
        except BoardEventError as error:
            if error.code is not EventCode.AFE_LOST:
                return f"it said {error.code.name}, not AFE_LOST"
        except TimeoutError:
            return "no AFE_LOST, and no packet either"
        told_s = (link.now_ns() - lost_ns) * 1e-9
        self.afe_lost_s.append(told_s)
        if told_s < _SILENT_PERIODS / self.before.sample_rate_sps:
            return f"it told of its lost front end after {1000 * told_s:.0f} ms, sooner than it may"
        info = await link.refresh_info()
        if (info.state, info.fault) != (State.FAULT, EventCode.AFE_LOST):
            return f"Info says {info.state.name}, fault {info.fault.name}, after AFE_LOST"
        return ""

    async def front_end_wrong(self) -> str:
        """Put another part in the front end's place, and the right one back."""
        self.faults.afe_identity(_WRONG_ID)
        try:
            async with owned(self.rig) as link:
                try:
                    await link.start()
                    return "it streams from a front end that is another part"
                except BoardStatusError as error:
                    if error.status is not Status.AFE_FAULT:
                        return f"it answered START with {error.status.name}"
                info = await link.refresh_info()
                if (info.state, info.fault) != (State.FAULT, EventCode.AFE_BAD_ID):
                    return f"Info says {info.state.name}, fault {info.fault.name}"
        finally:
            self.faults.afe_identity(None)
        # Info says fault until a START finds the right one.
        async with owned(self.rig) as link:
            await link.start()
            await streamed(link, _STREAM_S)
            await link.stop()
        return ""

    # ------------------------------------------------------------------ the skin
    async def electrodes(self) -> str:
        """Take an electrode off in mid-stream, put it back badly, then well: the stream goes on."""
        channel = self.before.channels[0]
        async with owned(self.rig) as link:
            await link.start()
            taken = await streamed(link, _STREAM_S)
            self.faults.lead_off(channel)
            for impedance_ohm in (_BAD_SKIN_OHM, _GOOD_SKIN_OHM):
                taken = await streamed(link, _STREAM_S, taken)
                self.faults.electrode(channel, impedance_ohm)
            taken = await streamed(link, _STREAM_S, taken)
            await link.stop()
        return "" if taken.intact else f"its stream suffered: {taken.decoder.counters}"

    async def saturated(self) -> str:
        """Play far more than full scale, then nothing: the samples clip, and recover."""
        channels = self.rig.board.afe.channels
        async with owned(self.rig) as link:
            self.rig.source.play_made(Constant(_FAR_BEYOND_V, channels))
            await link.start()
            taken = await streamed(link, _STREAM_S)
            if not taken.clipped:
                return f"{_FAR_BEYOND_V:g} V at the electrodes do not reach full scale"
            self.rig.source.play_made(Constant(0.0, channels))
            await streamed(link, _STREAM_S, taken)
            clipped = taken.clipped
            await streamed(link, _STREAM_S, taken)
            await link.stop()
        if taken.clipped > clipped:
            return f"it is still at full scale {_STREAM_S:g} s after the overload"
        return "" if taken.intact else f"its stream suffered: {taken.decoder.counters}"

    # ------------------------------------------------------------------ an update
    def update_broken_off(self, application: Application) -> Callable[[], Awaitable[str]]:
        """Return what breaks the link off in the middle of an update to an application."""

        async def happens() -> str:
            middle = asyncio.Event()
            radio = self.rig.radio
            under_way = asyncio.create_task(
                update(
                    self.rig.board.radio.name,
                    lambda _state: application,
                    scanner_backend=radio.scanner_backend,
                    client_backend=radio.client_backend,
                    progress=lambda done: middle.set() if done > 0.1 else None,
                )
            )
            waiting = asyncio.create_task(middle.wait())
            try:
                await asyncio.wait({under_way, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if under_way.done():
                    under_way.result()
                    return "the update was over before it could be broken off"
                self.faults.central_vanishes()
            finally:
                waiting.cancel()
                under_way.cancel()
                await asyncio.gather(under_way, waiting, return_exceptions=True)
            await asyncio.sleep(_AWAY_S)
            self.faults.central_returns()
            await heard_ns(self.rig, _TIMEOUT_S, "after an update that was broken off")
            trouble = await complaint(self.rig, self.before)
            if trouble:
                return trouble
            if "reset" in self.rig.capabilities:
                self.rig.reset()
                await heard_ns(self.rig, _BOOT_S, "after an update that was broken off")
            return ""

        return happens
