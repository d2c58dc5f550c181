"""A decoder's scene played to a board, and what it decodes: from what was applied, what arrived."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eegrig.boards import load_part
from eegrig.boards.errors import BoardFault
from eegrig.hil.measure.align import Alignment, align, expected
from eegrig.hil.measure.decoding.droop import flat, undo_sinc3
from eegrig.hil.measure.response import as_is, sinc3
from eegrig.hil.signal_factory import LightScene, SceneFactory
from eegrig.hil.suites.stretches.streams import SETTLE_S, interval_ms, linked
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile, StreamId

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.boards.schema import Board
    from eegrig.hil.bench import AppliedEvent, Bench, SignalSource, Waveform
    from eegrig.host.recording.recording import Recording
    from eegrig.host.recording.stream_recording import StreamRecording
    from eegrig.host.streaming.decoder import Block
    from eegrig.signal_sim import Scene

__all__ = ["Heard", "Place", "electrodes_for", "played", "scene_fault", "speller_scale", "tapped"]

Place = str
"""What electrodes are there for: a key of `_SITES`."""

_SITES = {
    "occiput": r"I?Oz|O[12]|PO\w+",
    "ear": r"TP\d+|[PT](9|10)|M[12]|A[12]|E[LR]",
    "forehead": r"Fp\w+|AF\w+",
    "vertex": r"F?Cz|C[1-6]|CP\w+|Pz|P[1-8]",
    "centre": r"F?Cz|C[1-6]",
    "parietal": r"P\w+",
}
_USUAL_NOISE_V = 0.28e-6
_LARGEST = 0.7
_LEAST_CORRELATION = 0.1
"""However bad a chain is, what it shows is decoded: a figure says how bad."""
_OVERHEAD_S = 60.0
_EASIEST, _HARDEST = 0.95, 0.70


def electrodes_for(board: Board, *places: Place) -> list[str]:
    """Return the board's channels at the first of some places where it has any.

    Channels of muscles are left out. A place joined of two by ``+`` has those of both, if there is
    one of the first.
    """
    afe = board.afe
    named = list(zip(afe.channels, afe.electrode_sites, afe.channel_kinds, strict=True))
    for place in places:
        first, *others = place.split("+")
        found = [
            c for c, site, kind in named if kind == "eeg" and re.fullmatch(_SITES[first], site)
        ]
        for other in others if found else []:
            found += [
                c
                for c, site, kind in named
                if kind == "eeg" and c not in found and re.fullmatch(_SITES[other], site)
            ]
        if found:
            return found
    return []


def speller_scale(board: Board) -> float:
    """Return how large a speller's scene is played, beside the size it is described in.

    Half of it to the quietest front ends, 0.14 uV rms by their data sheet: there a front end three
    times as noisy would cost a decoder nothing of signals of the usual size (0.2 +- 0.2 points of
    CCA's, 0.3 +- 0.2 of FBCCA's), and nobody could tell. Somewhat more of it to noisier ones.
    """
    afe = board.afe
    noise_v = load_part(afe.part).table("noise_rms").si(float(afe.default_rate_sps), afe.gain)
    return min(_LARGEST, noise_v / _USUAL_NOISE_V)


def scene_fault(source: float) -> str:
    """Say why a scene on which the source scores so much cannot show a loss; empty if it can."""
    if _HARDEST <= source <= _EASIEST:
        return ""
    how = "easy" if source > _EASIEST else "hard"
    return (
        f"the source itself scores {source:.1%}, not 70 to 95 %: the scene is too {how} to show a "
        "loss"
    )


@dataclass(frozen=True)
class Heard:
    """What was played, and what arrived of it, frame by frame on one time axis.

    Attributes
    ----------
    rate_hz : float
        Frames per second.
    channels : tuple of str
    source : ndarray, shape (n_channels, n_frames)
        What was applied, in the band of a front end without droop, at the frames' electrode times.
    board : ndarray, shape (n_channels, n_frames)
        What arrived, lost frames filled, the droop undone.
    drooping : ndarray, shape (n_channels, n_frames)
        The same with its droop.
    events : list of AppliedEvent
    alignment : Alignment
        When each frame was taken.
    lost : int
        Frames that did not arrive.
    """

    rate_hz: float
    channels: tuple[str, ...]
    source: NDArray[np.float64]
    board: NDArray[np.float64]
    drooping: NDArray[np.float64]
    events: list[AppliedEvent]
    alignment: Alignment
    lost: int

    @property
    def n_frames(self) -> int:
        """Length in frames."""
        return int(self.source.shape[1])

    def frames(self, time_ns: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the frames nearest to times on the bench's clock."""
        index = (time_ns - self.alignment.start_ns) / self.alignment.period_ns
        return np.asarray(np.rint(index).astype(np.int64))

    def inside(
        self, names: Collection[str] | None, before_s: float, after_s: float
    ) -> list[AppliedEvent]:
        """Return the events of some names (None for any) with room around their onsets."""
        low = np.ceil(before_s * self.rate_hz) + 1
        high = self.n_frames - np.ceil(after_s * self.rate_hz) - 1
        chosen = [e for e in self.events if names is None or e.name in names]
        at = self.frames(np.array([float(e.onset_ns) for e in chosen]))
        return [e for e, frame in zip(chosen, at.tolist(), strict=True) if low <= frame <= high]

    def of(self, channels: Collection[str]) -> Heard:
        """Return it with some channels alone."""
        rows = [row for row, name in enumerate(self.channels) if name in channels]
        return replace(
            self,
            channels=tuple(self.channels[row] for row in rows),
            source=self.source[rows],
            board=self.board[rows],
            drooping=self.drooping[rows],
        )


async def played(
    rig: Bench, scene: Scene, channels: Collection[str], seconds: float, *, scale: float = 1.0
) -> Heard:
    """Play a scene to the board's electrodes while it streams.

    Parameters
    ----------
    rig : Bench
    scene : signal_sim.Scene
    channels : collection of str
        Those that are asked for.
    seconds : float
        How long.
    scale : float
        Factor on all of the scene.

    Raises
    ------
    BoardFault
        If the board names channels that are no electrodes of it, or shows something else.
    """
    rig.source.play_made(SceneFactory(scene, rig.board, scale))
    taken = await _taken(rig, rig.source, seconds, StreamId.EEG)
    names = taken.stream.stream.channels
    missing = [name for name in channels if name not in names]
    if missing:
        raise BoardFault(f"the board tells of no channels {', '.join(missing)}: it has {names}")
    samples = taken.stream.samples()
    drooping = samples[[names.index(name) for name in channels]]
    return taken.heard(tuple(channels), drooping, undo_sinc3(drooping), samples)


async def tapped(rig: Bench, scene: Scene, seconds: float) -> Heard:
    """Play an optical scene to the board's photodiodes while it streams; its filter has no droop.

    Raises
    ------
    ValueError
        If the board or the bench has no light.
    BoardFault
        If the board shows something else.
    """
    if rig.board.optics is None or rig.light is None:
        raise ValueError("neither a board without optics nor a bench without light can be tapped")
    rig.light.play_made(LightScene(rig.board.optics, scene))
    taken = await _taken(rig, rig.light, seconds, StreamId.OPTICS)
    samples = taken.stream.samples()
    channels = tuple(taken.stream.stream.channels)
    return taken.heard(channels, samples, samples, samples, response=as_is)


@dataclass(frozen=True)
class _Taken:
    """One stream as it was taken, and what was applied meanwhile."""

    stream: StreamRecording
    applied: Waveform
    events: list[AppliedEvent]
    started_ns: int
    arrived_ns: int

    def heard(
        self,
        channels: tuple[str, ...],
        drooping: NDArray[np.float64],
        undone: NDArray[np.float64],
        samples: NDArray[np.float64],
        response: Callable[[Waveform, float], Waveform] | None = None,
    ) -> Heard:
        """Find the electrode time of every frame, and what was applied then."""
        rate_hz = self.stream.stream.rate_sps
        received = self.stream.received()
        alignment = self._aligned(samples, received, rate_hz, response)
        times_ns = alignment.times_ns(np.arange(len(received)))
        rows = [
            expected(self._only([name]), times_ns, rate_hz, response=response or flat)
            for name in channels
        ]
        return Heard(
            rate_hz=1e9 / alignment.period_ns,
            channels=channels,
            source=np.concatenate(rows),
            board=undone,
            drooping=drooping,
            events=self.events,
            alignment=alignment,
            lost=int(np.sum(~received)),
        )

    def _aligned(
        self,
        samples: NDArray[np.float64],
        received: NDArray[np.bool_],
        rate_hz: float,
        response: Callable[[Waveform, float], Waveform] | None,
    ) -> Alignment:
        """Align the sum of all channels: it is the same whatever their order is taken for."""
        frames = np.flatnonzero(received)
        whole = self._only(list(self.applied.channels))
        together = replace(whole, channels=("sum",), volts=whole.volts.sum(axis=0, keepdims=True))
        later_ns = round(int(frames[0]) * 1e9 / rate_hz)
        search_ns = (self.started_ns + later_ns, self.arrived_ns + later_ns)
        summed = samples.sum(axis=0, keepdims=True)[:, frames]
        return align(
            summed,
            rate_hz,
            together,
            frames=frames,
            search_ns=search_ns,
            response=response or sinc3,
            least_correlation=_LEAST_CORRELATION,
        )

    def _only(self, names: list[str]) -> Waveform:
        rows = [self.applied.channels.index(name) for name in names]
        return replace(self.applied, channels=tuple(names), volts=self.applied.volts[rows])


async def _taken(rig: Bench, source: SignalSource, seconds: float, stream_id: int) -> _Taken:
    """Record what a source plays, with room on both sides."""
    source.keep(seconds + 2 * SETTLE_S + _OVERHEAD_S)
    begun_ns = rig.clock.now_ns()
    arrivals: list[int] = []

    def arrived(block: Block) -> None:
        if block.stream_id == stream_id and not arrivals:
            arrivals.append(block.arrival_ns)

    async with linked(rig, interval_ms(rig, Profile.EFFICIENT)) as link:
        started_ns = rig.clock.now_ns()
        recording: Recording = await record(link, seconds, on_block=arrived)
    if not arrivals:
        raise BoardFault(f"the board sent no frame of stream {stream_id}: its firmware is wrong")
    return _Taken(
        stream=recording.streams[stream_id],
        applied=source.applied(begun_ns, rig.clock.now_ns()),
        events=source.events(begun_ns, rig.clock.now_ns()),
        started_ns=started_ns,
        arrived_ns=arrivals[0],
    )
