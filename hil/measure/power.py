"""From a power capture to the figures of a streaming board."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eegrig.hil.measure.chance import of_the_mean

if TYPE_CHECKING:
    from eegrig.hil.bench import PowerCapture

__all__ = [
    "AFE_GROUPS",
    "Power",
    "StreamingPower",
    "long_enough",
    "mode_power",
    "streaming_power",
]

AFE_GROUPS = ("afe", "afe_supply", "optics")
"""Groups that are the front ends': themselves, and where a bench tells them apart, the conversion
losses of its supply."""

_LEAST_SHARE = 0.9
_LEAST_INTERVALS = 10


@dataclass(frozen=True)
class Power:
    """Mean power at the battery during one mode, in watts, with standard uncertainties.

    Attributes
    ----------
    total_w, total_uncertainty_w : float
        All of it; uncertain by what the meter or the model is, and by what chance leaves open of a
        stretch so long.
    chance_w : float
        The latter part: another stretch of the same mode differs by it.
    groups_w : dict of str to float
        By group, without the total; empty where the bench cannot tell.
    duration_s : float
        Length of the capture.
    n : int
        Stretches that were captured: one. Bins of the current are no observations of their own, and
        on a bench of models not even readings.
    """

    total_w: float
    total_uncertainty_w: float
    chance_w: float
    groups_w: dict[str, float]
    duration_s: float
    n: int


@dataclass(frozen=True)
class StreamingPower:
    """What streaming costs; uncertainties are standard ones, None where the split is missing.

    Attributes
    ----------
    power : Power
        Mean power and its parts.
    per_channel_w, per_channel_uncertainty_w : float
        Total over channels.
    non_afe_w, non_afe_uncertainty_w : float or None
        All but the front end and its supply's losses.
    per_bit_j, per_bit_uncertainty_j : float
        Energy per bit of payload that arrived.
    per_sample_j, per_sample_uncertainty_j : float
        Energy per sample of one channel that arrived.
    """

    power: Power
    per_channel_w: float
    per_channel_uncertainty_w: float
    non_afe_w: float | None
    non_afe_uncertainty_w: float | None
    per_bit_j: float
    per_bit_uncertainty_j: float
    per_sample_j: float
    per_sample_uncertainty_j: float


def long_enough(capture: PowerCapture, asked_s: float, *, interval_ms: float | None = None) -> bool:
    """Return whether a capture is as long as it was to be, and as its mean power needs.

    Parameters
    ----------
    capture : PowerCapture
    asked_s : float
        How long it was to be, in seconds.
    interval_ms : float, optional
        Connection interval, in which consumption repeats itself: one begun and not ended is to be
        a tenth of the whole at most.
    """
    least_s = _LEAST_INTERVALS * (interval_ms or 0.0) * 1e-3
    return capture.duration_s >= max(_LEAST_SHARE * asked_s, least_s)


def mode_power(capture: PowerCapture) -> Power:
    """Return the mean power of a capture and its parts.

    The chance in it is that of the mean current (`hil.measure.chance.of_the_mean`).

    Raises
    ------
    ValueError
        If the capture has no length.
    """
    if capture.duration_s <= 0:
        raise ValueError("the power capture has no length")
    total = capture.power_w()
    chance = 0.0
    if capture.current_a.size > 1:
        chance = float(of_the_mean(capture.current_a)) * capture.battery_v
    return Power(
        total_w=total,
        total_uncertainty_w=math.hypot(total * capture.uncertainty, chance),
        chance_w=chance,
        groups_w={name: capture.power_w(name) for name in capture.energy_j if name != "total"},
        duration_s=capture.duration_s,
        n=1,
    )


def streaming_power(
    capture: PowerCapture,
    *,
    n_channels: int,
    payload_bits: int,
    n_frames: int,
    packet_frames: float = 1.0,
) -> StreamingPower:
    """Return what streaming costs per channel, bit and sample.

    The groups are uncertain independently of each other; the non-AFE power is as uncertain as its
    own groups, not as the front end's much larger power, and by the whole of the chance, as it is
    these groups that change. What a capture begins and ends in the middle of is a packet: its
    frames count where they arrive (twice a rectangle of a packet's width).

    Parameters
    ----------
    capture : PowerCapture
        While the board streamed.
    n_channels : int
        Channels that streamed.
    payload_bits : int
        Bits of payload that arrived during the capture.
    n_frames : int
        Frames (one sample of every channel) that arrived during the capture.
    packet_frames : float
        Frames that arrive together, on average.

    Raises
    ------
    ValueError
        If a count is not positive or the capture has no length.
    """
    for what, count in (
        ("channels", n_channels),
        ("payload bits", payload_bits),
        ("frames", n_frames),
    ):
        if count <= 0:
            raise ValueError(f"{count} {what} during the capture: nothing streamed")
    power = mode_power(capture)
    energy = capture.energy_j["total"]
    edges = packet_frames / math.sqrt(6.0) / n_frames
    per_count = math.hypot(power.total_uncertainty_w / power.total_w, edges) if energy else 0.0
    non_afe = non_afe_uncertainty = None
    if "afe" in power.groups_w:
        others = [watts for name, watts in power.groups_w.items() if name not in AFE_GROUPS]
        non_afe = math.fsum(others)
        non_afe_uncertainty = math.hypot(
            power.chance_w,
            *(
                watts * capture.group_uncertainty.get(name, capture.uncertainty)
                for name, watts in power.groups_w.items()
                if name not in AFE_GROUPS
            ),
        )
    n_samples = n_frames * n_channels
    return StreamingPower(
        power=power,
        per_channel_w=power.total_w / n_channels,
        per_channel_uncertainty_w=power.total_uncertainty_w / n_channels,
        non_afe_w=non_afe,
        non_afe_uncertainty_w=non_afe_uncertainty,
        per_bit_j=energy / payload_bits,
        per_bit_uncertainty_j=abs(energy / payload_bits * per_count),
        per_sample_j=energy / n_samples,
        per_sample_uncertainty_j=abs(energy / n_samples * per_count),
    )
