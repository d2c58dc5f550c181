"""What the data sheets ask of firmware: every rule that the models count when it is broken.

A model goes on as its chip would, or as the stricter reading of the data sheet has it, and adds one
to its ``rules_broken``. ``docs/front-end-rules.md`` shows the list; a test keeps it the same.

Sources, by their numbers at the makers: SBAS499C (ADS1299, January 2017) and its revision SBAS499A
(August 2012), SBAS459I (ADS1298, January 2012) and 459J (January 2014), SBAS502B (ADS1292R,
September 2012), DS (ADPD4100/ADPD4101, Rev. 0). Pages were read where a page is given; a register
map is read in public drivers that quote it. What is from memory is *assumed*.
"""

from __future__ import annotations

from enum import Enum, unique

__all__ = ["Rule"]


@unique
class Rule(Enum):
    """A rule: what firmware has to do, and where that is written.

    Attributes
    ----------
    says : str
    source : str
    """

    # ---- ADS1299, ADS1298, ADS1292R: power-up, reset, standby
    POWER_UP_WAIT = (
        "wait tPOR after power-up before a reset or a command",
        "SBAS499C 11.1, table 30 (2^18 tCLK); ADS1298 and ADS1292R (2^12 tMOD): assumed",
    )
    RESET_AFTER_POWER_UP = (
        "reset the part once after power-up, before anything else",
        "SBAS499C 11.1; ADS1298 and ADS1292R alike: assumed",
    )
    RESET_PULSE = (
        "hold RESET low for tRST or longer",
        "SBAS499C 11.1, table 30 (2 tCLK); ADS1298 alike, ADS1292R (1 tMOD): assumed",
    )
    RESET_WAIT = (
        "wait 18 tCLK after a reset before a command or START",
        "SBAS499A p. 29 (Reset); ADS1298 and ADS1292R alike: assumed",
    )
    POWERED = (
        "send nothing to a part that is powered down or held in reset",
        "assumed: no data sheet says that such a part listens",
    )
    STANDBY_WAKEUP_ONLY = (
        "send nothing but WAKEUP in standby",
        "SBAS499C 9.5.3 (STANDBY), as OpenBCI's driver quotes it; others alike: assumed",
    )
    STANDBY_WAIT = (
        "wait after WAKEUP until the part is back before a command or START",
        "SBAS499A p. 35 (WAKEUP) with SBAS499C 7.5 (31.25 us); ADS1298 and ADS1292R: assumed",
    )
    # ---- commands
    RDATAC_SDATAC_FIRST = (
        "while data are read continuously, send SDATAC before any other command",
        "SBAS499A p. 36 (RDATAC), SBAS459I p. 40, SBAS502B p. 35 and 38; START and STOP may be"
        " sent at any time (SBAS499A p. 36)",
    )
    RDATAC_AWAY_FROM_DRDY = (
        "send RDATAC more than 4 tCLK away from an edge of DRDY",
        "SBAS499A p. 36 (RDATAC); ADS1298 and ADS1292R alike: assumed",
    )
    COMMAND_WAIT = (
        "wait 4 tCLK after SDATAC, RDATAC or WAKEUP before the next command or data",
        "SBAS499A p. 36 and 37, SBAS502B p. 37; after WAKEUP as OpenBCI's driver quotes it",
    )
    COMMAND_DECODE = (
        "let bytes of a command end tSDECODE (4 tCLK) or more after each other",
        "SBAS499A p. 37, SBAS459I p. 42, SBAS502B p. 37 (Sending Multi-Byte Commands)",
    )
    COMMAND_WHOLE = (
        "keep CS low until a command with all its bytes has passed",
        "SBAS499A p. 26 and 35, SBAS459I p. 40, SBAS502B p. 35",
    )
    COMMAND_EXISTS = (
        "send no byte that is not a command",
        "SBAS499A p. 35 (table 10), SBAS459I p. 40, SBAS502B p. 35",
    )
    START_COMMAND_PIN_LOW = (
        "hold the START pin low where START and STOP are sent as commands",
        "SBAS499A p. 29 (START) and p. 36 (STOP); ADS1298 and ADS1292R alike: assumed",
    )
    CALIBRATION_ON = (
        "set CALIB_ON before OFFSETCAL",
        "SBAS502B (OFFSETCAL): assumed",
    )
    # ---- the bus
    CS_HOLD = (
        "raise CS tSCCS (4 tCLK) or more after the last clock",
        "SBAS499A p. 8 and 26; ADS1298 and ADS1292R alike: assumed",
    )
    CS_HIGH = (
        "keep CS high for tCSH (2 tCLK) or longer",
        "SBAS499A p. 8; ADS1298 and ADS1292R alike: assumed",
    )
    SCLK_PERIOD = (
        "clock no faster than tSCLK allows at this DVDD",
        "SBAS499A p. 8 (50 ns from 2.7 V on, else 66.6 ns); ADS1298 and ADS1292R alike: assumed",
    )
    SPI_MODE = (
        "use SPI mode 1 (CPOL 0, CPHA 1)",
        "SBAS499A p. 8; ADS1298 and ADS1292R alike: assumed",
    )
    DATA_UPDATE = (
        "read no data during tUPDATE, the 4 tCLK before new data",
        "SBAS499A p. 36 (figure 42); ADS1298 and ADS1292R alike: assumed",
    )
    # ---- registers
    REGISTER_EXISTS = (
        "read and write only registers that there are",
        "SBAS499C table 11; ADS1298: 459J; ADS1292R: SBAS502B; in public drivers",
    )
    REGISTER_WRITABLE = (
        "do not write registers that are read-only",
        "SBAS499C table 11; ADS1298: 459J; ADS1292R: SBAS502B; in public drivers",
    )
    REGISTER_FIXED_BITS = (
        "write every bit that is fixed with its value",
        "SBAS499C table 11; ADS1298: 459J; ADS1292R: SBAS502B; in public drivers",
    )
    REGISTER_RESERVED_CODE = (
        "use no code of a setting that is reserved",
        "SBAS499C table 11; ADS1298: 459J; ADS1292R: SBAS502B; in public drivers",
    )
    REFERENCE_WAIT = (
        "let the reference settle before conversions start",
        "SBAS499C 7.5 (150 ms); ADS1298 and ADS1292R: assumed",
    )
    REFERENCE_SUPPLY = (
        "select the 4 V reference only with an analogue supply of 5 V",
        "459J (VREF_4V), in a public driver; from 4.75 V on: assumed; ADS1292R alike: assumed",
    )
    CHANNEL_OFF_SHORTED = (
        "short the inputs of a channel that is powered down",
        "SBAS499C 9.6.1.6, 459J (PDn): recommended; ADS1292R alike: assumed",
    )
    LEAD_OFF_FREQUENCY = (
        "give the lead-off current a frequency, or DC, while an input is sensed",
        "SBAS459K 9.6 (LOFF), ADS1298 only, from memory: assumed",
    )
    CLOCK_DIVIDER = (
        "set CLK_DIV only with an external clock of 2.048 MHz",
        "SBAS502B (LOFF_STAT), in a public driver",
    )
    # ---- ADPD4101
    OPTICS_WHOLE_WORDS = (
        "write whole words of 16 bits",
        "no-OS adpd410x driver; DS: assumed",
    )
    OPTICS_WRITABLE = (
        "do not write registers that are read-only",
        "CHIP_ID and FIFO_DATA: assumed",
    )
    OPTICS_PROGRAM_IN_STANDBY = (
        "write settings in standby mode only, not while the time slots run",
        "no-OS adpd410x.h (standby mode is the one for programming); for settings outside of the"
        " time slots: assumed",
    )
    OPTICS_TIME_BASE = (
        "switch the oscillator on that the time base is made from",
        "no-OS adpd410x driver; DS: assumed",
    )
    OPTICS_SLOTS_EXIST = (
        "run no more time slots than there are",
        "DS, features (12)",
    )
    OPTICS_SLOTS_FIT = (
        "give the time slots a sample period in which they have room",
        "assumed",
    )
    OPTICS_RATE = (
        "sample no faster than 9 kHz",
        "DS, features (0.004 Hz is what the longest period of 23 bits gives)",
    )
    OPTICS_LED_CURRENT = (
        "draw no more than 400 mA through the LEDs that are lit at once",
        "DS, features (total LED peak drive current)",
    )
    OPTICS_FIFO_CONTENT = (
        "read no more bytes from the FIFO than there are in it",
        "DS: FIFO_STATUS has a flag for it (no-OS adpd410x.h); assumed",
    )

    def __init__(self, says: str, source: str) -> None:
        self.says = says
        self.source = source
