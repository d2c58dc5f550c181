"""The debug port: SW-DP, and the memory access port behind it (ADIv5, Arm IHI 0031).

Nothing here knows which chip it is in.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Mapping, Sequence

from eegrig.hil.virtual.chip.bus import Bus
from eegrig.hil.virtual.chip.cortex_m.timeline import Timeline
from eegrig.hil.virtual.chip.faults import Faults
from eegrig.hil.virtual.chip.signals import Ack, BusFault, PowerLost, WireError

__all__ = ["AccessPort", "Dap", "MemoryAccessPort"]

# DP registers, by address.
DPIDR, CTRL_STAT, SELECT, RDBUFF = 0x0, 0x4, 0x8, 0xC
ABORT_STKERRCLR = 1 << 2
STICKYERR = 1 << 5
POWER_REQUESTS = 0x5000_0000  # CSYSPWRUPREQ and CDBGPWRUPREQ; their acknowledges are one bit up
CTRL_KEPT = 0x5000_0F01

# Registers of a memory access port.
CSW, TAR, DRW, BANKED, CFG, BASE, IDR = 0x00, 0x04, 0x0C, 0x10, 0xF4, 0xF8, 0xFC
CSW_DEVICE_ENABLED = 1 << 6
CSW_WRITABLE = 0x2F00_0030
CSW_RESET = 0x2300_0002
CSW_INCREMENT = 0x30


class AccessPort:
    """An access port with no registers but its identity; the others are derived from it."""

    idr = 0

    def read(self, register: int) -> int:
        """Read a register; may raise BusFault."""
        return self.idr if register == IDR else 0

    def write(self, register: int, value: int) -> None:
        """Write a register; may raise BusFault."""

    def read_many(self, register: int, count: int) -> list[int]:
        """Read one register several times."""
        return [self.read(register) for _ in range(count)]

    def write_many(self, register: int, values: Sequence[int]) -> None:
        """Write one register several times."""
        for value in values:
            self.write(register, value)

    def power_on(self) -> None:
        """Set the registers as they are after power-on."""


class MemoryAccessPort(AccessPort):
    """An AHB access port.

    Parameters
    ----------
    bus : Bus
        What it gives access to.
    rom_table : int
        Address of the ROM table.
    enabled : callable
        Whether the chip lets a debugger on the bus.
    """

    idr = 0x2477_0011

    def __init__(self, bus: Bus, rom_table: int, enabled: Callable[[], bool]) -> None:
        self._bus = bus
        self._rom_table = rom_table
        self._enabled = enabled
        self.power_on()

    def power_on(self) -> None:
        """Set the registers as they are after power-on."""
        self._csw = CSW_RESET
        self._tar = 0

    def read(self, register: int) -> int:
        """Read a register.

        Raises
        ------
        BusFault
            If the bus is closed or the access fails.
        """
        if register == CSW:
            return self._csw | (CSW_DEVICE_ENABLED if self._enabled() else 0)
        if register == TAR:
            return self._tar
        if register == DRW:
            return self._read_data()
        if register & 0xF0 == BANKED:
            self._check()
            return self._bus.read((self._tar & ~0xF) + (register & 0xC), 4)
        return {CFG: 0, BASE: self._rom_table | 3, IDR: self.idr}.get(register, 0)

    def write(self, register: int, value: int) -> None:
        """Write a register.

        Raises
        ------
        BusFault
            If the bus is closed or the access fails.
        """
        if register == CSW:
            size = value & 7
            self._csw = value & CSW_WRITABLE | (size if size < 3 else 2)
        elif register == TAR:
            self._tar = value
        elif register == DRW:
            self._write_data(value)
        elif register & 0xF0 == BANKED:
            self._check()
            self._bus.write((self._tar & ~0xF) + (register & 0xC), 4, value)

    def read_many(self, register: int, count: int) -> list[int]:
        """Read one register several times: a block of memory, if it is DRW."""
        if not self._is_block(register, count):
            return super().read_many(register, count)
        self._check()
        data = self._bus.read_block(self._tar, 4 * count)
        self._advance(4 * count)
        return list(memoryview(data).cast("I"))

    def write_many(self, register: int, values: Sequence[int]) -> None:
        """Write one register several times: a block of memory, if it is DRW."""
        if not self._is_block(register, len(values)):
            super().write_many(register, values)
            return
        self._check()
        self._bus.write_block(self._tar, array.array("I", values).tobytes())
        self._advance(4 * len(values))

    def _is_block(self, register: int, count: int) -> bool:
        words = self._csw & 0x37 == 0x12  # word size, single increment
        return register == DRW and words and (self._tar & 0xFFF) + 4 * count <= 0x1000

    def _check(self) -> None:
        if not self._enabled():
            raise BusFault("the chip lets no debugger on its bus")

    def _read_data(self) -> int:
        self._check()
        size = 1 << (self._csw & 7)
        value = self._bus.read(self._tar, size) << (8 * (self._tar & 3))
        self._advance(size)
        return value

    def _write_data(self, value: int) -> None:
        self._check()
        size = 1 << (self._csw & 7)
        lane = (value >> (8 * (self._tar & 3))) & ((1 << (8 * size)) - 1)
        self._bus.write(self._tar, size, lane)
        self._advance(size)

    def _advance(self, size: int) -> None:
        if self._csw & CSW_INCREMENT:  # wraps within 4 KiB
            self._tar = self._tar & ~0xFFF | (self._tar + size) & 0xFFF


class Dap:
    """An SW-DP with its access ports: transactions in, acknowledgements and data out.

    Parameters
    ----------
    dpidr : int
        Identity of the debug port.
    ports : mapping of int to AccessPort
        Access ports by number.
    timeline : Timeline
        Where transactions are charged.
    faults : Faults
        What may go wrong on the wire.

    Attributes
    ----------
    transactions : int
        Number of transactions since the chip was opened.
    was_connected : bool
        Whether the debug domain was powered up since power came on.
    """

    def __init__(
        self, dpidr: int, ports: Mapping[int, AccessPort], timeline: Timeline, faults: Faults
    ) -> None:
        self.transactions = 0
        self.timeline = timeline
        self._dpidr = dpidr
        self._ports = ports
        self._absent = AccessPort()
        self._faults = faults
        self.power_on()

    def power_on(self) -> None:
        """Set all registers as they are after power-on."""
        self._select = self._control = 0
        self._sticky = False
        self.was_connected = False
        for port in self._ports.values():
            port.power_on()

    def read_dp(self, address: int) -> int:
        """Read a register of the debug port.

        Raises
        ------
        WireError
            If the transaction is not acknowledged.
        """
        self._transact(1)
        if address == DPIDR:
            return self._dpidr
        if address == CTRL_STAT and not self._select & 0xF:
            acknowledged = (self._control & POWER_REQUESTS) << 1
            return self._control & CTRL_KEPT | acknowledged | STICKYERR * self._sticky
        return 0

    def write_dp(self, address: int, value: int) -> None:
        """Write a register of the debug port.

        Raises
        ------
        WireError
            If the transaction is not acknowledged.
        """
        self._transact(1)
        if address == DPIDR:  # writes go to ABORT
            self._sticky = self._sticky and not value & ABORT_STKERRCLR
        elif address == CTRL_STAT and not self._select & 0xF:
            self._control = value
            self.was_connected = self.was_connected or value & POWER_REQUESTS != 0
        elif address == SELECT:
            self._select = value

    def read_ap(self, address: int, count: int = 1) -> list[int]:
        """Read a register of the selected access port `count` times.

        Raises
        ------
        WireError
            If a transaction is not acknowledged.
        """
        if self._faults.wire_armed and count > 1:
            return [self.read_ap(address)[0] for _ in range(count)]
        port, register = self._access(address, count)
        try:
            return port.read_many(register, count)
        except (BusFault, PowerLost) as error:
            raise self._refuse(error) from error

    def write_ap(self, address: int, values: Sequence[int]) -> None:
        """Write a register of the selected access port, once for each value.

        Raises
        ------
        WireError
            If a transaction is not acknowledged.
        """
        if self._faults.wire_armed and len(values) > 1:
            for value in values:
                self.write_ap(address, [value])
            return
        port, register = self._access(address, len(values))
        # The wire has 32 bits; pyOCD hands over more in the commands of its CRC analyzer.
        values = [value & 0xFFFF_FFFF for value in values]
        try:
            port.write_many(register, values)
        except (BusFault, PowerLost) as error:
            raise self._refuse(error) from error

    def _transact(self, count: int) -> None:
        self.transactions += count
        self.timeline.wire(count)
        if self._faults.wire_armed:
            try:
                self._faults.check_wire()
            except WireError as error:
                self._sticky = self._sticky or error.ack is Ack.FAULT
                raise

    def _access(self, address: int, count: int) -> tuple[AccessPort, int]:
        self._transact(count)
        if self._control & POWER_REQUESTS != POWER_REQUESTS:
            self._sticky = True
            raise WireError(Ack.FAULT, "the debug domain is not powered")
        if self._sticky:
            raise WireError(Ack.FAULT, "an earlier error was not cleared")
        port = self._ports.get(self._select >> 24, self._absent)
        return port, self._select & 0xF0 | address & 0xC

    def _refuse(self, error: Exception) -> WireError:
        if isinstance(error, PowerLost):
            return WireError(Ack.NONE, "the board has no power")
        self._sticky = True
        return WireError(Ack.FAULT, str(error))
