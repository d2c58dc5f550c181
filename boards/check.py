"""What a file's types cannot say: that a board fits its parts and contradicts nothing."""

from __future__ import annotations

from collections.abc import Callable

from boards.errors import ConfigError
from boards.part import Part, PartKind, to_si
from boards.schema import AfeConfig, Board, Mcu, Pins, Radio, Supply

__all__ = ["check_board", "check_part"]

_CONNECTION_STEP_MS = 1.25  # Bluetooth Core 5.4, Vol 6 Part B 4.5.1: 7.5 ms to 4 s in 1.25 ms
_CONNECTION_RANGE_MS = (7.5, 4000.0)
_ADVERTISING_STEP_MS = 0.625  # Bluetooth Core 5.4, Vol 6 Part B 4.4.2.2: 20 ms to 10.24 s
_ADVERTISING_RANGE_MS = (20.0, 10240.0)
_NAME_ROOM = 26  # 31 B of legacy advertising data less flags (3 B) and the name's header (2 B)

LoadPart = Callable[[str], Part]


def check_board(board: Board, load_part: LoadPart) -> None:
    """Compare a board with itself and with its parts.

    Parameters
    ----------
    board : Board
    load_part : callable
        Returns the part of a name, or raises ConfigError.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction: ``key: what is wrong and what was expected``.
    """
    _check_mcu(board.mcu, load_part)
    _check_afe(board.afe, load_part)
    _check_pins(board.afe.pins)
    _check_radio(board.radio)
    _check_supply(board.supply, load_part)
    cell = _part("battery.part", board.battery.part, ("battery",), load_part)
    if cell["capacity"].value != board.battery.capacity_mah:
        raise ConfigError(
            f"battery.capacity_mah: expected {cell['capacity'].value:g}, the capacity of part"
            f" {cell.name}, got {board.battery.capacity_mah:g}"
        )


def check_part(part: Part, stem: str) -> None:
    """Compare a part read from ``<stem>.toml`` with itself.

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction: ``key: what is wrong and what was expected``.
    """
    if part.name != stem:
        raise ConfigError(f"name: expected {stem!r}, the file's name, got {part.name!r}")
    for key, figure in part.figures.items():
        _check_unit(f"figures.{key}.unit", figure.unit)
    for key, curve in part.curves.items():
        _check_unit(f"curves.{key}.x_unit", curve.x_unit)
        _check_unit(f"curves.{key}.y_unit", curve.y_unit)
        if len(curve.x) != len(curve.y):
            raise ConfigError(
                f"curves.{key}.y: expected {len(curve.x)} values, one for each x,"
                f" got {len(curve.y)}"
            )
        if any(b <= a for a, b in zip(curve.x, curve.x[1:], strict=False)):
            raise ConfigError(f"curves.{key}.x: expected values that rise strictly")
    for key, table in part.tables.items():
        _check_unit(f"tables.{key}.unit", table.unit)
        widths = {len(row) for row in table.values}
        if len(table.values) != len(table.rows) or widths != {len(table.columns)}:
            raise ConfigError(
                f"tables.{key}.values: expected {len(table.rows)} rows"
                f" of {len(table.columns)} values"
            )


def _part(where: str, name: str, kinds: tuple[PartKind, ...], load_part: LoadPart) -> Part:
    try:
        part = load_part(name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    if part.kind not in kinds:
        raise ConfigError(
            f"{where}: expected a part of kind {' or '.join(kinds)}, {name} is a {part.kind}"
        )
    return part


def _check_unit(where: str, unit: str) -> None:
    try:
        to_si(1.0, unit)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_mcu(mcu: Mcu, load_part: LoadPart) -> None:
    part = _part("mcu.part", mcu.part, ("mcu",), load_part)
    flash_start, flash_end = mcu.flash.start, mcu.flash.start + mcu.flash.size
    if mcu.flash.size > part["flash_size"].value:
        raise ConfigError(
            f"mcu.flash.size: expected at most {part['flash_size'].value:.0f} bytes, the flash"
            f" memory of {part.name}, got {mcu.flash.size}"
        )
    if mcu.heap_size > part["ram_size"].value:
        raise ConfigError(
            f"mcu.heap_size: expected at most {part['ram_size'].value:.0f} bytes, the memory of"
            f" {part.name}, got {mcu.heap_size}"
        )
    region = mcu.filesystem
    region_end = region.start + region.size
    if region.start < flash_start or region_end > flash_end:
        raise ConfigError(
            f"mcu.filesystem: expected a region inside the flash memory"
            f" {flash_start:#x}..{flash_end:#x}, got {region.start:#x}..{region_end:#x}"
        )
    page = int(part["flash_page_size"].value)
    if region.block_size % page:
        raise ConfigError(
            f"mcu.filesystem.block_size: expected a multiple of the erase page of {part.name},"
            f" {page} bytes, got {region.block_size}"
        )
    for key, value in (("start", region.start), ("size", region.size)):
        if value % region.block_size:
            raise ConfigError(
                f"mcu.filesystem.{key}: expected a multiple of the block size {region.block_size},"
                f" got {value:#x}"
            )


def _check_afe(afe: AfeConfig, load_part: LoadPart) -> None:
    part = _part("afe.part", afe.part, ("afe",), load_part)
    n_inputs = int(part["channels"].value)
    if len(afe.channels) > n_inputs:
        raise ConfigError(
            f"afe.channels: expected at most {n_inputs} names, the inputs of {part.name},"
            f" got {len(afe.channels)}"
        )
    twice = sorted({name for name in afe.channels if afe.channels.count(name) > 1})
    if twice:
        raise ConfigError(f"afe.channels: expected every name once, got {', '.join(twice)} twice")
    noise = part.table("noise_rms")
    if afe.gain not in noise.columns:
        raise ConfigError(
            f"afe.gain: expected one of {_listed(noise.columns)}, the gains of {part.name},"
            f" got {afe.gain}"
        )
    for rate in afe.rates_sps:
        if rate not in noise.rows:
            raise ConfigError(
                f"afe.rates_sps: expected values from {_listed(noise.rows)}, the rates of"
                f" {part.name}, got {rate}"
            )
    if afe.default_rate_sps not in afe.rates_sps:
        raise ConfigError(
            f"afe.default_rate_sps: expected one of afe.rates_sps"
            f" ({_listed(afe.rates_sps)}), got {afe.default_rate_sps}"
        )
    if afe.spi_hz > part["sclk_max"].si:
        raise ConfigError(
            f"afe.spi_hz: expected at most {part['sclk_max'].si:g}, the limit of {part.name},"
            f" got {afe.spi_hz:g}"
        )


def _check_pins(pins: Pins) -> None:
    seen: dict[str, str] = {}
    for key in ("cs", "drdy", "reset", "start", "pwdn"):
        pin = getattr(pins, key)
        if pin is None:
            continue
        if pin in seen:
            raise ConfigError(
                f"afe.pins.{key}: {pin} is taken by {seen[pin]}; give each its own pin"
            )
        seen[pin] = key


def _check_radio(radio: Radio) -> None:
    if not 1 <= len(radio.name.encode()) <= _NAME_ROOM:
        raise ConfigError(
            f"radio.name: expected 1 to {_NAME_ROOM} bytes, what an advertisement holds,"
            f" got {len(radio.name.encode())}"
        )
    for key in ("efficient_interval_ms", "low_latency_interval_ms"):
        _check_interval(
            f"radio.{key}", getattr(radio, key), _CONNECTION_RANGE_MS, _CONNECTION_STEP_MS
        )
    _check_interval(
        "radio.advertising_interval_ms",
        radio.advertising_interval_ms,
        _ADVERTISING_RANGE_MS,
        _ADVERTISING_STEP_MS,
    )


def _check_interval(
    where: str, interval_ms: float, range_ms: tuple[float, float], step_ms: float
) -> None:
    low, high = range_ms
    if not low <= interval_ms <= high or (interval_ms / step_ms) % 1:
        raise ConfigError(
            f"{where}: expected {low:g} to {high:g} ms in steps of {step_ms:g} ms (Bluetooth),"
            f" got {interval_ms:g}"
        )


def _check_supply(supply: Supply, load_part: LoadPart) -> None:
    _part("supply.mcu", supply.mcu, ("buck", "ldo"), load_part)
    if not supply.afe or len(supply.afe) != len(supply.afe_v):
        raise ConfigError(
            f"supply.afe_v: expected one output voltage for each converter of supply.afe"
            f" ({len(supply.afe)}), got {len(supply.afe_v)}"
        )
    for index, (name, output_v) in enumerate(zip(supply.afe, supply.afe_v, strict=True)):
        part = _part(f"supply.afe[{index}]", name, ("boost", "ldo", "buck"), load_part)
        if part.kind != "ldo" or index == 0:
            continue
        dropout_v = part["dropout"].si
        if supply.afe_v[index - 1] < output_v + dropout_v:
            raise ConfigError(
                f"supply.afe_v[{index - 1}]: expected at least {output_v + dropout_v:g} V, the"
                f" output of {name} and its dropout, got {supply.afe_v[index - 1]:g}"
            )
    _part("supply.charger", supply.charger, ("charger",), load_part)


def _listed(values: list[float] | list[int]) -> str:
    return ", ".join(f"{v:g}" for v in values)
