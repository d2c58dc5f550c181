"""Streams over links that lose, and whether every frame that is missing was counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from eegrig.boards.errors import BoardFault
from eegrig.hil.measure.stream.losses import frame_period_ns, unaccounted
from eegrig.hil.measure.stream.rate import RateError, rate_error
from eegrig.hil.suites.stretches.security.owner import owned, streamed
from eegrig.hil.suites.stretches.streams import interval_ms
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError
from eegrig.host.streaming.device_clock import DeviceClock
from eegrig.host.wire.constants import EventCode, Pattern, Profile, Status
from eegrig.host.wire.control import encode_start

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench, Faults
    from eegrig.hil.suites.stretches.security.owner import Streamed
    from eegrig.host.link.board_link import BoardLink

__all__ = ["DriftSeen", "Lossy", "drift_seen", "lossy"]

_REFERENCE_S: Final = 20.0
"""An arrival is uncertain by a connection interval, and a second of it has to tell a packet."""
_CLEAN_S: Final = 1.5
_NOISY_S: Final = 3.0
_RATES: Final = (0.1, 0.3)
_LATE_MS: Final = 1000.0
_DEFAULT_PAYLOAD: Final = 20  # of an MTU of 23
_DRIFT_S: Final = 20.0
_SMALLEST: Final = 1e-6  # of a drift that stamps show at all


@dataclass
class Lossy:
    """What came of streams over links that lose.

    Attributes
    ----------
    silent : int
        Frames that are missing and that nobody counted.
    told : list of str
        Where.
    frames : int
        That arrived, all in all.
    loss_at_30 : float
        Part of the frames lost at 30 % of packet errors.
    loss_frames : int
        How many frames that part is of.
    """

    silent: int = 0
    told: list[str] = field(default_factory=list)
    frames: int = 0
    loss_at_30: float = 0.0
    loss_frames: int = 0

    def take(self, what: str, taken: Streamed, period_ns: float, interval_ms: float) -> None:
        """Hold a stretch that begins and ends without losses against the time that passed."""
        counters = taken.decoder.counters
        self.frames += counters.frames
        uncounted = 0
        if len(taken.last_frames) > 1:
            frames, arrival_ns = np.array(taken.last_frames), np.array(taken.arrival_ns)
            behind = unaccounted(frames, arrival_ns, period_ns, 1e9 * _CLEAN_S)
            # Arrivals tell no less than an interval, and who drops a packet drops all of it.
            packet = 0.75 * (taken.last_frames[0] - taken.frames[0] + 1)
            interval = 1.5e6 * interval_ms / period_ns
            uncounted = round(behind) if behind > max(packet, interval) else 0
        wrong = uncounted or counters.time_jumps + counters.flag_mismatches
        if wrong:
            self.silent += wrong
            self.told.append(f"{what}: {wrong} of {counters.frames + counters.frames_lost}")


async def lossy(rig: Bench) -> Lossy:
    """Stream over air that is noisy, to a central that is late, and with the smallest MTU."""
    assert rig.faults is not None
    found = Lossy()
    apart_ms = interval_ms(rig)
    async with owned(rig) as link:
        await link.start()
        clean = await streamed(link, _REFERENCE_S)
        await link.stop()
        period_ns = frame_period_ns(np.array(clean.last_frames), np.array(clean.arrival_ns))
        found.take("on clean air", clean, period_ns, apart_ms)
        for rate in _RATES:
            taken = await _noisy(link, rig.faults, rate)
            found.take(f"at {100 * rate:.0f} % packet errors", taken, period_ns, apart_ms)
            counters = taken.decoder.counters
            found.loss_frames = counters.frames + counters.frames_lost
            found.loss_at_30 = counters.frames_lost / found.loss_frames
        if "link_control" in rig.capabilities:
            taken = await _late(rig, link)
            found.take("to a central that is late", taken, period_ns, apart_ms)
    taken_at_23 = await _default_mtu(rig, rig.faults)
    if taken_at_23 is not None:
        found.take("with an MTU of 23", taken_at_23, period_ns, apart_ms)
    return found


async def _noisy(link: BoardLink, faults: Faults, rate: float) -> Streamed:
    await link.start()
    taken = await streamed(link, _CLEAN_S)
    faults.packet_error_rate(rate)
    try:
        await streamed(link, _NOISY_S, taken)
    finally:
        faults.packet_error_rate(0.0)
    # What piled up comes first; the last of it is as late as it ever was on clean air.
    await streamed(link, 2 * _CLEAN_S, taken)
    await link.stop()
    return taken


async def _late(rig: Bench, link: BoardLink) -> Streamed:
    """Poll the board once in a second, and then as often as it wants again."""
    parameters = rig.radio.link_parameters()
    assert parameters is not None
    assert parameters.interval_ms is not None
    phy = rig.board.radio.phy
    await link.start()
    taken = await streamed(link, _CLEAN_S)
    await rig.radio.set_link(phy=phy, interval_ms=_LATE_MS)
    await streamed(link, _NOISY_S, taken)
    await rig.radio.set_link(phy=phy, interval_ms=parameters.interval_ms)
    await streamed(link, 2 * _CLEAN_S, taken)
    await link.stop()
    return taken


async def _default_mtu(rig: Bench, faults: Faults) -> Streamed | None:
    """Stream with an ATT MTU of 23; None where no frame fits, and the board says so.

    Raises
    ------
    BoardFault
        If it streams all the same, or says something else.
    """
    faults.keep_default_mtu(keep=True)
    try:
        async with owned(rig) as link:
            what = f"START for {_DEFAULT_PAYLOAD} bytes"
            try:
                await link.command(
                    lambda tag: encode_start(tag, _DEFAULT_PAYLOAD, Profile.EFFICIENT, Pattern.EEG),
                    what,
                )
            except BoardStatusError as error:
                if error.status is Status.PAYLOAD_TOO_SMALL:
                    return None
                raise
            if 16 + link.info.streams[0].frame_size > _DEFAULT_PAYLOAD:
                raise BoardFault(f"{what} was answered OK, and no frame fits")
            taken = await streamed(link, 2 * _CLEAN_S)
            await link.stop()
            return taken
    except BoardEventError as error:
        if error.code is EventCode.LINK_ERROR:
            return None  # it said so, and stopped
        raise
    finally:
        faults.keep_default_mtu(keep=False)


@dataclass(frozen=True)
class DriftSeen:
    """A drift of the board's conversions, as its time stamps show it.

    Attributes
    ----------
    made : float
        How much faster the oscillator ran, as a fraction.
    seen : float
        How much faster the conversions came.
    uncertainty : float
        Of what was seen.
    by : str
        What it was seen by.
    n : int
        Packets.
    """

    made: float
    seen: float
    uncertainty: float
    by: str
    n: int


async def drift_seen(rig: Bench, ppm: float) -> DriftSeen:
    """Stream, let the oscillator behind the conversions run fast, and stream again.

    A board's own clock dates its frames; where that is the front end's, its frames tell nothing of
    themselves, and the host's clock has to.
    """
    assert rig.faults is not None
    rates: list[RateError] = []
    hosts: list[float] = []
    async with owned(rig) as link:
        for again in range(2):
            if again:
                rig.faults.clock_drift(ppm)
            await link.start()
            taken = await streamed(link, _DRIFT_S)
            await link.stop()
            rate_sps = link.info.streams[0].rate_sps
            rates.append(rate_error(np.array(taken.frames), np.array(taken.device_ns), rate_sps))
            clock = DeviceClock()
            for frame, arrival_ns in zip(taken.last_frames, taken.arrival_ns, strict=True):
                clock.add(round(frame * 1e9 / rate_sps), arrival_ns)
            fit = clock.fit()
            assert fit is not None
            hosts.append(-fit.rate_error)
    seen = (1 + rates[1].error) / (1 + rates[0].error) - 1
    uncertainty = float(np.hypot(rates[0].uncertainty, rates[1].uncertainty))
    by, n = "its own time stamps", rates[1].n
    if abs(seen) < _SMALLEST:
        seen = (1 + hosts[1]) / (1 + hosts[0]) - 1
        by = "the host's clock"
        # A connection interval is the most that two least delays differ by, over the stretch.
        uncertainty = interval_ms(rig) * 1e-3 / _DRIFT_S / 6**0.5
    return DriftSeen(ppm * 1e-6, seen, uncertainty, by, n)
