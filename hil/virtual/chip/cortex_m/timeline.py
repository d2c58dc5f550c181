"""The chip's own time while a debugger works on it."""

from __future__ import annotations

__all__ = ["Timeline"]

# One SWD transaction: 8 request bits, turnaround, 3 acknowledge bits, turnaround, 33 data bits
# (Arm IHI 0031, B4.2).
TRANSACTION_BITS = 46


class Timeline:
    """Model time of the debugger and of the core it lets run, in integer nanoseconds.

    The core executes when the debugger looks at it, all at once, so it has a time of its own: the
    debugger loads the next page buffer while the core still programs the last one, and only
    waits for the core where it sees it stopped.

    Attributes
    ----------
    now_ns : int
        The debugger's time since the chip was opened.
    wire_hz : int
        SWD clock.
    core_executing : bool
        Whether what is charged is the core's doing.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.wire_hz = 1_000_000
        self._core_ns = 0
        self.core_executing = False

    def wire(self, transactions: int) -> None:
        """Charge SWD transactions."""
        self.wire_bits(TRANSACTION_BITS * transactions)

    def wire_bits(self, bits: int) -> None:
        """Charge cycles of the SWD clock."""
        self.now_ns += bits * 1_000_000_000 // self.wire_hz

    def charge(self, duration_ns: int) -> None:
        """Charge an operation to whoever is doing it: the core if it executes, or the debugger."""
        if self.core_executing:
            self._core_ns += duration_ns
        else:
            self.now_ns += duration_ns

    def core_resumed(self) -> None:
        """Let the core go: its time starts at the debugger's."""
        self._core_ns = self.now_ns

    def core_stopped(self) -> None:
        """Let the debugger wait until the core stopped."""
        self.now_ns = max(self.now_ns, self._core_ns)
