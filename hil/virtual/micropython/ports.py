"""MicroPython's ports as they are: what firmware finds on each, as data the virtual board enforces.

From the MicroPython tree of 2026-08 (1.29-preview): ``ports/zephyr/mpconfigport.h`` (basic feature
level, GATT client off, CONFIG_BT_CENTRAL) and ``ports/stm32/mpconfigport.h`` with NimBLE (extra
feature level), as the stock NUCLEO_WB55 build has it. What a module of the interpreter here has
and the port has not is taken away at boot, so that firmware fails as it would on the board.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from boards.errors import ConfigError
from boards.schema import Board

__all__ = ["PORTS", "STM32", "ZEPHYR", "BleRules", "Port", "port_named"]


@dataclass(frozen=True)
class BleRules:
    """How the port's ``bluetooth`` behaves.

    Attributes
    ----------
    notify_blocks : bool
        Whether ``gatts_notify`` waits for a buffer; else it raises OSError(ENOMEM). How many
        buffers there are is the board's (``radio.tx_buffers``).
    enforce_subscription : bool
        Whether notifying a central that has not subscribed is an error.
    truncates : bool
        Whether a notification longer than the MTU is cut; else it is an error.
    gatt_client, pairing, l2cap : bool
        Whether these parts are in the build.
    preferred_mtu : int or None
        ATT MTU after boot, which ``config(mtu=)`` changes; None: fixed by the build, and firmware
        is not told of the exchange.
    max_services : int or None
        Most services ``gatts_register_services`` takes.
    event_buffer : int or None
        Bytes of the event ring buffer, whose overflow drops events; None: events are delivered as
        they come (NimBLE runs in the scheduler).
    starts_public : bool
        Whether the board shows its public address after ``active(True)``; else a static random
        one. ``sync_cb`` of ``modbluetooth_nimble.c`` prefers the first, an STM32WB55 has one.
    sets_address : bool
        Whether ``config(addr_mode=)`` does anything; in ``modbluetooth_zephyr.c`` it does not.
    max_connections : int
        Room for connections in both roles. stm32: MICROPY_HW_RFCORE_BLE_NUM_LINK of
        ``mpconfigboard_common.h``; zephyr: CONFIG_BT_MAX_CONN, which no board sets, is 1.
    """

    notify_blocks: bool
    enforce_subscription: bool
    truncates: bool
    gatt_client: bool
    pairing: bool
    l2cap: bool
    preferred_mtu: int | None
    max_services: int | None
    event_buffer: int | None
    starts_public: bool
    sets_address: bool
    max_connections: int


@dataclass(frozen=True)
class Port:
    """One port of MicroPython.

    Attributes
    ----------
    name : str
        As in ``board.toml``.
    platform : str
        ``sys.platform``.
    board_prefix : str
        Put before the board's name in the banner and ``os.uname()``.
    pins_per_bank : int
        Pins of one GPIO port.
    scheduler_depth : int
        Entries of the queue behind ``micropython.schedule``.
    modules_absent : tuple of str
        Modules the interpreter has and the port has not.
    names_absent : dict of str to tuple of str
        By module: functions and classes the port does not have. ``"ADC.read_uv"`` is a method.
    os_names : tuple of str
        What ``os`` has.
    frozen : bool
        Whether asyncio is frozen in.
    idle_sleeps : bool
        Whether ``machine.idle`` stops the CPU until the next interrupt.
    ticks_stop : bool
        Whether ``time.ticks_*`` stand still in ``machine.lightsleep``.
    soft_reset_cause : int
        Value of ``machine.SOFT_RESET``.
    native : bool
        Whether the build has the native and viper emitters and inline assembler.
    adc_full_v : float or None
        Full scale of the ADC in volts; None: its supply.
    ble : BleRules
    pin_aliases : dict of str to str
        A board's own names of pins.
    """

    name: str
    platform: str
    board_prefix: str
    pins_per_bank: int
    scheduler_depth: int
    modules_absent: tuple[str, ...]
    names_absent: dict[str, tuple[str, ...]]
    os_names: tuple[str, ...]
    frozen: bool
    idle_sleeps: bool
    ticks_stop: bool
    soft_reset_cause: int
    native: bool
    adc_full_v: float | None
    ble: BleRules
    pin_aliases: dict[str, str] = field(default_factory=dict)

    def pin_number(self, pin: str) -> int:
        """Return the number of a pin named as in ``board.toml``.

        Parameters
        ----------
        pin : str
            ``"gpio0:15"`` on zephyr, ``"A15"`` on stm32.

        Raises
        ------
        ConfigError
            If the port has no such pin.

        Examples
        --------
        >>> ZEPHYR.pin_number("gpio1:2"), STM32.pin_number("B3")
        (34, 19)
        """
        pin = self.pin_aliases.get(pin, pin)
        pattern = r"gpio(\d):(\d+)" if self.pins_per_bank == 32 else r"P?([A-H])(\d+)"
        match = re.fullmatch(pattern, pin)
        if match is None or int(match[2]) >= self.pins_per_bank:
            example = "gpio0:15" if self.pins_per_bank == 32 else "A15"
            raise ConfigError(
                f"pin {pin!r} is not one of the {self.name} port: expected one like {example!r}"
            )
        bank = int(match[1]) if match[1].isdigit() else ord(match[1]) - ord("A")
        return bank * self.pins_per_bank + int(match[2])

    def for_shim(
        self,
        board: str,
        mcu: str,
        unique_id: bytes = b"",
        clock_hz: float = 64e6,
        supply_v: float = 3.3,
    ) -> dict[str, object]:
        """Return what the shim has to know, as a literal.

        Parameters
        ----------
        board, mcu : str
            Names for the banner.
        unique_id : bytes
            What ``machine.unique_id()`` returns.
        clock_hz : float
            CPU clock in hertz.
        supply_v : float
            Supply in volts, which is the full scale of an STM32's ADC.
        """
        ble = self.ble
        return {
            "port": self.name,
            "platform": self.platform,
            "machine": f"{self.board_prefix}{board} with {mcu}",
            "pins_per_bank": self.pins_per_bank,
            "pin_aliases": self.pin_aliases,
            "depth": self.scheduler_depth,
            "modules_absent": self.modules_absent,
            "names_absent": self.names_absent,
            "os_names": self.os_names,
            "frozen": self.frozen,
            "idle_sleeps": self.idle_sleeps,
            "native": self.native,
            "soft_reset": self.soft_reset_cause,
            "unique_id": unique_id,
            "clock_hz": round(clock_hz),
            "adc_full_uv": round((self.adc_full_v or supply_v) * 1e6),
            "ble": {
                "notify_blocks": ble.notify_blocks,
                "gatt_client": ble.gatt_client,
                "pairing": ble.pairing,
                "l2cap": ble.l2cap,
                "mtu": ble.preferred_mtu,
                "max_services": ble.max_services,
                "event_buffer": ble.event_buffer,
            },
        }


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_OS = _words(
    "chdir getcwd ilistdir listdir mkdir mount remove rename rmdir stat statvfs umount unlink "
    "VfsFat VfsLfs1 VfsLfs2"
)
# The unix build's modules that no microcontroller port has.
_PC_MODULES = ("termios", "ffi", "argparse", "mip", "requests")

ZEPHYR = Port(
    name="zephyr",
    platform="zephyr",
    board_prefix="zephyr-",
    pins_per_bank=32,
    scheduler_depth=4,
    # All of the extra feature level (py/mpconfig.h), and what needs CONFIG_NETWORKING.
    modules_absent=(
        *_PC_MODULES,
        *_words("asyncio uasyncio cmath cryptolib deflate errno framebuf heapq json platform"),
        *_words("random re select socket ssl tls uctypes websocket"),
    ),
    names_absent={
        # MICROPY_PY_MACHINE_BARE_METAL_FUNCS is not set, and there is no RTC.
        "machine": _words(
            "lightsleep deepsleep freq unique_id RTC time_pulse_us DEEPSLEEP_RESET disable_irq "
            "enable_irq"
        ),
        "micropython": ("RingIO",),
        "bluetooth": (),
    },
    os_names=_OS,
    frozen=False,
    idle_sleeps=False,
    ticks_stop=False,
    soft_reset_cause=5,
    native=False,
    adc_full_v=3.6,  # 0.6 V internal reference, gain 1/6
    ble=BleRules(
        notify_blocks=True,
        enforce_subscription=True,
        truncates=False,
        gatt_client=False,
        pairing=False,
        l2cap=False,
        preferred_mtu=None,
        max_services=8,
        event_buffer=128,
        starts_public=False,
        sets_address=False,
        max_connections=1,
    ),
)

STM32 = Port(
    name="stm32",
    platform="pyboard",
    board_prefix="",
    pins_per_bank=16,
    scheduler_depth=8,
    # NUCLEO_WB55 has no network interface; sockets come with one.
    modules_absent=(*_PC_MODULES, "socket", "ssl", "tls", "websocket", "_thread"),
    names_absent={"machine": ("ADC.read_uv",)},
    os_names=(*_OS, "uname", "urandom", "sync", "dupterm"),
    frozen=True,
    idle_sleeps=True,
    ticks_stop=True,
    soft_reset_cause=0,
    native=True,
    adc_full_v=None,
    ble=BleRules(
        notify_blocks=False,
        enforce_subscription=False,
        truncates=True,
        gatt_client=True,
        pairing=True,
        l2cap=True,
        preferred_mtu=256,
        max_services=None,
        event_buffer=None,
        starts_public=True,
        sets_address=True,
        max_connections=1,
    ),
)

PORTS = {port.name: port for port in (ZEPHYR, STM32)}


def port_named(board: Board) -> Port:
    """Return the port a board runs.

    Raises
    ------
    ConfigError
        If there is no such port.
    """
    port = PORTS.get(board.mcu.port)
    if port is None:
        raise ConfigError(
            f"mcu.port: expected one of {', '.join(sorted(PORTS))}, got {board.mcu.port!r}"
        )
    return port
