"""One streaming session per profile, taken once and read by several suites."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.boards.errors import BoardFault
from eegrig.boards.ports import board_runtime
from eegrig.boards.traffic import link_interval_ms
from eegrig.hil.measure.align import Alignment, align
from eegrig.hil.measure.response import sinc3
from eegrig.hil.measure.showing import UnfitSignal, explained, unfit
from eegrig.host.link.connection import connect
from eegrig.host.link.put_back import put_back
from eegrig.host.recording.recorder import record
from eegrig.host.recording.recording import Recording
from eegrig.host.wire.constants import Profile, StreamId, TestSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import Bench, LinkStatistics, PowerCapture, Waveform
    from eegrig.host.link.board_link import BoardLink, LinkParameters
    from eegrig.host.recording.stream_recording import StreamRecording
    from eegrig.host.streaming.decoder import Block

__all__ = [
    "NOISE_SECONDS",
    "NOISY_AIR",
    "SETTLE_S",
    "Session",
    "fastest",
    "fastest_conditions",
    "interval_ms",
    "linked",
    "shorted",
    "shorted_v",
    "stream",
]

NOISY_AIR = 0.1
"""Part of the packets that noisy air spoils."""

SETTLE_S = 1.0
"""Before and after the stretch that is measured."""
NOISE_SECONDS = 40.0
_OVERHEAD_S = 60.0
"""To connect, to start and to stop, at most."""


@dataclass(frozen=True)
class Session:
    """What one streaming session gave.

    Attributes
    ----------
    recording : Recording
    arrival_ns : ndarray of int, shape (n_frames,)
        When the host's callback got each frame that arrived.
    frames : ndarray of int, shape (n_frames,)
        Their indices.
    applied : Waveform
        What was at the electrodes meanwhile.
    power : PowerCapture
        Of a stretch in the middle.
    power_frames : int
        Frames that arrived during the power capture.
    parameters : LinkParameters or None
        What the link was negotiated to.
    statistics : LinkStatistics or None
        What the link layer counted.
    started_ns : int
        Before START.
    unfit : dict of str to str
        Channels on which the signal shows nothing, each with why.
    """

    recording: Recording
    arrival_ns: NDArray[np.int64]
    frames: NDArray[np.int64]
    applied: Waveform
    power: PowerCapture
    power_frames: int
    parameters: LinkParameters | None
    statistics: LinkStatistics | None
    started_ns: int
    unfit: dict[str, str]

    @property
    def clipped(self) -> bool:
        """Whether the front end was at its limits on a channel on which the signal shows something.

        There the recording is not what was at the electrodes, nor is a time told by it.
        """
        return bool(self.recording.electrodes.clipped()[self.fit].any())

    @property
    def fit(self) -> list[int]:
        """Rows of the channels on which the signal shows something."""
        channels = self.recording.info.channels
        return [row for row, name in enumerate(channels) if name not in self.unfit]

    def align(self, frames: NDArray[np.int64]) -> Alignment:
        """Find the electrode times of some frames that arrived.

        The first frame was converted between START and its arrival: a signal that repeats itself
        cannot be found a period off. Channels that show nothing have no say.

        Raises
        ------
        AlignmentError
            The recording does not show what was applied.
        UnfitSignal
            What was applied shows nothing.
        """
        rows = self.fit
        if not rows:
            raise UnfitSignal(explained(self.unfit))
        rate_sps = self.recording.info.sample_rate_sps
        later_ns = round(int(frames[0]) * 1e9 / rate_sps)
        return align(
            self.recording.electrodes.samples()[rows][:, frames],
            rate_sps,
            _rows(self.applied, rows),
            frames=frames,
            search_ns=(self.started_ns + later_ns, int(self.arrival_ns[0]) + later_ns),
        )


@contextlib.asynccontextmanager
async def linked(rig: Bench, interval_ms: float) -> AsyncIterator[BoardLink]:
    """Connect to the board, with the connection interval asked for where the bench can ask."""
    radio = rig.radio
    if "link_control" in rig.capabilities:
        await radio.set_link(phy=rig.board.radio.phy, interval_ms=interval_ms)
    async with connect(
        rig.board.radio.name,
        scanner_backend=radio.scanner_backend,
        client_backend=radio.client_backend,
        now_ns=rig.clock.now_ns,
    ) as link:
        yield link


async def stream(
    rig: Bench, profile: Profile, seconds: float, *, packet_error_rate: float = 0.0
) -> Session:
    """Stream EEG in a profile for a while, and take down everything there is to know about it.

    With `packet_error_rate` the air is noisy once packets flow (bench with ``faults``).
    """
    rig.source.keep(seconds + 2 * SETTLE_S + _OVERHEAD_S)
    async with linked(rig, interval_ms(rig, profile)) as link:
        start_ns = rig.clock.now_ns()
        blocks: list[Block] = []
        flowing = asyncio.Event()

        def arrived(block: Block) -> None:
            if block.stream_id == StreamId.EEG:
                blocks.append(block)
                flowing.set()

        recorder = asyncio.create_task(
            record(link, seconds + 2 * SETTLE_S, profile=profile, on_block=arrived)
        )
        try:
            recorder.add_done_callback(lambda _task: flowing.set())
            await _while_recording(flowing.wait(), recorder)
            if not blocks:
                raise BoardFault(
                    f"{link.name} streams, but sent no frame of its electrodes: its firmware is "
                    "wrong"
                )
            if rig.faults is not None:
                rig.faults.packet_error_rate(packet_error_rate)
            await _while_recording(asyncio.sleep(SETTLE_S), recorder)
            before = _count(blocks)
            await rig.power.start()
            try:
                await _while_recording(asyncio.sleep(seconds), recorder)
            finally:
                power = await rig.power.stop()
            power_frames = _count(blocks) - before
            statistics = rig.radio.statistics()
            parameters = rig.radio.link_parameters() or link.parameters
            recording = await recorder
        finally:
            recorder.cancel()
            if rig.faults is not None:
                rig.faults.packet_error_rate(0.0)
    recording.link = parameters
    for event in rig.source.events(start_ns, rig.clock.now_ns()):
        recording.mark(event.name, event.onset_ns, event.duration_s)
    info = recording.info
    applied = _of_channels(rig.source.applied(start_ns, rig.clock.now_ns()), info.channels)
    return Session(
        recording=recording,
        arrival_ns=np.concatenate([np.full(b.n_frames, b.arrival_ns) for b in blocks]),
        frames=np.concatenate([b.first_frame + np.arange(b.n_frames) for b in blocks]),
        applied=applied,
        power=power,
        power_frames=power_frames,
        parameters=parameters,
        statistics=statistics,
        started_ns=start_ns,
        unfit=unfit(
            sinc3(applied, info.sample_rate_sps).volts,
            info.channels,
            rig.board,
            rate_sps=info.sample_rate_sps,
            gain=info.gain,
            peaks_v=np.abs(applied.volts).max(axis=1),
        ),
    )


async def fastest(rig: Bench, seconds: float) -> NDArray[np.bool_]:
    """Stream at the highest rate on offer; return which frames arrived, shape (n_frames,)."""
    conditions = fastest_conditions(rig)
    async with linked(rig, conditions["interval_ms"]) as link:
        await link.set_rate(int(conditions["rate_sps"]))
        async with put_back(link, lambda: link.set_rate(rig.board.afe.default_rate_sps)):
            recording = await record(link, seconds)
    return recording.electrodes.received()


def fastest_conditions(rig: Bench) -> dict[str, float]:
    """Return the highest rate on offer, and the connection interval the board asks for there."""
    rate_sps = max(rig.board.afe.rates_sps)
    return {"rate_sps": rate_sps, "interval_ms": interval_ms(rig, rate_sps=rate_sps)}


async def shorted(rig: Bench) -> StreamRecording:
    """Record shorted inputs, beginning a second after the board says that it shorts them."""
    async with linked(rig, rig.board.radio.efficient_interval_ms) as link:
        await link.test_signal(TestSignal.SHORTED)
        async with put_back(link, lambda: link.test_signal(TestSignal.NORMAL)):
            recording = await record(link, NOISE_SECONDS + SETTLE_S)
    return recording.electrodes


def shorted_v(recording: StreamRecording) -> NDArray[np.float64]:
    """Return what `shorted` recorded, in volts, once it has settled."""
    return recording.samples()[:, round(SETTLE_S * recording.stream.rate_sps) :]


def _of_channels(applied: Waveform, channels: Sequence[str]) -> Waveform:
    """Return what was applied to these electrodes: the board names them, in its own order."""
    if applied.channels == tuple(channels):
        return applied
    unknown = sorted(set(channels) - set(applied.channels))
    if unknown:
        raise BoardFault(
            f"the board names channels that are no electrodes of this bench: {', '.join(unknown)}; "
            f"the electrodes are {', '.join(applied.channels)}"
        )
    return _rows(applied, [applied.channels.index(name) for name in channels])


def _rows(applied: Waveform, rows: list[int]) -> Waveform:
    channels = tuple(applied.channels[row] for row in rows)
    return dataclasses.replace(applied, channels=channels, volts=applied.volts[rows])


def interval_ms(
    rig: Bench, profile: Profile = Profile.EFFICIENT, rate_sps: float | None = None
) -> float:
    """Return the connection interval the board asks for, at its default rate or another one."""
    board = rig.board
    return link_interval_ms(
        board,
        board_runtime(board),
        board.afe.default_rate_sps if rate_sps is None else rate_sps,
        "low_latency" if profile is Profile.LOW_LATENCY else "efficient",
    )


def _count(blocks: list[Block]) -> int:
    return sum(block.n_frames for block in blocks)


async def _while_recording(
    waiting: Coroutine[Any, Any, object], recorder: asyncio.Task[Recording]
) -> None:
    """Wait for something; raise what ends the recording if that fails before."""
    waiter = asyncio.create_task(waiting)
    try:
        await asyncio.wait({waiter, recorder}, return_when=asyncio.FIRST_COMPLETED)
        if recorder.done():
            recorder.result()
        await waiter
    finally:
        waiter.cancel()
