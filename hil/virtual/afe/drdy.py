"""Conversions in time: when each is complete, its frame, and the DRDY pin.

Section numbers are those of TI SBAS499C.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hil.virtual.afe.converter import Converter
from hil.virtual.afe.registers import Registers
from hil.virtual.afe.source import MIN_OVERSAMPLING, VirtualSignalSource
from hil.virtual.afe.timing import ChipClock
from hil.virtual.clock import Cancellable, Clock

__all__ = ["Conversions"]

OVERSAMPLING = 8.0
"""Source samples per conversion asked for."""
_BLOCK_S = 1.0
"""Conversions are computed for this long ahead at once, in seconds."""
_BLOCK_MAX = 1000


class Conversions:
    """The converter's sequencer and its output register.

    Parameters
    ----------
    clock : Clock
    chip_clock : ChipClock
    converter : Converter
    source : VirtualSignalSource
    registers : Registers

    Attributes
    ----------
    frame : bytes
        Data of the latest conversion, kept until the next one.
    position : int
        Bytes of `frame` shifted out; 0 again with new data.
    on_drdy : callable or None
        Called with the new level at every edge of DRDY.
    """

    def __init__(
        self,
        clock: Clock,
        chip_clock: ChipClock,
        converter: Converter,
        source: VirtualSignalSource,
        registers: Registers,
    ) -> None:
        self._clock = clock
        self._chip_clock = chip_clock
        self._converter = converter
        self._source = source
        self._registers = registers
        self.on_drdy: Callable[[int], None] | None = None
        self._frame_bytes = registers.map.frame_bytes
        self._empty = bytes([0xC0]) + bytes(self._frame_bytes - 1)
        self.frame = self._empty
        self.position = 0
        self.drdy = 1
        self._timer: Cancellable | None = None
        self._next_ns = 0
        self._first_ns = self._period_ns = 0.0
        self._number = -1
        self._last = False
        self._block = b""
        self._block_first = self._block_stop = 0

    @property
    def running(self) -> bool:
        """Whether a conversion is in progress."""
        return self._timer is not None

    @property
    def next_ns(self) -> int | None:
        """Time at which the conversion in progress is complete, None if there is none."""
        return self._next_ns if self._timer is not None else None

    @property
    def _single_shot(self) -> bool:
        return self._registers.is_set(self._registers.map.single_shot)

    def begin(self, start_ns: int) -> None:
        """Reset the filter at a time; the first conversion is complete tSETTLE later (9.4.4)."""
        self._cancel()
        rate_sps = self._registers.rate_sps
        self._source.want_rate(OVERSAMPLING * rate_sps, MIN_OVERSAMPLING * rate_sps)
        self._first_ns = start_ns + self._chip_clock.settle_ns(rate_sps)
        self._period_ns = self._chip_clock.period_ns(rate_sps)
        self._number = -1
        self._last = False
        self.make_stale()
        self.raise_drdy()
        self._schedule()

    def keep_on(self) -> None:
        """Take back `finish`."""
        self._last = False

    def finish(self) -> None:
        """Complete the conversion in progress and begin no other (9.5.3.3)."""
        self._last = True

    def halt(self) -> None:
        """Stop at once."""
        self._cancel()
        self.raise_drdy()

    def forget(self) -> None:
        """Empty the output register, as a reset does."""
        self.frame, self.position = self._empty, 0

    def make_stale(self) -> None:
        """Recompute conversions that are not complete: what they depend on changed."""
        self._block_first = self._block_stop = 0

    def peek(self) -> bytes:
        """Return the data of the conversion in progress."""
        return self._frame_of(self._number + 1)

    def coming(self, until_ns: int, most: int) -> list[tuple[int, bytes]]:
        """Return times and data of the next conversions before a time, as far as computed."""
        found: list[tuple[int, bytes]] = []
        if self._timer is None or self._last or self._single_shot:
            return found
        first = self._number + 1
        for number in range(first, min(first + most, self._block_stop)):
            when_ns = round(self._first_ns + number * self._period_ns)
            if when_ns >= until_ns or number < self._block_first:
                break
            found.append((when_ns, self._frame_of(number)))
        return found

    def raise_drdy(self) -> None:
        """Let DRDY go high if it is not."""
        if not self.drdy:
            self._set_drdy(1)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._next_ns = round(self._first_ns + (self._number + 1) * self._period_ns)
        self._timer = self._clock.call_at_ns(self._next_ns, self._complete)

    def _complete(self) -> None:
        """Hand over a conversion: new data, and DRDY falls."""
        self._number += 1
        self.frame = self._frame_of(self._number)
        self.position = 0
        if self._last or self._single_shot:
            self._timer = None
        else:
            self._schedule()
        self.raise_drdy()  # unread data: DRDY was high for the last 4 tCLK (9.5.1.4)
        self._set_drdy(0)

    def _set_drdy(self, level: int) -> None:
        self.drdy = level
        if self.on_drdy is not None:
            self.on_drdy(level)

    def _frame_of(self, number: int) -> bytes:
        if not self._block_first <= number < self._block_stop:
            self._compute(number)
        begin = (number - self._block_first) * self._frame_bytes
        return self._block[begin : begin + self._frame_bytes]

    def _compute(self, first: int) -> None:
        n_frames = min(_BLOCK_MAX, max(1, round(_BLOCK_S * 1e9 / self._period_ns)))
        if self._single_shot:
            n_frames = 1
        numbers = np.arange(first, first + n_frames, dtype=np.float64)
        drdy_ns = self._first_ns + numbers * self._period_ns
        self._block = self._converter.frames(drdy_ns, self._registers)
        self._block_first, self._block_stop = first, first + n_frames
