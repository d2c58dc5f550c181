"""Info: what a board says about itself; the scale of every sample comes from here."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from eegrig.host.wire.constants import (
    PROTOCOL_VERSION,
    EventCode,
    Profile,
    State,
    StreamId,
    StreamKind,
    Unit,
)
from eegrig.host.wire.errors import ProtocolError, ProtocolVersionError

__all__ = ["Info", "StreamInfo", "decode_info"]

# version, state, rate, channels, gain, bits, profile, LSB, reserved, group delay, fault, rates
_FIXED = struct.Struct("<BBHBBBBIIHBB")
# id, kind, rate in mHz, channels, bytes per sample, LSB: mantissa and exponent, unit
_STREAM = struct.Struct("<BBIBBIbB")
_HASH_SIZE = 32
_MAX_SIZE = 512


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One of the streams a board sends.

    Attributes
    ----------
    stream_id : int
        What its packets say they belong to.
    kind : StreamKind
    rate_sps : float
        Frames per second.
    channels : tuple of str
        Channel names, in the order of the samples in a frame.
    sample_size : int
        Bytes per sample: 2, 3 or 4, two's complement, big-endian.
    lsb_mantissa, lsb_exponent : int
        One count is ``lsb_mantissa * 10**lsb_exponent`` of `unit`.
    unit : Unit
    gain : int or None
        Of the amplifier in front, where the board says it.
    group_delay_s : float
        How much later than at the input something is in the samples, in seconds.
    """

    stream_id: int
    kind: StreamKind
    rate_sps: float
    channels: tuple[str, ...]
    sample_size: int
    lsb_mantissa: int
    lsb_exponent: int
    unit: Unit
    # What no entry of the list says.
    gain: int | None = field(default=None, compare=False)
    group_delay_s: float = field(default=0.0, compare=False)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def lsb(self) -> float:
        """One count in `unit`."""
        return float(f"{self.lsb_mantissa}e{self.lsb_exponent}")

    @property
    def frame_size(self) -> int:
        """Bytes of one frame in a packet."""
        return self.n_channels * self.sample_size


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
    kind : StreamKind
        What the channels above are of.
    others : tuple of StreamInfo
        Streams besides the one these fields tell of, in the order of their ids.
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
    kind: StreamKind = StreamKind.EEG
    others: tuple[StreamInfo, ...] = ()

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """Every stream of the board, the one of id 0 first."""
        main = StreamInfo(
            StreamId.EEG,
            self.kind,
            self.sample_rate_sps,
            self.channels,
            self.bits // 8,
            self.lsb_fv,
            -15,
            Unit.VOLT,
            self.gain,
            self.group_delay_s,
        )
        return (main, *self.others)

    def stream(self, stream_id: int) -> StreamInfo:
        """Return one stream.

        Raises
        ------
        ProtocolError
            If the board has no such stream.
        """
        for stream in self.streams:
            if stream.stream_id == stream_id:
                return stream
        raise ProtocolError(
            f"a packet belongs to the unknown stream 0x{stream_id:02x}: Info does not list it"
        )

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
    streams = _streams(reader) if reader.left else ()

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
        info = Info(
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
            kind=streams[0].kind if streams else StreamKind.EEG,
            others=streams[1:],
        )
    except ValueError as error:
        raise ProtocolError(f"Info has an unknown value: {error}") from None
    for stream in streams:
        _check_stream(stream, info)
    return info


def _streams(reader: _Reader) -> tuple[StreamInfo, ...]:
    """Read the list of streams."""
    (n_streams,) = reader.take(1, "number of streams")
    streams = []
    for _ in range(n_streams):
        fields = _STREAM.unpack(reader.take(_STREAM.size, "streams"))
        stream_id, kind, rate_mhz, n_channels, sample_size, mantissa, exponent, unit = fields
        names = reader.text("channel names")
        channels = tuple(names.split(","))
        where = f"Info's stream 0x{stream_id:02x}"
        if n_channels == 0:
            raise ProtocolError(f"{where} has no channels")
        if len(channels) != n_channels or not all(channels):
            raise ProtocolError(f"{where} has {n_channels} channels but names {names!r}")
        if sample_size not in (2, 3, 4):
            raise ProtocolError(f"{where} has samples of {sample_size} bytes, known are 2 to 4")
        if not rate_mhz or not mantissa:
            raise ProtocolError(f"{where} has a rate or an LSB of 0")
        try:
            streams.append(
                StreamInfo(
                    stream_id,
                    StreamKind(kind),
                    rate_mhz / 1000,
                    channels,
                    sample_size,
                    mantissa,
                    exponent,
                    Unit(unit),
                )
            )
        except ValueError as error:
            raise ProtocolError(f"{where} has an unknown value: {error}") from None
    ids = [stream.stream_id for stream in streams]
    if ids != sorted(set(ids)) or (ids and ids[0] != StreamId.EEG):
        raise ProtocolError(f"Info lists the streams {ids}: they must begin with 0 and rise")
    return tuple(streams)


def _check_stream(stream: StreamInfo, main: Info) -> None:
    """Hold an entry of the list against Info's first fields, which are those of stream 0."""
    if stream.stream_id == StreamId.EEG:
        if stream != main.streams[0]:
            raise ProtocolError("Info's list of streams contradicts its first fields")
    elif stream.stream_id == StreamId.THROUGHPUT:
        raise ProtocolError("Info lists the stream 0x7f, which is no stream of samples")
    elif len({*stream.channels, *main.channels}) != stream.n_channels + main.n_channels:
        raise ProtocolError(f"Info's channel names are not distinct: {', '.join(stream.channels)}")


class _Reader:
    """Takes fields of variable length off the bytes, one after the other."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._offset = offset

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._offset

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
