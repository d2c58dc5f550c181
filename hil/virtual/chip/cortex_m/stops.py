"""Why a core stopped, and what makes it stop."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Fault", "FaultKind", "Stop", "Watchpoint"]


class Stop(Enum):
    """Why the core stopped executing."""

    SLICE = auto()
    """The slice is over; the core goes on when asked."""
    BREAKPOINT = auto()
    WATCHPOINT = auto()
    FAULT = auto()
    """A fault, told in `Core.fault`; from `Processor`: a lock-up."""
    RESET = auto()
    """The program asked for a system reset."""
    SLEEP = auto()
    """WFI or WFE."""
    SUPERVISOR_CALL = auto()
    EXCEPTION_RETURN = auto()
    """A jump to EXC_RETURN, which is in the program counter."""
    ATTENTION = auto()
    """An interrupt is due, or the alarm's time has come."""
    CATCH = auto()
    """An exception was entered that the debugger catches."""


class FaultKind(Enum):
    """What went wrong with an instruction."""

    UNDEFINED = auto()
    STATE = auto()
    """No Thumb code."""
    FETCH = auto()
    ACCESS = auto()
    """A load or store."""


@dataclass(frozen=True)
class Fault:
    """A fault of an instruction.

    Attributes
    ----------
    kind : FaultKind
        What went wrong.
    address : int
        Address of the access that failed.
    reason : str
        For people.
    """

    kind: FaultKind
    address: int
    reason: str


@dataclass(frozen=True)
class Watchpoint:
    """A data access to stop behind.

    Attributes
    ----------
    number : int
        Comparator.
    start, size : int
        Watched bytes.
    reads, writes : bool
        Which accesses match.
    """

    number: int
    start: int
    size: int
    reads: bool
    writes: bool
