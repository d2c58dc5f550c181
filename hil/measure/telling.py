"""Whether what a board tells about itself is what it is, as its board file and firmware say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eegrig.host.wire.constants import State, StreamKind

if TYPE_CHECKING:
    from eegrig.boards import Board
    from eegrig.host.link.board_link import DeviceInformation
    from eegrig.host.wire.constants import Profile
    from eegrig.host.wire.info import Info

__all__ = ["info_errors", "information_errors"]

_LSB_STEP = 1e-6  # a count is told in whole femtovolts, of some 1e7
_DELAY_STEP_S = 1e-6  # and the delay in microseconds
_SINC3_PERIODS = 1.5
"""Group delay of a sinc3 in conversion periods: three boxes of a period each, half of their
length (TI SBAS499C 9.3.2.1, the filter's transfer function)."""


def info_errors(
    info: Info,
    board: Board,
    *,
    version: str,
    image_hash: str,
    rate_sps: int | None = None,
    state: State = State.IDLE,
    profile: Profile | None = None,
) -> Iterator[str]:
    """Yield what Info says that is not so, each in a few words (``docs/protocol.md``, "Info").

    Parameters
    ----------
    info : Info
        As the board told it.
    board : Board
        What it is.
    version, image_hash : str
        Of the firmware that was flashed.
    rate_sps : int or None
        What was set last; None for the rate after a reset.
    state : State
        What the board is doing.
    profile : Profile or None
        In which it streams; None where nothing was started.
    """
    afe = board.afe
    rate_sps = rate_sps or afe.default_rate_sps
    kinds = set(afe.channel_kinds)
    kind = (
        StreamKind.EXG if len(kinds) > 1 else StreamKind.EMG if kinds == {"emg"} else StreamKind.EEG
    )
    plain: list[tuple[str, object, object]] = [
        ("state", info.state.name.lower(), state.name.lower()),
        ("rate", info.sample_rate_sps, rate_sps),
        ("channels", ",".join(info.channels), ",".join(afe.channels)),
        ("gain", info.gain, afe.gain),
        ("bits", info.bits, 24),
        ("rates", sorted(info.rates_sps), sorted(afe.rates_sps)),
        ("name", info.board, board.name),
        ("firmware version", info.firmware_version, version),
        ("firmware hash", info.image_hash, image_hash),
        ("kind", info.kind.name, kind.name),
        (
            "further streams",
            [",".join(stream.channels) for stream in info.others],
            [] if board.optics is None else [",".join(board.optics.channels)],
        ),
    ]
    if profile is not None:
        plain.append(("profile", info.profile.name.lower(), profile.name.lower()))
    for what, told, true in plain:
        if told != true:
            yield f"{what}: tells {told}, is {true}"
    lsb_v = 2 * afe.vref_v / afe.gain / 2**24
    if abs(info.lsb_fv * 1e-15 / lsb_v - 1) > _LSB_STEP:
        yield f"scale: tells {info.lsb_fv} fV a count, is {lsb_v * 1e15:.0f}"
    delay_s = _SINC3_PERIODS / rate_sps
    if abs(info.group_delay_s - delay_s) > _DELAY_STEP_S:
        yield f"group delay: tells {info.group_delay_s * 1e3:g} ms, is {delay_s * 1e3:g}"


def information_errors(told: DeviceInformation, board: Board, *, version: str) -> Iterator[str]:
    """Yield what the Device Information service says that is not so.

    Parameters
    ----------
    told : DeviceInformation
    board : Board
    version : str
        Of the firmware that was flashed.
    """
    if not told.manufacturer:
        yield "manufacturer: tells none"
    if told.model != board.name:
        yield f"model: tells {told.model}, is {board.name}"
    if told.firmware_revision != version:
        yield f"firmware revision: tells {told.firmware_revision}, is {version}"
