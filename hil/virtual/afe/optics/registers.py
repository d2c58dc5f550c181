"""The ADPD4101's registers that the model knows, and what a time slot's say.

Addresses and bits as in the manufacturer's public driver (no-OS, adpd410x.h); reset values from
memory of the data sheet (ADPD4100/ADPD4101 Rev. 0) where they are not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["SLOT_STEP", "Register", "Slot", "reset_values"]

SLOT_STEP = 0x20
"""Distance between the registers of two time slots."""


class Register(IntEnum):
    """Register addresses; those of time slot A stand for every slot's."""

    FIFO_STATUS = 0x0000
    INT_STATUS_DATA = 0x0001
    FIFO_TH = 0x0006
    INT_ACLEAR = 0x0007
    CHIP_ID = 0x0008
    TS_FREQ = 0x000D
    TS_FREQH = 0x000E
    SYS_CTL = 0x000F
    OPMODE = 0x0010
    INT_ENABLE_XD = 0x0014
    INT_ENABLE_YD = 0x0015
    FIFO_STATUS_BYTES = 0x001E
    GPIO_CFG = 0x0022
    GPIO01 = 0x0023
    FIFO_DATA = 0x002F
    TS_CTRL = 0x0100
    INPUTS = 0x0102
    AFE_TRIM = 0x0104
    LED_POW12 = 0x0105
    LED_POW34 = 0x0106
    COUNTS = 0x0107
    PERIOD = 0x0108
    LED_PULSE = 0x0109
    INTEG_WIDTH = 0x010A
    DATA1 = 0x0110
    DATA2 = 0x0111
    DECIMATE = 0x0112


_TIA_OHM = (200e3, 100e3, 50e3, 25e3, 12.5e3)
_FIRST_INPUT_CHANNEL = {1: 1, 5: 1, 7: 1, 2: 2, 6: 2, 8: 2}
"""ADC channel that the first input of a pair goes to, by code of INPUTS."""


def reset_values(chip_id: int, n_slots: int) -> dict[int, int]:
    """Return the registers that are not zero after a reset."""
    values = {
        int(Register.INT_ACLEAR): 0x8FFF,
        int(Register.CHIP_ID): chip_id,
        int(Register.TS_FREQ): 0x2710,
    }
    for slot in range(n_slots):
        offset = slot * SLOT_STEP
        values |= {
            Register.COUNTS + offset: 0x0101,
            Register.LED_PULSE + offset: 0x0210,
            Register.INTEG_WIDTH + offset: 0x0003,
            Register.DATA1 + offset: 0x0003,
        }
    return values


@dataclass(frozen=True, slots=True)
class Slot:
    """What one time slot's registers say.

    Attributes
    ----------
    leds_a : tuple of float
        Current of the eight LED outputs 1A, 1B ... 4B in amperes, by output.
    inputs : tuple of int
        ADC channel (1, 2 or 0 for none) of the first input of each of the four pairs.
    tia_ohm : tuple of float
        Transimpedance of both ADC channels.
    pulses : int
        LED pulses in the slot.
    pulse_ns, period_ns : int
        Length of a pulse, and time from one to the next.
    sizes : tuple of int
        Bytes that the slot puts into the FIFO for each ADC channel.
    shift : int
        Bits by which the sum is shifted right first.
    decimation : int
        Samples averaged into one.
    """

    leds_a: tuple[float, ...]
    inputs: tuple[int, ...]
    tia_ohm: tuple[float, float]
    pulses: int
    pulse_ns: int
    period_ns: int
    sizes: tuple[int, ...]
    shift: int
    decimation: int

    @classmethod
    def of(cls, registers: dict[int, int], index: int, led_step_a: float) -> Slot:
        """Decode the registers of slot `index`, counted from 0."""

        def get(register: Register) -> int:
            return registers.get(register + index * SLOT_STEP, 0)

        leds_a = [0.0] * 8
        for register, first in ((Register.LED_POW12, 0), (Register.LED_POW34, 2)):
            for half in (0, 1):
                value = get(register) >> 8 * half & 0xFF
                output = 2 * (first + half) + (value >> 7)
                leds_a[output] = (value & 0x7F) * led_step_a
        inputs = get(Register.INPUTS)
        trim = get(Register.AFE_TRIM)
        counts, pulse = get(Register.COUNTS), get(Register.LED_PULSE)
        integration_us = 2 * (get(Register.INTEG_WIDTH) & 0x1F)
        automatic_us = (pulse & 0xFF) + (pulse >> 8) + integration_us
        data = get(Register.DATA1)
        size = min(data & 0x07, 4)
        second = get(Register.TS_CTRL) >> 14 & 1
        return cls(
            leds_a=tuple(leds_a),
            inputs=tuple(_FIRST_INPUT_CHANNEL.get(inputs >> 4 * n & 0xF, 0) for n in range(4)),
            tia_ohm=(_tia_ohm(trim & 7), _tia_ohm(trim >> 3 & 7)),
            pulses=max(counts & 0xFF, 1) * max(counts >> 8, 1),
            pulse_ns=(pulse >> 8) * 1000,
            period_ns=max(get(Register.PERIOD) & 0x3FF, automatic_us) * 1000,
            sizes=(size, size) if second else (size,),
            shift=data >> 3 & 0x1F,
            decimation=(get(Register.DECIMATE) >> 4 & 0x7F) + 1,
        )

    def duration_ns(self, overhead_ns: int) -> int:
        """Return how long the slot takes."""
        return overhead_ns + self.pulses * self.period_ns


def _tia_ohm(code: int) -> float:
    return _TIA_OHM[min(code, len(_TIA_OHM) - 1)]
