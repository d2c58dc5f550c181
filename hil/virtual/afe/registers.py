"""The ADS1299's registers: addresses, reset values, and which bits a write can change.

Section numbers are those of TI SBAS499C (January 2017); this is its section 9.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["GAINS", "ILLEGAL_RATE", "RATES_SPS", "ChannelSettings", "Mux", "Register", "Registers"]

GAINS = (1, 2, 4, 6, 8, 12, 24, 24)
"""PGA gain by GAINn code; 7 is reserved and taken as 24."""

RATES_SPS = (16000, 8000, 4000, 2000, 1000, 500, 250, 250)
"""Data rate by DR code; 7 is reserved and taken as 250."""

ILLEGAL_RATE = 7


class Register(IntEnum):
    """Register addresses (9.6, table 11)."""

    ID = 0x00
    CONFIG1 = 0x01
    CONFIG2 = 0x02
    CONFIG3 = 0x03
    LOFF = 0x04
    CH1SET = 0x05
    CH2SET = 0x06
    CH3SET = 0x07
    CH4SET = 0x08
    CH5SET = 0x09
    CH6SET = 0x0A
    CH7SET = 0x0B
    CH8SET = 0x0C
    BIAS_SENSP = 0x0D
    BIAS_SENSN = 0x0E
    LOFF_SENSP = 0x0F
    LOFF_SENSN = 0x10
    LOFF_FLIP = 0x11
    LOFF_STATP = 0x12
    LOFF_STATN = 0x13
    GPIO = 0x14
    MISC1 = 0x15
    MISC2 = 0x16
    CONFIG4 = 0x17


class Mux(IntEnum):
    """What a channel's input is connected to (CHnSET bits 2:0)."""

    NORMAL = 0
    SHORTED = 1
    BIAS_MEASURE = 2
    SUPPLY = 3
    TEMPERATURE = 4
    TEST = 5
    BIAS_DRIVE_P = 6
    BIAS_DRIVE_N = 7


_RESET = bytes(
    [0x3E, 0x96, 0xC0, 0x60, 0x00]
    + [0x61] * 8
    + [0x00] * 7
    + [0x0F, 0x00, 0x00, 0x00]
)  # fmt: skip

# Bits a WREG changes; the others are fixed or read-only (9.6.1.1 to 9.6.1.18).
_WRITABLE = bytes(
    [0x00, 0x67, 0x17, 0x9E, 0xEF]
    + [0xFF] * 8
    + [0xFF] * 5
    + [0x00, 0x00]
    + [0xFF, 0x20, 0x00, 0x0A]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One channel's CHnSET, decoded."""

    powered: bool
    gain: int
    mux: Mux


class Registers:
    """The register file.

    Parameters
    ----------
    identity : int
        What the ID register holds, from the next reset on.
    """

    def __init__(self, identity: int = 0x3E) -> None:
        self.identity = identity
        self._values = bytearray(_RESET)
        self.reset()

    def reset(self) -> None:
        """Put every register back to its reset value."""
        self._values[:] = _RESET
        self._values[Register.ID] = self.identity

    def __getitem__(self, address: int) -> int:
        """Return a register; addresses that do not exist read 0."""
        return self._values[address] if address < len(self._values) else 0

    def write(self, address: int, value: int) -> bool:
        """Write as WREG does, leaving fixed and read-only bits; return whether anything changed."""
        if address >= len(self._values):
            return False
        mask = _WRITABLE[address]
        before = self._values[address]
        self._values[address] = (before & ~mask & 0xFF) | (value & mask)
        return self._values[address] != before

    def set_lead_off_status(self, positive: int, negative: int) -> None:
        """Store what the lead-off comparators see (read-only for the host)."""
        self._values[Register.LOFF_STATP] = positive
        self._values[Register.LOFF_STATN] = negative

    @property
    def rate_sps(self) -> int:
        """Nominal data rate in samples per second."""
        return RATES_SPS[self._values[Register.CONFIG1] & 0x07]

    @property
    def multiple_readback(self) -> bool:
        """Whether data repeat after the last byte (CONFIG1 DAISY_EN = 1) instead of daisy-chain."""
        return bool(self._values[Register.CONFIG1] & 0x40)

    @property
    def test_signal_internal(self) -> bool:
        """Whether the test signal is generated internally (CONFIG2 INT_CAL)."""
        return bool(self._values[Register.CONFIG2] & 0x10)

    @property
    def test_signal_doubled(self) -> bool:
        """Whether the test signal has twice its amplitude (CONFIG2 CAL_AMP)."""
        return bool(self._values[Register.CONFIG2] & 0x04)

    @property
    def test_signal_exponent(self) -> int | None:
        """Test frequency as fCLK / 2**exponent; None for DC (CONFIG2 CAL_FREQ)."""
        return (21, 20, 20, None)[self._values[Register.CONFIG2] & 0x03]

    @property
    def reference_on(self) -> bool:
        """Whether the internal reference buffer is on (CONFIG3 PD_REFBUF)."""
        return bool(self._values[Register.CONFIG3] & 0x80)

    @property
    def bias_on(self) -> bool:
        """Whether the bias amplifier is on (CONFIG3 PD_BIAS)."""
        return bool(self._values[Register.CONFIG3] & 0x04)

    @property
    def lead_off_code(self) -> int:
        """Lead-off current code (LOFF ILEAD_OFF)."""
        return (self._values[Register.LOFF] >> 2) & 0x03

    @property
    def lead_off_frequency(self) -> int:
        """Lead-off excitation code: 0 DC, 1 fCLK/2^18, 2 fCLK/2^16, 3 fDR/4 (LOFF FLEAD_OFF)."""
        return self._values[Register.LOFF] & 0x03

    @property
    def comparators_on(self) -> bool:
        """Whether the lead-off comparators run (CONFIG4 PD_LOFF_COMP)."""
        return bool(self._values[Register.CONFIG4] & 0x02)

    @property
    def single_shot(self) -> bool:
        """Whether a start makes one conversion only (CONFIG4 SINGLE_SHOT)."""
        return bool(self._values[Register.CONFIG4] & 0x08)

    @property
    def gpio_levels(self) -> int:
        """GPIOD, the four bits that come with every frame."""
        return self._values[Register.GPIO] >> 4

    def channel(self, index: int) -> ChannelSettings:
        """Return the settings of channel `index` (0 to 7)."""
        value = self._values[Register.CH1SET + index]
        return ChannelSettings(
            powered=not value & 0x80, gain=GAINS[(value >> 4) & 0x07], mux=Mux(value & 0x07)
        )

    def channels(self) -> list[ChannelSettings]:
        """Return the settings of all eight channels."""
        return [self.channel(index) for index in range(8)]
