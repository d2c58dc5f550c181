"""The facts of a runtime by name: what a port's file has to say, in which unit and of which type.

A section of this module is a table of ``<port>.toml``: ``[facts.bluetooth]`` for what is true of
the port, ``[builds.<name>.bluetooth]`` for what is true of one build.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from eegrig.boards.ports.prices import CallFacts, PriceFacts
from eegrig.boards.ports.section import (
    Count,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Section,
)

__all__ = [
    "BluetoothFacts",
    "DriverFacts",
    "Facts",
    "MachineFacts",
    "MemoryFacts",
    "ModuleFacts",
    "PinFacts",
    "StorageFacts",
    "SystemFacts",
]


_BLOCK = 16  # bytes of the collector's, of four words of 32 bits


class SystemFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The interpreter and how it rests.

    Attributes
    ----------
    platform : str
        ``sys.platform``.
    machine_prefix : str
        Put before the board's name in the banner and ``os.uname()``.
    scheduler_entries : int
        Room of the queue behind ``micropython.schedule``.
    native_code : bool
        Whether the build has the native and viper emitters, inline assembler, and loads native
        code from ``.mpy`` files.
    mpy_cross_flags : list of str
        What mpy-cross is told of the processor; bytecode needs nothing.
    f_strings : bool
        Whether the build's own compiler, which gets what is not compiled before, takes f-strings.
    stdio_buffer : bool
        Whether ``sys.stdin`` and ``sys.stdout`` have a ``buffer``.
    soft_reset_cause : int or None
        Value of ``machine.SOFT_RESET``; None: the port knows no causes, ``machine.reset_cause``
        prints a warning and returns 42.
    safe_mode : bool
        Whether the board can be started without ``boot.py`` and ``main.py``.
    idle_sleeps : bool
        Whether ``machine.idle`` stops the CPU until the next interrupt.
    spi_in_interrupts : bool
        Whether a hard interrupt's handler may use an SPI bus.
    lightsleep_stops_ticks : bool
        Whether ``time.ticks_*`` and soft timers stand still in ``machine.lightsleep``; False too
        where there is none.
    download : str or None
        Where official builds are offered, with ``{build}`` for the build's name; None: nowhere.
    start_ms : float
        From a reset to the first instruction of ``boot.py``.
    load_byte_us : float
        What finding, checking and loading the firmware takes beside what its bytecode does, by its
        size.
    """

    platform: str
    machine_prefix: str
    scheduler_entries: PositiveInt
    native_code: bool
    mpy_cross_flags: list[str]
    f_strings: bool
    stdio_buffer: bool
    soft_reset_cause: int | None
    safe_mode: bool
    idle_sleeps: bool
    spi_in_interrupts: bool
    lightsleep_stops_ticks: bool
    download: str | None
    start_ms: PositiveFloat
    load_byte_us: NonNegativeFloat


class MemoryFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Memory.

    Attributes
    ----------
    heap_bytes : int
        MicroPython's heap, as on the 32-bit part.
    allocated_at_prompt_bytes : int
        ``gc.mem_alloc()`` at the prompt after a start without any file.
    name_hash_bytes : int
        What the interpreter keeps of a name's hash beside the name (``QSTR_BYTES_IN_HASH``).
    """

    heap_bytes: PositiveInt
    allocated_at_prompt_bytes: Count
    name_hash_bytes: Count

    @property
    def pool_bytes(self) -> int:
        """What can be allocated and what is, together: the heap without the collector's tables.

        As ``gc_setup_area`` of py/gc.c @1c3c201149 divides it: three bits of table for each block
        of four words.
        """
        bits = 8 + 4 + 4 * _BLOCK * 8
        return (self.heap_bytes - 1) * 8 // bits * 4 * _BLOCK

    @property
    def free_at_prompt_bytes(self) -> int:
        """What firmware may allocate: ``gc.mem_free()`` at the prompt."""
        return self.pool_bytes - self.allocated_at_prompt_bytes


class StorageFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The block device of the chip's own flash memory, which the port mounts as ``/flash``.

    Attributes
    ----------
    block_octets : int
        Size of its blocks: a file system with others is not mounted.
    page_octets : int
        What it erases and writes at once: a block, or a page of several of which it keeps one in
        RAM, and writes it back later.
    erase_tick_ms : int or None
        How often it looks after the page in RAM: the first time after a change it erases it in
        flash memory. None where there is no such page.
    write_back_ms : int or None
        How long after the last change it is written back at such a time; a sync, or a change in
        another page, writes it back at once.
    fresh_file_system : {"littlefs", "fat"}
        What a board with nothing in its flash memory gets.
    fat_follows_clock : bool
        Whether files in FAT have the times of the board's clock; else all are of 2018-01-01.
    """

    block_octets: PositiveInt
    page_octets: PositiveInt
    erase_tick_ms: PositiveInt | None
    write_back_ms: PositiveInt | None
    fresh_file_system: Literal["littlefs", "fat"]
    fat_follows_clock: bool


class PinFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the port names pins, converter inputs and buses.

    Attributes
    ----------
    pin_pattern : str
        Names of pins in a ``board.toml``: bank and number.
    pin_example : str
        One of them.
    pin_form : {"name", "device and number"}
        What ``machine.Pin`` takes for it.
    pins_per_bank : int
        Pins of one GPIO port.
    first_bank : str
        Name of the bank whose pins begin at number 0.
    adc_pattern, adc_example : str
        Names of inputs of the converter, and one of them.
    adc_full_scale_v : float or None
        Full scale of the converter in volts; None: its supply.
    cpu_pins : list of str
        The processor's pins that the build has, by name; empty where pins have none.
    board_names : list of str
        Names that the build gives to pins, ``"D10=A4"``. `machine.Pin` looks for a name among these
        first: where one is that of another pin of the processor, that one cannot be had by it.
    bus_pattern : str
        Names of SPI and I2C buses.
    bus_form : {"name", "number"}
        What ``machine.SPI`` and ``machine.I2C`` take for it.
    """

    pin_pattern: str
    pin_example: str
    pin_form: Literal["name", "device and number"]
    pins_per_bank: PositiveInt
    first_bank: str
    adc_pattern: str
    adc_example: str
    adc_full_scale_v: float | None
    cpu_pins: list[str]
    board_names: list[str]
    bus_pattern: str
    bus_form: Literal["name", "number"]

    @property
    def aliases(self) -> dict[str, str]:
        """The build's names of pins, and which of the processor's each is."""
        return dict(name.split("=") for name in self.board_names)


class BluetoothFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ``bluetooth`` module, the host under it, and the controller.

    Attributes
    ----------
    acl_packets : int
        Packets under way from host to controller; the next waits until one is reported completed.
    acl_octets : int
        Longest of them; what is longer goes as several.
    acl_timeout_ms : int or None
        How long the host waits for the controller to complete a packet before it sends the next
        all the same; None: for ever.
    acl_completed : {"sent", "acknowledged"}
        When the controller reports a packet completed: when it went on air for the first time, or
        when the other end has it, which is an interval later.
    acl_refill_us : int
        From when a packet is completed until the controller has the next, in microseconds.
    host_pdus : int
        Notifications the host takes that the controller has not completed; ``gatts_notify`` waits
        with the next one, and no callback runs meanwhile.
    link_octets_max : int
        Longest payload of a link-layer packet that the controller sends.
    att_mtu_max : int
        Largest ATT MTU of the build.
    preferred_att_mtu : int or None
        ATT MTU after boot, which ``config(mtu=)`` changes; None: fixed by the build, and firmware
        is not told of the exchange.
    enforces_subscription : bool
        Whether notifying a central that has not subscribed is an error.
    cuts_long_values : bool
        Whether a notification longer than the MTU is cut; else it is an error.
    notifies_stored_value : bool
        Whether a notification or indication without data takes the value that was written; else it
        is empty.
    negative_errors : bool
        Whether what the host says against one is an OSError with its negative number.
    refuses_by_bond : bool
        Whether a peer that asks in the clear for what needs encryption is told Insufficient
        Authentication where it has no bond, and Insufficient Encryption where it has one; else
        always the latter.
    gatt_client, pairing, l2cap_channels : bool
        Whether these parts are in the build.
    services_max : int or None
        Most services that ``gatts_register_services`` takes in all; None: as memory allows.
    event_buffer_octets : int or None
        Ring buffer of events, whose overflow drops some; None: events are delivered as they come.
    name_octets_max : int
        Longest name that ``config(gap_name=)`` takes.
    starts_with_public_address : bool
        Whether the board shows its public address after ``active(True)``; else a static random
        one.
    sets_address_mode : bool
        Whether ``config(addr_mode=)`` sets it; else it is OSError(EOPNOTSUPP).
    connections_max : int
        Room for connections in both roles.
    heap_bytes_active, heap_bytes_service, heap_bytes_value : int
        What the port's own code takes of MicroPython's heap: after ``active(True)``, for each
        service, and for each characteristic or descriptor beside its value.
    """

    acl_packets: PositiveInt
    acl_octets: Annotated[int, msgspec.Meta(ge=27)]
    acl_timeout_ms: PositiveInt | None
    acl_completed: Literal["sent", "acknowledged"]
    acl_refill_us: Count
    host_pdus: PositiveInt
    link_octets_max: Annotated[int, msgspec.Meta(ge=27, le=251)]
    att_mtu_max: Annotated[int, msgspec.Meta(ge=23, le=517)]
    preferred_att_mtu: Annotated[int, msgspec.Meta(ge=23, le=517)] | None
    enforces_subscription: bool
    cuts_long_values: bool
    notifies_stored_value: bool
    negative_errors: bool
    refuses_by_bond: bool
    gatt_client: bool
    pairing: bool
    l2cap_channels: bool
    services_max: PositiveInt | None
    event_buffer_octets: PositiveInt | None
    name_octets_max: PositiveInt
    starts_with_public_address: bool
    sets_address_mode: bool
    connections_max: PositiveInt
    heap_bytes_active: Count
    heap_bytes_service: Count
    heap_bytes_value: Count


class MachineFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``time`` and ``machine`` do where firmware leaves it to them, and how far they go.

    Attributes
    ----------
    epoch_year : int
        The year that ``time.localtime(0)`` is in.
    timer_period_ms : int
        Period of a ``machine.Timer`` that is given none.
    timer_tick_hz : bool
        Whether ``Timer(tick_hz=)`` says what its period is counted in; else milliseconds.
    timer_keeps_callback : bool
        Whether ``Timer.init`` without a callback leaves the one before.
    watchdog_max_ms : int
        Longest timeout of ``machine.WDT``.
    pin_irq_object : bool
        Whether ``Pin.irq`` returns an object with ``trigger`` and ``flags``; else None.
    """

    epoch_year: Literal[1970, 2000]
    timer_period_ms: Count
    timer_tick_hz: bool
    timer_keeps_callback: bool
    watchdog_max_ms: PositiveInt
    pin_irq_object: bool


class DriverFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Drivers the build has for what is on the chip.

    Attributes
    ----------
    spi, i2c, adc, pwm : bool
        Whether ``machine.SPI`` ... find anything to drive.
    internal_file_system : bool
        Whether the build mounts a file system in the part's own flash memory and runs ``boot.py``
        and ``main.py`` from it.
    """

    spi: bool
    i2c: bool
    adc: bool
    pwm: bool
    internal_file_system: bool


class ModuleFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What firmware finds to import.

    Attributes
    ----------
    present : list of str
        Modules of the build, built in or frozen; all others have to be files.
    random_is_seeded : bool
        Whether ``random`` starts with a number of the hardware's; else with the same one always.
    """

    present: list[str]
    random_is_seeded: bool


class Facts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything said of a runtime.

    Attributes
    ----------
    names : dict of str to list of str
        By module (``"os"``) or class (``"machine.ADC"``): all that it has. A module without an
        entry has what MicroPython's own file has.
    """

    system: SystemFacts
    memory: MemoryFacts
    storage: StorageFacts
    pins: PinFacts
    bluetooth: BluetoothFacts
    modules: ModuleFacts
    machine: MachineFacts
    drivers: DriverFacts
    names: dict[str, list[str]]
    prices: PriceFacts
    calls: CallFacts
