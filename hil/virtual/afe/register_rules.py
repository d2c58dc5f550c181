"""Which rules of the data sheets a register write breaks."""

from __future__ import annotations

from collections.abc import Iterator

from eegrig.hil.virtual.afe.registers import Mux, Registers
from eegrig.hil.virtual.afe.rules import Rule

__all__ = ["rules_broken_by_write"]

_HIGH_REFERENCE_AVDD_V = 4.75
"""From which analogue supply on the 4 V reference works: assumed."""


def rules_broken_by_write(
    registers: Registers, address: int, value: int, *, avdd_v: float
) -> Iterator[Rule]:
    """Yield the rules that a write broke, after it was made.

    Parameters
    ----------
    registers : Registers
        With the value in it already.
    address, value : int
        What was written.
    avdd_v : float
        Analogue supply in volts.
    """
    table = registers.map
    if address >= len(table.names):
        yield Rule.REGISTER_EXISTS
        return
    fixed = table.fixed.get(address)
    if fixed is None and not table.writable[address]:
        yield Rule.REGISTER_WRITABLE
        return
    if fixed is not None and value & fixed.mask != fixed.value:
        yield Rule.REGISTER_FIXED_BITS
    if any(
        bits.address == address and registers.get(bits) in codes for bits, codes in table.reserved
    ):
        yield Rule.REGISTER_RESERVED_CODE
    if address in table.channels:
        settings = registers.channel(table.channels.index(address))
        if not settings.powered and settings.mux is not Mux.SHORTED:
            yield Rule.CHANNEL_OFF_SHORTED
    sensed = table.sense_p + table.sense_n
    if (
        address in {table.lead_off_frequency.address, *(bits.address for bits in sensed)}
        and registers.excitation.clock == "off"
        and any(registers.is_set(bits) for bits in sensed)
    ):
        yield Rule.LEAD_OFF_FREQUENCY
    high = table.reference_high
    if (
        high is not None
        and address == high.address
        and registers.is_set(high)
        and avdd_v < _HIGH_REFERENCE_AVDD_V
    ):
        yield Rule.REFERENCE_SUPPLY
    divider = table.clock_divider
    if divider is not None and address == divider.address and registers.is_set(divider):
        yield Rule.CLOCK_DIVIDER
