"""What the interpreter asks of the hardware around it, and the forms an answer may have."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from eegrig.hil.virtual.micropython.rpc import Request

__all__ = ["Answer", "Later", "Peripherals", "Prefetched"]


class Prefetched(NamedTuple):
    """Conversions to come.

    Attributes
    ----------
    next_ns : int or None
        When the next one is complete; None if there is none.
    slot : int
        Of the interrupt that each raises.
    times_ns, frames : sequence
        Times and data of those that are known already and that do nothing but raise it.
    """

    next_ns: int | None
    slot: int = 0
    times_ns: Sequence[int] = ()
    frames: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes time: the process goes on `delay_ns` later."""

    answer: int | bytes
    delay_ns: int


Answer = int | bytes | Later | Coroutine[Any, Any, int | bytes] | None
"""A value; data; one of them after a time; a coroutine that ends in one of them; or None to hold
the process until `Interpreter.release` (`Op.BLE_NOTIFY` only)."""


class Peripherals(Protocol):
    """What answers the requests that concern the board's hardware."""

    def request(self, request: Request) -> Answer:
        """Answer a request."""
        ...

    def read_ahead(self) -> bytes:
        """Return what the SPI device would send if it were read now; empty if that is not sure."""
        ...

    def prefetched(self, until_ns: int) -> Prefetched:
        """Return what the front end will do before a time, if nothing else happens."""
        ...

    def skip(self, reads_ns: Sequence[int]) -> None:
        """Let the next conversions of `prefetched` happen without an interrupt: they are handled.

        Parameters
        ----------
        reads_ns : sequence of int
            When each was read, 0 if it was not.
        """
        ...

    def was_read(self, end_ns: int) -> None:
        """Take note that what `read_ahead` returned was read, until `end_ns`."""
        ...

    @property
    def heap_bytes(self) -> int:
        """What of MicroPython's heap the port's own code holds for the hardware, beside objects."""
        ...

    def cpu_active(self, start_ns: int, stop_ns: int) -> None:
        """Take note that the CPU was running."""
        ...

    def cpu_stopped(self, *, stopped: bool) -> None:
        """Take note that all clocks stand still (``machine.lightsleep``), or run again."""
        ...
