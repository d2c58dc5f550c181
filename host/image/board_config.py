"""The module ``board_config`` of an image: what the firmware needs to know of its board."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eegrig.boards import load_part
from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import Runtime, board_runtime
from eegrig.boards.ports.pins import bus_literal, pin_literal
from eegrig.boards.traffic import shortest_packet_ms
from eegrig.host.wire.constants import StreamKind

if TYPE_CHECKING:
    from eegrig.boards.schema import AfeConfig, Board, Optics

__all__ = [
    "ACQUISITIONS",
    "acquisition_of",
    "board_config_source",
    "drivers_of",
]

ACQUISITIONS = {True: "interrupt_acquisition", False: "callback_acquisition"}
"""Modules of ``firmware/eeg`` that fetch frames, by whether an interrupt may use an SPI bus."""

_CHARGE_OHM = 100e3
"""Transimpedance at which a part file states its charge per code."""


def board_config_source(board: Board) -> bytes:
    """Write the constants of a board as a Python module.

    Times are in microseconds, voltages in microvolts and frequencies in hertz, all integers:
    the firmware needs no floating point to start.

    Raises
    ------
    ConfigError
        If a channel's name contradicts what it records.
    """
    runtime, afe, radio = board_runtime(board), board.afe, board.radio
    names = runtime.pins
    constants: dict[str, object] = {
        "NAME": board.name,
        "KIND": _kind(afe),
        "AFE_DRIVER": board.firmware.afe_driver,
        "ACQUISITION": acquisition_of(runtime),
        "CHANNELS": tuple(afe.channels),
        "GAIN": afe.gain,
        "HIGH_RESOLUTION": afe.high_resolution,
        "VREF_UV": round(afe.vref_v * 1e6),
        "RATES": tuple(afe.rates_sps),
        "DEFAULT_RATE": afe.default_rate_sps,
        "SPI_ID": bus_literal(afe.pins.spi, names),
        "SPI_HZ": round(afe.spi_hz),
        "PIN_CS": pin_literal(afe.pins.cs, names),
        "PIN_DRDY": pin_literal(afe.pins.drdy, names),
        "PIN_RESET": pin_literal(afe.pins.reset, names),
        "PIN_START": pin_literal(afe.pins.start, names),
        "PIN_PWDN": None if afe.pins.pwdn is None else pin_literal(afe.pins.pwdn, names),
        "PIN_BATTERY": pin_literal(afe.pins.battery, names),
        "ADC_REFERENCE_UV": round(board.supply.mcu_v * 1e6),
        "BATTERY_DIVIDER": board.battery.divider,
        "BLE_NAME": radio.name,
        "ADV_INTERVAL_US": round(radio.advertising_interval_ms * 1000),
        "MTU": radio.mtu,
        "SHORTEST_PACKET_US": math.ceil(1000 * shortest_packet_ms(board, runtime)),
    }
    constants["OPTICS"] = None if board.optics is None else _optics(board, board.optics)
    lines = [f"{name} = {value!r}" for name, value in constants.items()]
    return ("\n".join(lines) + "\n").encode()


def acquisition_of(runtime: Runtime) -> str:
    """Return the module of ``firmware/eeg`` that fetches frames on a runtime."""
    return ACQUISITIONS[runtime.system.spi_in_interrupts]


def drivers_of(board: Board) -> frozenset[str]:
    """Return the names of the front-end drivers a board needs."""
    drivers = {board.firmware.afe_driver}
    if board.optics is not None:
        if board.firmware.optics_driver is None:
            raise ConfigError("firmware.optics_driver: name the driver of the optical front end")
        drivers.add(board.firmware.optics_driver)
    return frozenset(drivers)


def _optics(board: Board, optics: Optics) -> dict[str, object]:
    """Return what the firmware has to know of the optical front end."""
    runtime = board_runtime(board)
    if runtime.system.lightsleep_stops_ticks:
        raise ConfigError(
            "optics: the firmware dates light by the processor's clock, which stands still in the "
            f"sleep of the {runtime.port} port; use a board on a port where it goes on"
        )
    charge_c = load_part(optics.part)["charge_per_code"].si * _CHARGE_OHM / optics.tia_ohm
    lsb_a = charge_c / (optics.pulses * optics.pulse_us * 1e-6)
    exponent = math.floor(math.log10(lsb_a)) - 8
    return {
        "driver": board.firmware.optics_driver,
        "names": ",".join(optics.channels),
        "lsb": (round(lsb_a * 10.0**-exponent), exponent),
        "i2c": bus_literal(optics.pins.i2c, runtime.pins),
        "i2c_hz": round(optics.i2c_hz),
        "interrupt": pin_literal(optics.pins.interrupt, runtime.pins),
        # What the driver's constructor takes, in order.
        "settings": (
            len(optics.pairs),
            len(optics.wavelengths_nm),
            round(optics.default_rate_sps * 1000),
            round(optics.led_current_ma * 1000),
            optics.pulses,
            optics.pulse_us,
            round(optics.tia_ohm),
        ),
    }


def _kind(afe: AfeConfig) -> int:
    """Return what the converter's channels are of, which is one stream of one rate."""
    kinds = afe.channel_kinds
    for name, kind in zip(afe.channels, kinds, strict=True):
        if (kind == "emg") != name.startswith("EMG"):
            raise ConfigError(
                f"afe.channels: {name} is of kind {kind}; name channels of muscles, and no others, "
                "EMG..., for that is how a host tells them apart"
            )
    if "eeg" not in kinds:
        return StreamKind.EMG.value
    return StreamKind.EXG.value if "emg" in kinds else StreamKind.EEG.value
