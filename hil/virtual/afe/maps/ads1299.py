"""ADS1299: registers after TI SBAS499C (January 2017), section 9.6."""

from __future__ import annotations

from eegrig.hil.virtual.afe.registers import (
    Bits,
    Excitation,
    Fixed,
    Mux,
    RegisterMap,
    reserved_gains,
)

__all__ = ["MAP"]

_EIGHT = range(8)
_NAMES = (
    "ID", "CONFIG1", "CONFIG2", "CONFIG3", "LOFF",
    "CH1SET", "CH2SET", "CH3SET", "CH4SET", "CH5SET", "CH6SET", "CH7SET", "CH8SET",
    "BIAS_SENSP", "BIAS_SENSN", "LOFF_SENSP", "LOFF_SENSN", "LOFF_FLIP",
    "LOFF_STATP", "LOFF_STATN", "GPIO", "MISC1", "MISC2", "CONFIG4",
)  # fmt: skip

MAP = RegisterMap(
    part="ads1299",
    names=_NAMES,
    reset=bytes.fromhex("3e96c06000" + "61" * 8 + "00" * 7 + "0f000000"),
    # 9.6.1.1 to 9.6.1.18: the other bits are fixed or read-only
    writable=bytes.fromhex("0067179eef" + "ff" * 8 + "ff" * 5 + "0000" + "ff20000a"),
    config1=0x01,
    channels=tuple(range(0x05, 0x0D)),
    gains=(1, 2, 4, 6, 8, 12, 24, 24),  # 7 is reserved and taken as 24
    mux=(
        Mux.NORMAL,
        Mux.SHORTED,
        Mux.BIAS_MEASURE,
        Mux.SUPPLY,
        Mux.TEMPERATURE,
        Mux.TEST,
        Mux.BIAS_DRIVE_P,
        Mux.BIAS_DRIVE_N,
    ),
    rate=Bits(0x01, 0, 3),
    rates_sps=(16000, 8000, 4000, 2000, 1000, 500, 250, 250),
    # table 11, and the same bits in public drivers
    fixed={
        0x01: Fixed(0x98, 0x90),
        0x02: Fixed(0xE8, 0xC0),
        0x03: Fixed(0x60, 0x60),
        0x04: Fixed(0x10),
        0x15: Fixed(0xDF),
        0x16: Fixed(0xFF),
        0x17: Fixed(0xF5),
    },
    reserved=(
        (Bits(0x01, 0, 3), frozenset({7})),
        (Bits(0x02, 0, 2), frozenset({2})),
        *reserved_gains(range(0x05, 0x0D)),
    ),
    readback=Bits(0x01, 6),
    single_shot=Bits(0x17, 3),
    reference_on=Bits(0x03, 7),
    bias_on=Bits(0x03, 2),
    comparators_on=Bits(0x17, 1),
    test_internal=Bits(0x02, 4),
    test_doubled=Bits(0x02, 2),
    test_frequency=Bits(0x02, 0, 2),
    test_exponents=(21, 20, 20, None),
    lead_off_current=Bits(0x04, 2, 2),
    lead_off_frequency=Bits(0x04, 0, 2),
    excitations=(
        Excitation("dc"),
        Excitation("fclk", 2**18),
        Excitation("fclk", 2**16),
        Excitation("fdr", 4),
    ),
    sense_p=tuple(Bits(0x0F, i) for i in _EIGHT),
    sense_n=tuple(Bits(0x10, i) for i in _EIGHT),
    flip=tuple(Bits(0x11, i) for i in _EIGHT),
    status_p=tuple(Bits(0x12, i) for i in _EIGHT),
    status_n=tuple(Bits(0x13, i) for i in _EIGHT),
    # 1100, LOFF_STATP, LOFF_STATN, GPIO[7:4] (9.5.3)
    frame_status=(Bits(0x12, 0, 8), Bits(0x13, 0, 8), Bits(0x14, 4, 4)),
    dvdd_channels=(2, 3),
)
