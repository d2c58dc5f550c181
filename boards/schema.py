"""What a board is: the shape of ``boards/<name>/board.toml``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = [
    "AfeConfig",
    "Battery",
    "Board",
    "Firmware",
    "FlashRegion",
    "Mcu",
    "Pins",
    "Radio",
    "Supply",
    "Target",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
Address = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class FlashRegion(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stretch of flash memory.

    Attributes
    ----------
    start, size : int
        First address and length, in bytes.
    block_size : int
        Erase unit, which is also the file system's block size, in bytes.
    """

    start: Address
    size: PositiveInt
    block_size: PositiveInt = 4096


class Mcu(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The microcontroller and the MicroPython port on it.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    pyocd_target : str
        Target name pyOCD is given.
    port : str
        MicroPython port; it decides which modules and functions the firmware finds.
    clock_hz : float
        CPU clock.
    heap_size : int
        MicroPython heap in bytes, as on the 32-bit part.
    flash, filesystem : FlashRegion
        The whole flash memory, and the part of it that holds the firmware's file system.
    """

    part: str
    pyocd_target: str
    port: Literal["zephyr", "stm32"]
    clock_hz: Positive
    heap_size: PositiveInt
    flash: FlashRegion
    filesystem: FlashRegion


class Pins(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """MCU pins by function, in the names of the port (``("gpio0", 15)`` on zephyr).

    ``pwdn`` is the front end's power-down input, active low; a board that ties it high leaves it
    out, and then nothing brings the front end below its standby power.
    """

    cs: str
    drdy: str
    reset: str
    start: str
    spi: str
    battery: str
    pwdn: str | None = None


class AfeConfig(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The analogue front end and how the board uses it.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    channels : list of str
        Electrode names (10-20 where there is one), in channel order.
    gain : int
        PGA gain.
    vref_v : float
        Reference voltage in volts.
    rates_sps : list of int
        Sample rates the board offers.
    default_rate_sps : int
        Rate after reset.
    spi_hz : float
        SPI clock.
    """

    part: str
    channels: Annotated[list[str], msgspec.Meta(min_length=1)]
    gain: PositiveInt
    vref_v: Positive
    rates_sps: Annotated[list[PositiveInt], msgspec.Meta(min_length=1)]
    default_rate_sps: PositiveInt
    spi_hz: Positive
    pins: Pins


class Radio(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the board's BLE side offers and what the rig asks of the link.

    Attributes
    ----------
    name : str
        Advertised name.
    phy : int
        1 or 2 (Mbit/s).
    mtu : int
        Largest ATT MTU of the port's build.
    tx_power_dbm : float
        Transmit power.
    tx_buffers : int
        Notifications the port's host can hold before it blocks or refuses.
    efficient_interval_ms, low_latency_interval_ms : float
        Connection interval the rig asks for in each streaming profile.
    advertising_interval_ms : float
        While waiting for a central.
    """

    name: str
    phy: Literal[1, 2]
    mtu: Annotated[int, msgspec.Meta(ge=23, le=517)]
    tx_power_dbm: float
    tx_buffers: PositiveInt
    efficient_interval_ms: Positive
    low_latency_interval_ms: Positive
    advertising_interval_ms: Positive


class Battery(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cell, by part file.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    capacity_mah : float
        Capacity in mAh.
    divider : int
        The ADC sees the cell's voltage divided by this.
    """

    part: str
    capacity_mah: Positive
    divider: PositiveInt


class Supply(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which converter feeds what; names of files in ``boards/parts``.

    Attributes
    ----------
    mcu : str
        Converter of the digital rail (MCU, radio and the front end's DVDD).
    mcu_v : float
        Its output in volts.
    afe : list of str
        Converters from the battery to the front end's analogue rail, battery side first.
    afe_v : list of float
        Output of each of them in volts.
    charger : str
        Charger, for its drain on the battery.
    """

    mcu: str
    mcu_v: Positive
    afe: list[str]
    afe_v: list[float]
    charger: str


class Firmware(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which front-end driver of ``firmware/eeg`` the board needs."""

    afe_driver: str


class Target(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure the board promises.

    Attributes
    ----------
    limit : float
        The figure's limit, in `unit`.
    kind : {"max", "min"}
        Whether the figure must stay at or below the limit or reach it.
    unit : str
        Unit of the limit.
    reason : str
        Why it is that.
    """

    limit: float
    kind: Literal["max", "min"]
    unit: str
    reason: str


class Board(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A board: what it is made of, what its pins are, and what it promises.

    ``targets`` maps dotted figure names (``power.streaming``) to targets.
    """

    name: str
    title: str
    form_factor: str
    mcu: Mcu
    afe: AfeConfig
    radio: Radio
    battery: Battery
    supply: Supply
    firmware: Firmware
    targets: dict[str, Target]
