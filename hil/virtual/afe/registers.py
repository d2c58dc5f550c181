"""The register file of an ADS129x, whichever: what the bits of one part's map mean.

A part's map (`hil.virtual.afe.maps`) says where each setting lies and what its codes stand for;
`Registers` holds the values and reads the settings out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple

__all__ = [
    "Bits",
    "ChannelSettings",
    "Excitation",
    "Fixed",
    "Mux",
    "RegisterMap",
    "Registers",
    "reserved_gains",
]


class Bits(NamedTuple):
    """Where a setting lies: register address, lowest bit and number of bits."""

    address: int
    shift: int = 0
    width: int = 1


class Fixed(NamedTuple):
    """Bits of a register that every write must give a certain value."""

    mask: int
    value: int = 0


class Mux(Enum):
    """What a channel's input is connected to."""

    NORMAL = auto()
    SHORTED = auto()
    BIAS_MEASURE = auto()
    SUPPLY = auto()
    TEMPERATURE = auto()
    TEST = auto()
    BIAS_DRIVE_P = auto()
    BIAS_DRIVE_N = auto()
    BIAS_DRIVE_BOTH = auto()
    AUXILIARY = auto()
    RESERVED = auto()


@dataclass(frozen=True, slots=True)
class Excitation:
    """How the lead-off current alternates.

    Attributes
    ----------
    clock : {"off", "dc", "fclk", "fdr"}
        Not at all; steady; or a square wave made from the chip's clock or its data rate.
    divider : int
        What that clock or rate is divided by.
    """

    clock: Literal["off", "dc", "fclk", "fdr"]
    divider: int = 1

    def frequency_hz(self, fclk_hz: float, rate_sps: float) -> float:
        """Return the frequency of the square wave."""
        return (fclk_hz if self.clock == "fclk" else rate_sps) / self.divider


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One channel's CHnSET, decoded."""

    powered: bool
    gain: int
    mux: Mux


@dataclass(frozen=True, kw_only=True)
class RegisterMap:
    """The registers of one part, as data.

    Attributes
    ----------
    part : str
        Name of its part file.
    names : tuple of str
        Register names by address.
    reset, writable : bytes
        Reset value, and the bits a WREG changes, by address.
    config1 : int
        Address of the register whose change resets the digital filter.
    channels : tuple of int
        Addresses of the CHnSET registers.
    gains : tuple of int
        PGA gain by code.
    mux : tuple of Mux
        Connection by code of the lowest bits of CHnSET.
    rate : Bits
        The data rate's code.
    rates_sps : tuple of int
        Data rate by code.
    fixed : dict of int to Fixed
        What every write must hold, by address; a register with no other bits is a reserved one.
    reserved : tuple
        Settings and those of their codes that must not be used; the model takes the meaning that
        the other tables give them.
    resolution_bits : dict of int to int
        Resolution of the output where it is less than 24 bits, by rate code.
    high_resolution : Bits or None
        Doubles the modulator's clock and with it every rate.
    readback : Bits or None
        Whether data repeat after the last byte instead of a daisy chain's; None: they always do.
    single_shot, reference_on, bias_on, comparators_on, test_internal : Bits
    reference_high : Bits or None
        Selects the higher of two reference voltages.
    test_doubled : Bits or None
    test_frequency : Bits
    test_exponents : tuple of int or None
        Test frequency is fCLK / 2**exponent by code; None for DC.
    lead_off_current, lead_off_frequency : Bits
    excitations : tuple of Excitation
        By code of `lead_off_frequency`.
    sense_p, sense_n, flip, status_p, status_n : tuple of Bits
        One for each channel: lead-off sensed at the positive or negative input, current reversed,
        input found off.
    frame_status : tuple of Bits
        What follows 1100 in the 24 status bits, most significant first; zeros fill the rest.
    dvdd_channels : tuple of int
        Channels whose supply measurement is that of DVDD.
    calibration_on : Bits or None
        Lets OFFSETCAL work.
    clock_divider : Bits or None
        Divides the modulator's clock for an external clock four times as fast.
    """

    part: str
    names: tuple[str, ...]
    reset: bytes
    writable: bytes
    config1: int
    channels: tuple[int, ...]
    gains: tuple[int, ...]
    mux: tuple[Mux, ...]
    rate: Bits
    rates_sps: tuple[int, ...]
    fixed: dict[int, Fixed]
    reserved: tuple[tuple[Bits, frozenset[int]], ...]
    resolution_bits: dict[int, int] = field(default_factory=dict)
    high_resolution: Bits | None = None
    readback: Bits | None
    single_shot: Bits
    reference_on: Bits
    reference_high: Bits | None = None
    bias_on: Bits
    comparators_on: Bits
    test_internal: Bits
    test_doubled: Bits | None = None
    test_frequency: Bits
    test_exponents: tuple[int | None, ...]
    lead_off_current: Bits
    lead_off_frequency: Bits
    excitations: tuple[Excitation, ...]
    sense_p: tuple[Bits, ...]
    sense_n: tuple[Bits, ...]
    flip: tuple[Bits, ...]
    status_p: tuple[Bits, ...]
    status_n: tuple[Bits, ...]
    frame_status: tuple[Bits, ...]
    dvdd_channels: tuple[int, ...]
    calibration_on: Bits | None = None
    clock_divider: Bits | None = None

    @property
    def n_channels(self) -> int:
        """Channels of the part."""
        return len(self.channels)

    @property
    def frame_bytes(self) -> int:
        """Length of a frame: status and all channels, powered or not."""
        return 3 + 3 * self.n_channels

    def address(self, name: str) -> int:
        """Return the address of a register."""
        return self.names.index(name)


def reserved_gains(channels: Iterable[int]) -> Iterator[tuple[Bits, frozenset[int]]]:
    """Yield what is reserved of the gains in some CHnSET registers: code 7, in all parts."""
    for address in channels:
        yield Bits(address, 4, 3), frozenset({7})


class Registers:
    """The register file.

    Parameters
    ----------
    registers : RegisterMap
    identity : int or None
        What the ID register holds; None for the part's own.
    """

    def __init__(self, registers: RegisterMap, identity: int | None = None) -> None:
        self.map = registers
        self.identity: int | None = identity
        self._values = bytearray(registers.reset)
        self.reset()

    def reset(self) -> None:
        """Put every register back to its reset value."""
        self._values[:] = self.map.reset
        if self.identity is not None:
            self._values[0] = self.identity

    def __getitem__(self, address: int) -> int:
        """Return a register; addresses that do not exist read 0."""
        return self._values[address] if address < len(self._values) else 0

    def write(self, address: int, value: int) -> bool:
        """Write as WREG does, leaving fixed and read-only bits; return whether anything changed."""
        if address >= len(self._values):
            return False
        mask = self.map.writable[address]
        before = self._values[address]
        self._values[address] = (before & ~mask & 0xFF) | (value & mask)
        return self._values[address] != before

    def get(self, bits: Bits) -> int:
        """Return a setting."""
        return self._values[bits.address] >> bits.shift & ((1 << bits.width) - 1)

    def is_set(self, bits: Bits | None) -> bool:
        """Return whether a setting is not zero; False where the part has none."""
        return bits is not None and self.get(bits) != 0

    def set_lead_off_status(self, positive: Iterable[bool], negative: Iterable[bool]) -> None:
        """Store what the lead-off comparators see of each channel (read-only for the host)."""
        for places, states in ((self.map.status_p, positive), (self.map.status_n, negative)):
            for bits, off in zip(places, states, strict=True):
                mask = 1 << bits.shift
                value = self._values[bits.address]
                self._values[bits.address] = value | mask if off else value & ~mask & 0xFF

    @property
    def rate_code(self) -> int:
        """Code of the data rate."""
        return self.get(self.map.rate)

    @property
    def high_resolution(self) -> bool:
        """Whether the part is in its high-resolution mode."""
        return self.is_set(self.map.high_resolution)

    @property
    def rate_sps(self) -> int:
        """Nominal data rate in samples per second."""
        return self.map.rates_sps[self.rate_code] * (2 if self.high_resolution else 1)

    @property
    def dropped_bits(self) -> int:
        """Bits of the output that are always zero at this rate."""
        return 24 - self.map.resolution_bits.get(self.rate_code, 24)

    @property
    def multiple_readback(self) -> bool:
        """Whether data repeat after the last byte instead of showing a daisy chain's."""
        return self.map.readback is None or self.is_set(self.map.readback)

    @property
    def test_exponent(self) -> int | None:
        """Test frequency as fCLK / 2**exponent; None for DC."""
        return self.map.test_exponents[self.get(self.map.test_frequency)]

    @property
    def excitation(self) -> Excitation:
        """How the lead-off current alternates."""
        return self.map.excitations[self.get(self.map.lead_off_frequency)]

    @property
    def status_word(self) -> int:
        """The 24 status bits that precede the channels in every frame."""
        word, used = 0xC, 4
        for bits in self.map.frame_status:
            word = word << bits.width | self.get(bits)
            used += bits.width
        return word << (24 - used)

    def channel(self, index: int) -> ChannelSettings:
        """Return the settings of channel `index`, counted from 0."""
        value = self._values[self.map.channels[index]]
        return ChannelSettings(
            powered=not value & 0x80,
            gain=self.map.gains[value >> 4 & 0x07],
            mux=self.map.mux[value & (len(self.map.mux) - 1)],
        )

    def channels(self) -> list[ChannelSettings]:
        """Return the settings of all channels."""
        return [self.channel(index) for index in range(self.map.n_channels)]
