"""What the board does with its processor one sigma slower than modelled, once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eegrig.hil.suites.stretches.slower import Slower, slower_board
from eegrig.hil.suites.stretches.streams import NOISY_AIR, Session, fastest, stream
from eegrig.host.wire.constants import Profile

if TYPE_CHECKING:
    from eegrig.hil.bench import Bench

__all__ = ["OneSigma", "one_sigma_slower"]

# What a slower processor does shows in every packet: there is no need to wait for rare things.
_SECONDS = 4.0
_LOSS_SECONDS = 3.0


@dataclass(frozen=True)
class OneSigma:
    """Stretches on a board whose processor is one sigma slower.

    Attributes
    ----------
    boot_s : Slower of float
        From the reset to the first advertisement, in seconds.
    efficient, low_latency : Slower of Session
        Streaming in either profile.
    noisy : Slower of Session or None
        In the efficient one, over noisy air; None on a bench without ``faults``.
    fastest_loss : Slower of float or None
        Part of the frames lost at the highest rate; None on a bench without ``link_control``.
    """

    boot_s: Slower[float]
    efficient: Slower[Session]
    low_latency: Slower[Session]
    noisy: Slower[Session] | None
    fastest_loss: Slower[float] | None


async def one_sigma_slower(rig: Bench, seconds: float) -> OneSigma | None:
    """Take all stretches again with the processor one sigma slower.

    Parameters
    ----------
    rig : Bench
    seconds : float
        Length of the stretches they stand beside; these are no longer.

    Returns
    -------
    OneSigma or None
        None where the bench has no model of the processor.
    """
    if rig.processor is None:
        return None
    seconds = min(seconds, _SECONDS)
    noisy = fastest_loss = None
    async with slower_board(rig) as start:
        board = await start(rig.processor.spread)
        efficient = await board.take(lambda: stream(rig, Profile.EFFICIENT, seconds))
        low_latency = await board.take(lambda: stream(rig, Profile.LOW_LATENCY, seconds))
        if rig.faults is not None:
            noisy = await board.take(
                lambda: stream(rig, Profile.EFFICIENT, _LOSS_SECONDS, packet_error_rate=NOISY_AIR)
            )
        if "link_control" in rig.capabilities:
            received = await board.take(lambda: fastest(rig, _LOSS_SECONDS))
            fastest_loss = received.map(lambda frames: float(1 - frames.mean()))
    return OneSigma(board.boot_s, efficient, low_latency, noisy, fastest_loss)
