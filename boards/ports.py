"""How MicroPython's ports name things in a ``board.toml``, and what their builds allow."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["PORTS", "PortRules"]


@dataclass(frozen=True, slots=True)
class PortRules:
    """What a board on this port may say.

    Attributes
    ----------
    pin : re.Pattern
        Names of pins.
    pin_example : str
        One of them.
    adc : re.Pattern
        Names of inputs of the converter.
    adc_example : str
        One of them.
    bus : re.Pattern
        Names of SPI and I2C buses.
    max_mtu : int
        Largest ATT MTU of the build.
    """

    pin: re.Pattern[str]
    pin_example: str
    adc: re.Pattern[str]
    adc_example: str
    bus: re.Pattern[str]
    max_mtu: int


_BUS = re.compile(r"(spi|i2c)\d")

PORTS = {
    # ports/zephyr: pins are (device, number); CONFIG_BT_L2CAP_TX_MTU=252, fixed by the build
    "zephyr": PortRules(
        pin=re.compile(r"gpio[01]:([12]?\d|3[01])"),
        pin_example="gpio0:15",
        adc=re.compile(r"adc:\d+"),
        adc_example="adc:0",
        bus=_BUS,
        max_mtu=252,
    ),
    # ports/stm32: pins by port letter and number; NimBLE takes config(mtu=) up to 517
    "stm32": PortRules(
        pin=re.compile(r"[A-H](\d|1[0-5])"),
        pin_example="A4",
        adc=re.compile(r"[A-H](\d|1[0-5])"),
        adc_example="C0",
        bus=_BUS,
        max_mtu=517,
    ),
}
"""Rules by the name that ``mcu.port`` gives."""
