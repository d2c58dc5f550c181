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
    "Optics",
    "OpticsPins",
    "Pins",
    "Radio",
    "Supply",
    "Target",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
ChannelKind = Literal["eeg", "emg"]
Address = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class FlashRegion(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stretch of flash memory.

    Attributes
    ----------
    start, size : int
        First address and length, in bytes.
    """

    start: Address
    size: PositiveInt


class Mcu(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The microcontroller and the MicroPython port on it.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    pyocd_target : str
        Target name pyOCD is given.
    port, build : str
        The runtime the board is for: port and stock build of MicroPython, as `boards.ports`
        describes them. They decide what the firmware finds.
    options : dict
        Options of the build beyond stock; without any the board runs the stock build.
    clock_hz : float
        CPU clock.
    flash, filesystem : FlashRegion
        The whole flash memory, and the part of it that holds the firmware's file system.
    runtime : FlashRegion or None
        Where MicroPython itself lies.
    radio_stack : FlashRegion or None
        Where the firmware of a second processor lies (STM32WB55: the wireless stack of CPU2).
    """

    part: str
    pyocd_target: str
    port: str
    build: str
    options: dict[str, bool | int | float | str] = {}
    clock_hz: Positive
    flash: FlashRegion
    filesystem: FlashRegion
    runtime: FlashRegion | None = None
    radio_stack: FlashRegion | None = None


class Pins(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """MCU pins by function, in the names of the port: ``"gpio0:15"`` on zephyr, ``"A4"`` on stm32.

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
        Electrode names (10-20 where there is one), in channel order. Where there are fewer than
        the part has, the others are powered down.
    kinds : list of {"eeg", "emg"}
        What each channel records; empty for EEG only. Channels of muscles, and no others, are
        called ``EMG...``.
    sites : list of str
        Where on the head each electrode is, for a simulation; empty where the names say it.
    high_resolution : bool
        Whether the part's high-resolution mode is used (ADS1298: CONFIG1.HR).
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
    kinds: list[ChannelKind] = []
    sites: list[str] = []
    high_resolution: bool = False
    gain: PositiveInt
    vref_v: Positive
    rates_sps: Annotated[list[PositiveInt], msgspec.Meta(min_length=1)]
    default_rate_sps: PositiveInt
    spi_hz: Positive
    pins: Pins

    @property
    def channel_kinds(self) -> list[ChannelKind]:
        """What each channel records, one entry for each name of `channels`."""
        return list(self.kinds) if self.kinds else ["eeg"] * len(self.channels)

    @property
    def electrode_sites(self) -> list[str]:
        """Where on the head each electrode is, one entry for each name of `channels`."""
        return list(self.sites) if self.sites else list(self.channels)


class OpticsPins(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """MCU pins of the optical front end, in the names of the port.

    ``interrupt`` is wired to its GPIO0.
    """

    i2c: str
    interrupt: str


class Optics(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The optical front end and how the board uses it.

    Every pair of emitter and detector has one channel for each wavelength, and every channel one
    time slot of the part, in the order of `channels`: pair by pair, wavelength by wavelength.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    pairs : list of str
        Pairs of emitter and detector, as `signal_sim.Fnirs` names them (``S1_D1``).
    wavelengths_nm : list of int
        Of the LEDs, in nanometres.
    leds : list of str
        Part of the LED of each wavelength.
    led_current_ma : float
        Peak current of a pulse.
    pulses : int
        LED pulses in a time slot, whose charge is summed.
    pulse_us : int
        Length of a pulse in microseconds.
    tia_ohm : float
        Transimpedance of the receiver.
    rates_sps : list of float
        Sample rates the board offers.
    default_rate_sps : float
        Rate after reset.
    i2c_hz : float
        I2C clock.
    """

    part: str
    pairs: Annotated[list[str], msgspec.Meta(min_length=1)]
    wavelengths_nm: Annotated[list[PositiveInt], msgspec.Meta(min_length=1)]
    leds: Annotated[list[str], msgspec.Meta(min_length=1)]
    led_current_ma: Positive
    pulses: PositiveInt
    pulse_us: PositiveInt
    tia_ohm: Positive
    rates_sps: Annotated[list[Positive], msgspec.Meta(min_length=1)]
    default_rate_sps: Positive
    i2c_hz: Positive
    pins: OpticsPins

    @property
    def channels(self) -> list[str]:
        """Names of the optical channels, in the order of their time slots: ``S1_D1 760``."""
        return [f"{pair} {nm}" for pair in self.pairs for nm in self.wavelengths_nm]


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
    efficient_interval_ms, low_latency_interval_ms : float
        Connection interval the rig asks for in each streaming profile.
    advertising_interval_ms : float
        While waiting for a central.
    """

    name: str
    phy: Literal[1, 2]
    mtu: Annotated[int, msgspec.Meta(ge=23, le=517)]
    efficient_interval_ms: Positive
    low_latency_interval_ms: Positive
    advertising_interval_ms: Positive


class Battery(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The cell, by part file.

    Attributes
    ----------
    part : str
        Name of the file in ``boards/parts``.
    divider : int
        The ADC sees the cell's voltage divided by this.
    """

    part: str
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
        Converters from the battery to the front end's analogue rail, battery side first; empty
        where the digital rail feeds it too.
    afe_v : list of float
        Output of each of them in volts.
    optics : list of str
        Converters from the battery to the analogue rail of the optical front end, battery side
        first. The LEDs' anodes are at the battery.
    optics_v : list of float
        Output of each of them in volts.
    input : list of str
        Converters between the battery and everything else, battery side first; empty where the
        battery itself is what the other converters see.
    input_v : list of float
        Output of each of them in volts.
    charger : str
        Charger, for its drain on the battery.
    """

    mcu: str
    mcu_v: Positive
    afe: list[str] = []
    afe_v: list[Positive] = []
    optics: list[str] = []
    optics_v: list[Positive] = []
    input: list[str] = []
    input_v: list[Positive] = []
    charger: str

    @property
    def avdd_v(self) -> float:
        """The front end's analogue supply in volts."""
        return self.afe_v[-1] if self.afe else self.mcu_v


class Firmware(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which drivers of ``firmware/eeg/drivers`` the board needs."""

    afe_driver: str
    optics_driver: str | None = None


class Target(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure the board promises.

    Attributes
    ----------
    limit : float
        The figure's limit, in `unit`.
    kind : {"max", "min", "within"}
        Whether the figure must stay at or below the limit, reach it, or, a figure with a sign, be
        no farther from zero than the limit, on either side.
    unit : str
        Unit of the limit.
    reason : str
        Why it is that.
    """

    limit: float
    kind: Literal["max", "min", "within"]
    unit: str
    reason: str


class Board(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A board: what it is made of, what its pins are, and what it promises.

    ``targets`` maps names of figures (``power.streaming``, see `boards.figures`) to targets.
    """

    name: str
    title: str
    form_factor: str
    mcu: Mcu
    afe: AfeConfig
    optics: Optics | None = None
    radio: Radio
    battery: Battery
    supply: Supply
    firmware: Firmware
    targets: dict[str, Target]
