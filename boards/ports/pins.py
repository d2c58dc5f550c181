"""Pins and buses as ``board.toml`` names them: in the forms of a port, and as numbers."""

from __future__ import annotations

import re

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports.facts import PinFacts

__all__ = ["bus_literal", "pin_literal", "pin_number"]


def pin_literal(pin: str, names: PinFacts) -> str | tuple[str, int]:
    """Give a pin in the form that ``machine.Pin`` takes: ``("gpio0", 15)`` or ``"A15"``.

    A pin whose own name the build gives to another goes by a name that the build gives it.

    Raises
    ------
    ConfigError
        If the build has no name for it.
    """
    if names.pin_form == "name":
        if names.aliases.get(pin, pin) == pin:
            return pin
        for name, cpu_pin in names.aliases.items():
            if cpu_pin == pin:
                return name
        raise ConfigError(
            f"pin {pin}: the build gives that name to {names.aliases[pin]} and none to {pin};"
            " use another pin"
        )
    device, _, number = pin.partition(":")
    return device, int(number)


def bus_literal(bus: str, names: PinFacts) -> str | int:
    """Give a bus in the form that ``machine.SPI`` and ``machine.I2C`` take: ``"spi0"`` or 0."""
    if names.bus_form == "name":
        return bus
    return int(re.sub(r"^(spi|i2c)", "", bus))


def pin_number(pin: str, names: PinFacts) -> int:
    """Return the number of a pin named as in ``board.toml``.

    Raises
    ------
    ConfigError
        If the port has no such pin.

    Examples
    --------
    >>> from eegrig.boards.ports import stock_runtime
    >>> pin_number("gpio1:2", stock_runtime("zephyr", "nrf52840dk_nrf52840").pins)
    34
    >>> pin_number("B3", stock_runtime("stm32", "NUCLEO_WB55").pins)
    19
    """
    match = re.fullmatch(names.pin_pattern, pin)
    if match is None:
        raise ConfigError(
            f"pin {pin!r} is not one of the port: expected one like {names.pin_example!r}"
        )
    bank = ord(match[1]) - ord(names.first_bank)
    return bank * names.pins_per_bank + int(match[2])
