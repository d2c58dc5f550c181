"""ADS1298: registers after TI SBAS459K (August 2015), section 9.6, as public drivers have them.

The respiration and pace registers exist and keep what is written; what they control is not
modelled. The reset value of CONFIG2 is from memory.
"""

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
    "RLD_SENSP", "RLD_SENSN", "LOFF_SENSP", "LOFF_SENSN", "LOFF_FLIP",
    "LOFF_STATP", "LOFF_STATN", "GPIO", "PACE", "RESP", "CONFIG4", "WCT1", "WCT2",
)  # fmt: skip

MAP = RegisterMap(
    part="ads1298",
    names=_NAMES,
    reset=bytes.fromhex("9206404000" + "00" * 8 + "00" * 7 + "0f0020000000"),
    writable=bytes.fromhex("00e7" + "f7" + "be" + "ff" + "f7" * 8 + "ff" * 5 + "0000")
    + bytes.fromhex("ff" + "1f" + "df" + "ee" + "ff" + "ff"),
    config1=0x01,
    channels=tuple(range(0x05, 0x0D)),
    gains=(6, 1, 2, 3, 4, 8, 12, 12),  # 7 is reserved and taken as 12
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
    # low-power mode; high-resolution mode doubles them (CONFIG1.HR)
    rates_sps=(16000, 8000, 4000, 2000, 1000, 500, 250, 250),
    # as a public driver has them of SBAS459J (goverd/ADS129X_ADC, ADS129xInfo.h)
    fixed={
        0x01: Fixed(0x18),
        0x02: Fixed(0xC8),
        0x03: Fixed(0x40, 0x40),
        **{address: Fixed(0x08) for address in range(0x05, 0x0D)},
        0x15: Fixed(0xE0),
        0x16: Fixed(0x20, 0x20),
        0x17: Fixed(0x11),
    },
    reserved=(
        (Bits(0x01, 0, 3), frozenset({7})),
        (Bits(0x02, 0, 2), frozenset({2})),
        *reserved_gains(range(0x05, 0x0D)),
    ),
    resolution_bits={0: 17, 1: 19},
    high_resolution=Bits(0x01, 7),
    readback=Bits(0x01, 6),
    single_shot=Bits(0x17, 3),
    reference_on=Bits(0x03, 7),
    reference_high=Bits(0x03, 5),
    bias_on=Bits(0x03, 2),
    comparators_on=Bits(0x17, 1),
    test_internal=Bits(0x02, 4),
    test_doubled=Bits(0x02, 2),
    test_frequency=Bits(0x02, 0, 2),
    test_exponents=(21, 20, 20, None),
    lead_off_current=Bits(0x04, 2, 2),
    lead_off_frequency=Bits(0x04, 0, 2),
    # codes 0 and 2 must not be used while an input is sensed; then no current flows
    excitations=(
        Excitation("off"),
        Excitation("fdr", 4),
        Excitation("off"),
        Excitation("dc"),
    ),
    sense_p=tuple(Bits(0x0F, i) for i in _EIGHT),
    sense_n=tuple(Bits(0x10, i) for i in _EIGHT),
    flip=tuple(Bits(0x11, i) for i in _EIGHT),
    status_p=tuple(Bits(0x12, i) for i in _EIGHT),
    status_n=tuple(Bits(0x13, i) for i in _EIGHT),
    frame_status=(Bits(0x12, 0, 8), Bits(0x13, 0, 8), Bits(0x14, 4, 4)),
    dvdd_channels=(2, 3),
)
