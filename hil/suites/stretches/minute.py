"""A minute and some of streaming in the low-latency profile: what is rare, or comes with time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eegrig.hil.suites.stretches.streams import interval_ms, linked
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile, StreamId

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eegrig.hil.bench import Bench
    from eegrig.host.streaming.decoder import Block, StreamCounters

__all__ = ["Minute", "minute"]

_SECONDS = 66.0


@dataclass(frozen=True)
class Minute:
    """What streaming for a minute gave.

    Attributes
    ----------
    first_frame, n_frames : ndarray of int, shape (n_packets,)
    device_ns, arrival_ns : ndarray of int, shape (n_packets,)
        Device time of each packet's first frame, and when it arrived.
    counters : StreamCounters
    rate_sps : float
        As the board told it.
    interval_s : float
        Connection interval that was negotiated; the one asked for, where nobody can tell.
    """

    first_frame: NDArray[np.int64]
    n_frames: NDArray[np.int64]
    device_ns: NDArray[np.int64]
    arrival_ns: NDArray[np.int64]
    counters: StreamCounters
    rate_sps: float
    interval_s: float

    @property
    def ready_ns(self) -> NDArray[np.int64]:
        """Device time of each packet's last frame: before, it cannot be sent."""
        step_ns = 1e9 / self.rate_sps
        ready: NDArray[np.int64] = self.device_ns + np.rint((self.n_frames - 1) * step_ns).astype(
            np.int64
        )
        return ready


async def minute(rig: Bench) -> Minute:
    """Stream for a minute in the low-latency profile, at the rate after a reset."""
    blocks: list[Block] = []

    def arrived(block: Block) -> None:
        if block.stream_id == StreamId.EEG:
            blocks.append(block)

    asked_ms = interval_ms(rig, Profile.LOW_LATENCY)
    async with linked(rig, asked_ms) as link:
        recording = await record(link, _SECONDS, profile=Profile.LOW_LATENCY, on_block=arrived)
        parameters = rig.radio.link_parameters() or link.parameters
    return Minute(
        first_frame=np.array([block.first_frame for block in blocks], np.int64),
        n_frames=np.array([block.n_frames for block in blocks], np.int64),
        device_ns=np.array([block.device_ns for block in blocks], np.int64),
        arrival_ns=np.array([block.arrival_ns for block in blocks], np.int64),
        counters=recording.main.counters,
        rate_sps=recording.main.stream.rate_sps,
        interval_s=(parameters.interval_ms or asked_ms) * 1e-3,
    )
