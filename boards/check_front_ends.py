"""That a board's front ends can do what it asks of them, and are wired to pins of its port."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eegrig.boards.errors import ConfigError
from eegrig.boards.part_library import find_part, load_part
from eegrig.boards.ports import board_runtime
from eegrig.boards.schema import AfeConfig, Board, Optics
from eegrig.boards.wording import listed

__all__ = ["check_afe", "check_optics", "check_pins"]


def check_afe(afe: AfeConfig) -> None:
    """Compare the biopotential front end's use with what its part can do.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction.
    """
    part = find_part("afe.part", afe.part, ("afe",))
    n_inputs = int(part["channels"].value)
    if len(afe.channels) > n_inputs:
        raise ConfigError(
            f"afe.channels: expected at most {n_inputs} names, the inputs of {part.name},"
            f" got {len(afe.channels)}"
        )
    _check_unique("afe.channels", afe.channels)
    for key in ("kinds", "sites"):
        given: list[str] = getattr(afe, key)
        if given and len(given) != len(afe.channels):
            raise ConfigError(
                f"afe.{key}: expected one for each of the {len(afe.channels)} channels or none,"
                f" got {len(given)}"
            )
    for name, kind in zip(afe.channels, afe.channel_kinds, strict=True):
        if (kind == "emg") != name.startswith("EMG"):
            raise ConfigError(
                f"afe.channels: {name} is of kind {kind}; name channels of muscles, and no"
                " others, EMG..., for that is how a host tells them apart"
            )
    key = "noise_rms_high_resolution" if afe.high_resolution else "noise_rms"
    if key not in part.tables:
        raise ConfigError(f"afe.high_resolution: {part.name} has no such mode; leave it out")
    noise = part.table(key)
    if afe.gain not in noise.columns:
        raise ConfigError(
            f"afe.gain: expected one of {listed(noise.columns)}, the gains of {part.name},"
            f" got {afe.gain}"
        )
    for rate in afe.rates_sps:
        if rate not in noise.rows:
            mode = " in high-resolution mode" if afe.high_resolution else ""
            raise ConfigError(
                f"afe.rates_sps: expected values from {listed(noise.rows)}, the rates of"
                f" {part.name}{mode}, got {rate}"
            )
    if afe.default_rate_sps not in afe.rates_sps:
        raise ConfigError(
            f"afe.default_rate_sps: expected one of afe.rates_sps"
            f" ({listed(afe.rates_sps)}), got {afe.default_rate_sps}"
        )
    references = [part[k].value for k in ("vref", "vref_high") if k in part.figures]
    if afe.vref_v not in references:
        raise ConfigError(
            f"afe.vref_v: expected one of {listed(references)}, the references of {part.name},"
            f" got {afe.vref_v:g}"
        )
    if afe.spi_hz > part["sclk_max"].si:
        raise ConfigError(
            f"afe.spi_hz: expected at most {part['sclk_max'].si:g}, the limit of {part.name},"
            f" got {afe.spi_hz:g}"
        )


def check_optics(optics: Optics) -> None:
    """Compare the optical front end's use with what its part can do.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction.
    """
    part = find_part("optics.part", optics.part, ("optics",))
    _check_unique("optics.pairs", optics.pairs)
    n_channels, n_pairs = len(optics.channels), len(optics.pairs)
    for needed, key, per, what in (
        (n_channels, "time_slots", 1, "time slots"),
        (n_channels, "led_drivers", 1, "LED drivers"),
        (n_pairs, "inputs", 2, "input pairs"),
    ):
        n_most = int(part[key].value) // per
        if needed > n_most:
            raise ConfigError(
                f"optics.pairs: {n_pairs} pairs at {len(optics.wavelengths_nm)} wavelengths need"
                f" {needed} {what}, {part.name} has {n_most}"
            )
    if len(optics.leds) != len(optics.wavelengths_nm):
        raise ConfigError(
            f"optics.leds: expected one part for each of the {len(optics.wavelengths_nm)}"
            f" wavelengths, got {len(optics.leds)}"
        )
    for index, (name, nm) in enumerate(zip(optics.leds, optics.wavelengths_nm, strict=True)):
        led = find_part(f"optics.leds[{index}]", name, ("led",))
        if led["wavelength"].value != nm:
            raise ConfigError(
                f"optics.leds[{index}]: expected an LED of {nm} nm, {name} is one of"
                f" {led['wavelength'].value:g} nm"
            )
    if optics.led_current_ma > part["led_current_max"].value:
        raise ConfigError(
            f"optics.led_current_ma: expected at most {part['led_current_max'].value:g}, the limit"
            f" of {part.name}, got {optics.led_current_ma:g}"
        )
    lowest, highest = part["rate_min"].si, part["rate_max"].si
    for rate in optics.rates_sps:
        if not lowest <= rate <= highest:
            raise ConfigError(
                f"optics.rates_sps: expected {lowest:g} to {highest:g}, the rates of {part.name},"
                f" got {rate:g}"
            )
    if optics.default_rate_sps not in optics.rates_sps:
        raise ConfigError(
            f"optics.default_rate_sps: expected one of optics.rates_sps"
            f" ({listed(optics.rates_sps)}), got {optics.default_rate_sps:g}"
        )
    if optics.i2c_hz > part["i2c_max"].si:
        raise ConfigError(
            f"optics.i2c_hz: expected at most {part['i2c_max'].si:g}, the limit of {part.name},"
            f" got {optics.i2c_hz:g}"
        )


def check_pins(board: Board) -> None:
    """Refuse pins that the port does not have or that are used twice.

    A part whose RESET is its PWDN may have both on one pin of the processor.

    Raises
    ------
    boards.errors.ConfigError
        On the first of them.
    """
    names = board_runtime(board).pins
    one_pin = "reset_is_power_down" in load_part(board.afe.part).figures
    seen: dict[str, str] = {}
    for key, pin in _pins(board):
        if re.fullmatch(names.pin_pattern, pin) is None:
            raise ConfigError(
                f"{key}: expected a pin of the {board.mcu.port} port such as"
                f" {names.pin_example!r}, got {pin!r}"
            )
        if names.cpu_pins and pin not in names.cpu_pins:
            raise ConfigError(
                f"{key}: the build {board.mcu.build} has no pin {pin}; use one of"
                f" {', '.join(names.cpu_pins)}"
            )
        if pin in seen and not (one_pin and (key, seen[pin]) == ("afe.pins.pwdn", "reset")):
            raise ConfigError(f"{key}: {pin} is taken by {seen[pin]}; give each its own pin")
        seen[pin] = key.rpartition(".")[2]
    pins = board.afe.pins
    if re.fullmatch(names.adc_pattern, pins.battery) is None:
        raise ConfigError(
            f"afe.pins.battery: expected a converter input of the {board.mcu.port} port such as"
            f" {names.adc_example!r}, got {pins.battery!r}"
        )
    if pins.battery in seen:
        raise ConfigError(
            f"afe.pins.battery: {pins.battery} is taken by {seen[pins.battery]}; give each its own"
            " pin"
        )
    buses = [("afe.pins.spi", "spi", pins.spi)]
    if board.optics is not None:
        buses.append(("optics.pins.i2c", "i2c", board.optics.pins.i2c))
    for key, kind, bus in buses:
        if re.fullmatch(names.bus_pattern, bus) is None or not bus.startswith(kind):
            raise ConfigError(f"{key}: expected a bus such as '{kind}1', got {bus!r}")


def _pins(board: Board) -> Iterator[tuple[str, str]]:
    for key in ("cs", "drdy", "reset", "start", "pwdn"):
        pin = getattr(board.afe.pins, key)
        if pin is not None:
            yield f"afe.pins.{key}", pin
    if board.optics is not None:
        yield "optics.pins.interrupt", board.optics.pins.interrupt


def _check_unique(where: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{where}: expected every name once, got {', '.join(twice)} twice")
