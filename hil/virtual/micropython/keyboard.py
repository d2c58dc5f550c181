"""What is typed at a board's console: kept until the firmware reads it, or an interrupt."""

from __future__ import annotations

import re

__all__ = ["Keyboard"]

_CAPACITY = 64 * 1024
_LINE_ENDS = re.compile(rb"[\x00-\x1f]")


class Keyboard:
    """Bytes that have arrived and are not read yet.

    Attributes
    ----------
    interrupt_char : int
        The byte that is no data but interrupts (``micropython.kbd_intr``); -1: none does.
    interrupts : bool
        Whether it has come and the firmware has not been told.
    """

    def __init__(self) -> None:
        self._unread = bytearray()
        self.reset()

    def reset(self) -> None:
        """Start anew with the interpreter; what is unread stays."""
        self.interrupt_char = -1
        self.interrupts = False

    def clear(self) -> None:
        """Forget what is unread."""
        self._unread.clear()

    @property
    def unread(self) -> int:
        """Number of bytes to read."""
        return len(self._unread)

    @property
    def room(self) -> int:
        """Number of bytes `take` has room for."""
        return _CAPACITY - len(self._unread)

    def take(self, data: bytes) -> int:
        """Take bytes; return how many of them there was room for."""
        taken = 0
        while taken < len(data):
            at = data.find(self.interrupt_char, taken) if self.interrupt_char >= 0 else -1
            end = len(data) if at < 0 else at
            part = data[taken : min(end, taken + self.room)]
            self._unread += part
            taken += len(part)
            if taken < end:
                break
            if at >= 0:
                self.interrupts = True
                taken += 1
        return taken

    def read(self, size: int, *, line: bool) -> bytes:
        """Return up to `size` bytes and forget them; with `line`, up to a control character."""
        end = min(size, len(self._unread))
        if line:
            found = _LINE_ENDS.search(self._unread, 0, end)
            end = end if found is None else found.end()
        data = bytes(self._unread[:end])
        del self._unread[:end]
        return data
