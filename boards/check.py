"""What a file's types cannot say: that a board fits its parts and contradicts nothing."""

from __future__ import annotations

from eegrig.boards.check_front_ends import check_afe, check_optics, check_pins
from eegrig.boards.check_supply import check_supply
from eegrig.boards.check_targets import check_targets
from eegrig.boards.errors import ConfigError
from eegrig.boards.figures import Catalogue
from eegrig.boards.part_library import find_part, load_part
from eegrig.boards.ports import Runtime, board_runtime, load_port
from eegrig.boards.schema import Board, FlashRegion, Mcu, Radio
from eegrig.boards.traffic import (
    CONNECTION_STEP_MS,
    SHORTEST_INTERVAL_MS,
    LinkProfile,
    link_capacity_bps,
    link_interval_ms,
    longest_interval_ms,
    packet_period_ms,
    traffic_bps,
)

__all__ = ["check_board"]

_CONNECTION_RANGE_MS = (SHORTEST_INTERVAL_MS, 4000.0)
_ADVERTISING_STEP_MS = 0.625  # Bluetooth Core 5.4, Vol 6 Part B 4.4.2.2: 20 ms to 10.24 s
_ADVERTISING_RANGE_MS = (20.0, 10240.0)
_NAME_ROOM = 26  # 31 B of legacy advertising data less flags (3 B) and the name's header (2 B)


def check_board(board: Board, figures: Catalogue) -> None:
    """Compare a board with itself, with its parts, and with the figures it can promise.

    Parameters
    ----------
    board : Board
    figures : Catalogue

    Raises
    ------
    boards.errors.ConfigError
        On the first contradiction: ``key: what is wrong and what was expected``.
    """
    _check_mcu(board.mcu)
    _check_runtime(board)
    check_afe(board.afe)
    if board.optics is not None:
        check_optics(board.optics)
    if (board.optics is not None) != (board.firmware.optics_driver is not None):
        raise ConfigError(
            "firmware.optics_driver: expected a driver if and only if there is an [optics] section"
        )
    check_pins(board)
    _check_radio(board.radio)
    check_supply(board)
    find_part("battery.part", board.battery.part, ("battery",))
    _check_traffic(board)
    check_targets(board.targets, figures)


def _check_mcu(mcu: Mcu) -> None:
    part = find_part("mcu.part", mcu.part, ("mcu",))
    flash_start, flash_end = mcu.flash.start, mcu.flash.start + mcu.flash.size
    if mcu.flash.size > part["flash_size"].value:
        raise ConfigError(
            f"mcu.flash.size: expected at most {part['flash_size'].value:.0f} bytes, the flash"
            f" memory of {part.name}, got {mcu.flash.size}"
        )
    region = mcu.filesystem
    region_end = region.start + region.size
    if region.start < flash_start or region_end > flash_end:
        raise ConfigError(
            f"mcu.filesystem: expected a region inside the flash memory"
            f" {flash_start:#x}..{flash_end:#x}, got {region.start:#x}..{region_end:#x}"
        )
    page = int(part["flash_page_size"].value)
    for key, value in (("start", region.start), ("size", region.size)):
        if value % page:
            raise ConfigError(
                f"mcu.filesystem.{key}: expected a multiple of the erase page of {part.name},"
                f" {page} bytes, got {value:#x}"
            )
    _check_regions(mcu)


def _check_regions(mcu: Mcu) -> None:
    """Refuse regions that leave the flash memory or lie on top of each other."""
    end = mcu.flash.start + mcu.flash.size
    seen: list[tuple[str, int, int]] = []
    for key in ("filesystem", "runtime", "radio_stack"):
        region: FlashRegion | None = getattr(mcu, key)
        if region is None:
            continue
        first, last = region.start, region.start + region.size
        if first < mcu.flash.start or last > end:
            raise ConfigError(
                f"mcu.{key}: expected a region inside the flash memory"
                f" {mcu.flash.start:#x}..{end:#x}, got {first:#x}..{last:#x}"
            )
        for other, other_first, other_last in seen:
            if first < other_last and other_first < last:
                raise ConfigError(
                    f"mcu.{key}: {first:#x}..{last:#x} overlaps mcu.{other}"
                    f" {other_first:#x}..{other_last:#x}; give each its own flash"
                )
        seen.append((key, first, last))


def _check_runtime(board: Board) -> None:
    """Refuse what the board's runtime cannot do."""
    port, part = board.mcu.port, load_part(board.mcu.part)
    if port not in part.ports:
        raise ConfigError(
            f"mcu.port: expected one of {', '.join(part.ports) or 'none'}, the ports that run on"
            f" {part.name}, got {port}"
        )
    runtime = board_runtime(board)
    if runtime.memory.heap_bytes > part["ram_size"].value:
        raise ConfigError(
            f"mcu.options: a heap of {runtime.memory.heap_bytes} bytes is more than the memory of"
            f" {part.name}, {part['ram_size'].value:.0f}; ask for less"
        )
    page = int(part["flash_page_size"].value)
    if runtime.storage.page_octets % page:
        raise ConfigError(
            f"mcu.part: the {port} port's build {runtime.build} rewrites"
            f" {runtime.storage.page_octets} bytes of flash memory at once, and a page of"
            f" {part.name} has {page}; expected whole pages"
        )
    _check_drivers(board, runtime)
    limit = runtime.bluetooth.att_mtu_max
    if board.radio.mtu > limit:
        raise ConfigError(
            f"radio.mtu: expected at most {limit}, what the {port} port's build {runtime.build}"
            f" allows, got {board.radio.mtu}"
        )


def _check_drivers(board: Board, runtime: Runtime) -> None:
    """Refuse wiring that the board's runtime has no driver for."""
    drivers = runtime.drivers
    needed = [
        ("afe.pins.spi", "spi", drivers.spi, "SPI driver"),
        ("afe.pins.battery", "adc", drivers.adc, "driver of the converter"),
        (
            "mcu.filesystem",
            "internal_file_system",
            drivers.internal_file_system,
            f"file system in the flash memory of {board.mcu.part}",
        ),
    ]
    if board.optics is not None:
        needed.append(("optics.pins.i2c", "i2c", drivers.i2c, "I2C driver"))
    for key, fact, there, what in needed:
        if not there:
            options = load_port(runtime.port).options
            asking = [name for name in options if f"drivers.{fact}" in options[name].sets]
            ask = f"ask for it with mcu.options.{asking[0]} = true or " if asking else ""
            raise ConfigError(
                f"{key}: the {runtime.port} port's build {runtime.build} has no {what};"
                f" {ask}name a build that has it"
            )


def _check_traffic(board: Board) -> None:
    """Refuse a board that asks for more than its runtime and its link carry."""
    runtime, radio = board_runtime(board), board.radio
    n_channels, under_way = len(board.afe.channels), runtime.bluetooth.host_pdus
    for rate_sps in sorted(board.afe.rates_sps):
        if longest_interval_ms(board, runtime, rate_sps) < SHORTEST_INTERVAL_MS:
            raise ConfigError(
                f"afe.rates_sps: {n_channels} channels at {rate_sps} SPS fill a packet in"
                f" {packet_period_ms(board, rate_sps):.3g} ms, but {runtime.build} has {under_way}"
                f" under way, for up to two connection intervals of {SHORTEST_INTERVAL_MS:g} ms or"
                " more (bluetooth.host_pdus); leave that rate out"
            )
    longest_ms = longest_interval_ms(board, runtime, board.afe.default_rate_sps)
    if radio.efficient_interval_ms > longest_ms:
        raise ConfigError(
            f"radio.efficient_interval_ms: expected at most {longest_ms:g}: {n_channels} channels"
            f" at {board.afe.default_rate_sps} SPS fill a packet in"
            f" {packet_period_ms(board, board.afe.default_rate_sps):.3g} ms, and {runtime.build}"
            f" has {under_way} under way, for up to two intervals (bluetooth.host_pdus);"
            f" got {radio.efficient_interval_ms:g}"
        )
    needed_bps = traffic_bps(board)
    fastest_sps = max(board.afe.rates_sps)
    profiles: tuple[LinkProfile, ...] = ("efficient", "low_latency")
    for profile in profiles:
        interval_ms = link_interval_ms(board, runtime, fastest_sps, profile)
        capacity_bps = link_capacity_bps(radio, runtime, interval_ms)
        if needed_bps > capacity_bps:
            raise ConfigError(
                f"afe.rates_sps: {n_channels} channels at {fastest_sps} SPS need"
                f" {needed_bps / 1e3:.0f} kbit/s, but a {radio.phy}M link with MTU {radio.mtu} and"
                f" packets of {runtime.bluetooth.link_octets_max} bytes carries"
                f" {capacity_bps / 1e3:.0f} kbit/s at an interval of {interval_ms:g} ms"
                f" ({profile}); ask for less or change the link"
            )


def _check_radio(radio: Radio) -> None:
    if not 1 <= len(radio.name.encode()) <= _NAME_ROOM:
        raise ConfigError(
            f"radio.name: expected 1 to {_NAME_ROOM} bytes, what an advertisement holds,"
            f" got {len(radio.name.encode())}"
        )
    for key in ("efficient_interval_ms", "low_latency_interval_ms"):
        _check_interval(
            f"radio.{key}", getattr(radio, key), _CONNECTION_RANGE_MS, CONNECTION_STEP_MS
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
