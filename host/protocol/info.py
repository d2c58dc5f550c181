"""Info: what a board says about itself; the scale of every sample comes from here."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from host.protocol.constants import PROTOCOL_VERSION, EventCode, Profile, State
from host.protocol.errors import ProtocolError, ProtocolVersionError

__all__ = ["Info", "decode_info"]

# version, state, rate, channels, gain, bits, profile, LSB, reserved, group delay, fault, rates
_FIXED = struct.Struct("<BBHBBBBIIHBB")
_HASH_SIZE = 32
_MAX_SIZE = 512


@dataclass(frozen=True, slots=True)
class Info:
    """What a board says about itself.

    Attributes
    ----------
    state : State
    sample_rate_sps : int
        Frames per second at present.
    channels : tuple of str
        Channel names, in the order of the samples in a frame.
    gain : int
        Gain of the front end.
    bits : int
        Bits per sample.
    profile : Profile
        Streaming profile.
    lsb_fv : int
        One count at the electrode, in femtovolts.
    group_delay_s : float
        Group delay of the front end's filter in seconds.
    fault : EventCode
        Why `state` is ``FAULT``; ``NONE`` otherwise.
    rates_sps : tuple of int
        Rates the board offers.
    board : str
        Name of the board.
    firmware_version : str
    image_hash : str
        SHA-256 of the firmware image, 64 hexadecimal digits.
    """

    state: State
    sample_rate_sps: int
    channels: tuple[str, ...]
    gain: int
    bits: int
    profile: Profile
    lsb_fv: int
    group_delay_s: float
    fault: EventCode
    rates_sps: tuple[int, ...]
    board: str
    firmware_version: str
    image_hash: str

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def lsb_v(self) -> float:
        """One count at the electrode, in volts."""
        return self.lsb_fv * 1e-15

    @property
    def frame_size(self) -> int:
        """Bytes of one frame in a packet."""
        return self.n_channels * self.bits // 8


def decode_info(data: bytes) -> Info:
    """Decode the Info characteristic.

    Parameters
    ----------
    data : bytes
        The whole value of the characteristic. Bytes after the ones this version knows are
        ignored.

    Returns
    -------
    Info

    Raises
    ------
    ProtocolVersionError
        If the board speaks another version.
    ProtocolError
        If the bytes are not an Info.
    """
    if not data:
        raise ProtocolError("Info is empty: the board has not filled it in")
    if data[0] != PROTOCOL_VERSION:
        raise ProtocolVersionError(data[0], PROTOCOL_VERSION)
    if len(data) < _FIXED.size:
        raise ProtocolError(f"Info has {len(data)} bytes, its fixed part alone {_FIXED.size}")
    if len(data) > _MAX_SIZE:
        raise ProtocolError(f"Info has {len(data)} bytes, more than an attribute's {_MAX_SIZE}")
    (
        _version,
        state,
        rate_sps,
        n_channels,
        gain,
        bits,
        profile,
        lsb_fv,
        _reserved,
        group_delay_us,
        fault,
        n_rates,
    ) = _FIXED.unpack_from(data)
    reader = _Reader(data, _FIXED.size)
    rates_sps = struct.unpack(f"<{n_rates}H", reader.take(2 * n_rates, "sample rates"))
    board = reader.text("board name")
    firmware_version = reader.text("firmware version")
    names = reader.text("channel names")
    image_hash = reader.take(_HASH_SIZE, "image hash").hex()
    channels = tuple(names.split(",")) if names else ()

    if bits != 24:
        raise ProtocolError(f"Info says {bits} bits per sample, this version has 24")
    if n_channels == 0:
        raise ProtocolError("Info says there are no channels")
    if len(channels) != n_channels:
        raise ProtocolError(f"Info says {n_channels} channels but names {len(channels)}: {names!r}")
    if len(set(channels)) != n_channels or not all(channels):
        raise ProtocolError(f"Info's channel names are not distinct: {names!r}")
    if rate_sps == 0 or 0 in rates_sps:
        raise ProtocolError("Info says a sample rate of 0")
    if lsb_fv == 0 or gain == 0:
        raise ProtocolError("Info has no scale (gain or LSB is 0): samples would have no unit")
    try:
        return Info(
            state=State(state),
            sample_rate_sps=rate_sps,
            channels=channels,
            gain=gain,
            bits=bits,
            profile=Profile(profile),
            lsb_fv=lsb_fv,
            group_delay_s=group_delay_us * 1e-6,
            fault=EventCode(fault),
            rates_sps=rates_sps,
            board=board,
            firmware_version=firmware_version,
            image_hash=image_hash,
        )
    except ValueError as error:
        raise ProtocolError(f"Info has an unknown value: {error}") from None


class _Reader:
    """Takes fields of variable length off the bytes, one after the other."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset

    def take(self, size: int, what: str) -> bytes:
        end = self._offset + size
        if end > len(self._data):
            raise ProtocolError(f"Info ends in the middle of its {what}")
        field = bytes(self._data[self._offset : end])
        self._offset = end
        return field

    def text(self, what: str) -> str:
        size = self.take(1, what)[0]
        try:
            text = self.take(size, what).decode()
        except UnicodeDecodeError:
            raise ProtocolError(f"Info's {what} is not UTF-8") from None
        # Names end up in file headers and in one-line messages.
        if not text.isprintable():
            raise ProtocolError(f"Info's {what} has unprintable characters: {text!r}")
        return text
