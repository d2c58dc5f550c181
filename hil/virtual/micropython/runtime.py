"""A board's runtime as the shim and the models of the board's wiring take it."""

from __future__ import annotations

from eegrig.boards.ports import BluetoothFacts, Runtime
from eegrig.hil.virtual.air.acl import AclBuffers
from eegrig.hil.virtual.board_bluetooth.stack_rules import StackRules

__all__ = ["acl_buffers", "figures_for_shim", "stack_rules"]


_EPOCHS_S = {1970: 0, 2000: 946_684_800}
"""When years begin for ports, in seconds after 1970."""


def acl_buffers(facts: BluetoothFacts) -> AclBuffers:
    """Return what the runtime's Bluetooth host and controller hold."""
    timeout_ms = facts.acl_timeout_ms
    return AclBuffers(
        packets=facts.acl_packets,
        octets=facts.acl_octets,
        frames=facts.host_pdus,
        completed=facts.acl_completed,
        refill_ns=facts.acl_refill_us * 1_000,
        timeout_ns=None if timeout_ms is None else timeout_ms * 1_000_000,
    )


def stack_rules(facts: BluetoothFacts) -> StackRules:
    """Return what the runtime's Bluetooth stack does in its own way."""
    return StackRules(
        enforces_subscription=facts.enforces_subscription,
        cuts_long_values=facts.cuts_long_values,
        refuses_by_bond=facts.refuses_by_bond,
        connections_max=facts.connections_max,
        has_client=facts.gatt_client,
        calls_handlers_at_once=facts.event_buffer_octets is None,
    )


def figures_for_shim(
    runtime: Runtime,
    board: str,
    mcu: str,
    *,
    unique_id: bytes = b"",
    clock_hz: float = 64e6,
    supply_v: float = 3.3,
    i2c_hz: float = 400e3,
) -> dict[str, object]:
    """Return what the shim has to know, as a literal.

    Parameters
    ----------
    runtime : Runtime
    board, mcu : str
        Names for the banner.
    unique_id : bytes
        What ``machine.unique_id()`` returns.
    clock_hz : float
        CPU clock in hertz.
    supply_v : float
        Supply in volts, which is the full scale of a converter without a reference of its own.
    i2c_hz : float
        Clock of I2C in hertz, where firmware has no say in it.
    """
    system, ble, storage = runtime.system, runtime.bluetooth, runtime.storage
    machine = runtime.machine
    return {
        "port": runtime.port,
        "platform": system.platform,
        "machine": f"{system.machine_prefix}{board} with {mcu}",
        "pins_per_bank": runtime.pins.pins_per_bank,
        "pin_aliases": runtime.pins.aliases,
        "cpu_pins": runtime.pins.cpu_pins,
        "i2c_hz": round(i2c_hz),
        "depth": system.scheduler_entries,
        "block_size": storage.block_octets,
        "page_size": storage.page_octets,
        "flash_tick_ms": storage.erase_tick_ms,
        "flash_delay_ms": storage.write_back_ms,
        "fat_follows_clock": storage.fat_follows_clock,
        "modules": runtime.modules.present,
        "names": _names(runtime),
        "epoch_s": _EPOCHS_S[machine.epoch_year],
        "timer_ms": machine.timer_period_ms,
        "timer_tick_hz": machine.timer_tick_hz,
        "timer_keeps_callback": machine.timer_keeps_callback,
        "watchdog_max_ms": machine.watchdog_max_ms,
        "pin_irq_object": machine.pin_irq_object,
        "random_is_seeded": runtime.modules.random_is_seeded,
        "idle_sleeps": system.idle_sleeps,
        "native": system.native_code,
        "f_strings": system.f_strings,
        "stdio_buffer": system.stdio_buffer,
        "soft_reset": system.soft_reset_cause,
        "unique_id": unique_id,
        "clock_hz": round(clock_hz),
        "adc_full_uv": round((runtime.pins.adc_full_scale_v or supply_v) * 1e6),
        "ble": {
            "gatt_client": ble.gatt_client,
            "pairing": ble.pairing,
            "l2cap": ble.l2cap_channels,
            "mtu": ble.preferred_att_mtu,
            "notifies_stored_value": ble.notifies_stored_value,
            "negative_errors": ble.negative_errors,
            "name_max": ble.name_octets_max,
            "max_services": ble.services_max,
            "event_buffer": ble.event_buffer_octets,
        },
    }


def _names(runtime: Runtime) -> dict[str, list[str]]:
    """Return the names of modules and classes, those without a driver under them left out."""
    drivers = {"ADC": runtime.drivers.adc, "PWM": runtime.drivers.pwm}
    without = [name for name, there in drivers.items() if not there]
    names = dict(runtime.names)
    names["machine"] = [name for name in names["machine"] if name not in without]
    return {key: value for key, value in names.items() if key.rpartition(".")[2] not in without}
