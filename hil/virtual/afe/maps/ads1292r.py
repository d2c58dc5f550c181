"""ADS1292R: registers after TI SBAS502C (April 2020), section 8.6.

The respiration registers exist and keep what is written; the respiration path itself is not
modelled.
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

MAP = RegisterMap(
    part="ads1292r",
    names=(
        "ID",
        "CONFIG1",
        "CONFIG2",
        "LOFF",
        "CH1SET",
        "CH2SET",
        "RLD_SENS",
        "LOFF_SENS",
        "LOFF_STAT",
        "RESP1",
        "RESP2",
        "GPIO",
    ),
    reset=bytes.fromhex("730280100000000000" + "00020c"),
    # LOFF_STAT: only CLK_DIV; RESP1 bit 1 and RESP2 bits 6:3 are fixed
    writable=bytes.fromhex("0087" + "7b" + "ed" + "ffff" + "ff3f" + "40" + "ff870f"),
    config1=0x01,
    channels=(0x04, 0x05),
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
        Mux.BIAS_DRIVE_BOTH,
        Mux.AUXILIARY,
        *[Mux.RESERVED] * 6,
    ),
    rate=Bits(0x01, 0, 3),
    rates_sps=(125, 250, 500, 1000, 2000, 4000, 8000, 8000),
    # as public drivers quote the data sheet
    fixed={
        0x01: Fixed(0x78),
        0x02: Fixed(0x84, 0x80),
        0x03: Fixed(0x12, 0x10),
        0x07: Fixed(0xC0),
        0x08: Fixed(0xA0),
        0x09: Fixed(0x02, 0x02),
        0x0A: Fixed(0x79, 0x01),
        0x0B: Fixed(0xF0),
    },
    reserved=(
        (Bits(0x01, 0, 3), frozenset({7})),
        *reserved_gains((0x04, 0x05)),
        *((Bits(address, 0, 4), frozenset(range(10, 16))) for address in (0x04, 0x05)),
    ),
    readback=None,
    single_shot=Bits(0x01, 7),
    reference_on=Bits(0x02, 5),
    reference_high=Bits(0x02, 4),
    bias_on=Bits(0x06, 5),
    comparators_on=Bits(0x02, 6),
    test_internal=Bits(0x02, 1),
    test_frequency=Bits(0x02, 0),
    test_exponents=(None, 19),  # "1 Hz": 512 kHz / 2^19 = 0.977 Hz
    lead_off_current=Bits(0x03, 2, 2),
    lead_off_frequency=Bits(0x03, 0),
    excitations=(Excitation("dc"), Excitation("fdr", 4)),
    sense_p=(Bits(0x07, 0), Bits(0x07, 2)),
    sense_n=(Bits(0x07, 1), Bits(0x07, 3)),
    flip=(Bits(0x07, 4), Bits(0x07, 5)),
    status_p=(Bits(0x08, 0), Bits(0x08, 2)),
    status_n=(Bits(0x08, 1), Bits(0x08, 3)),
    # 1100, LOFF_STAT[4:0], GPIO[1:0], 13 zeros (8.5, data retrieval)
    frame_status=(Bits(0x08, 0, 5), Bits(0x0B, 0, 2)),
    dvdd_channels=(1,),
    calibration_on=Bits(0x0A, 7),
    clock_divider=Bits(0x08, 6),
)
