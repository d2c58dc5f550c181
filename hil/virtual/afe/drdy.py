"""Conversions in time: when each is complete, its frame, and the DRDY pin.

Section numbers are those of TI SBAS499C.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from eegrig.hil.virtual.afe.converter import Converter
from eegrig.hil.virtual.afe.registers import Registers
from eegrig.hil.virtual.afe.source import MIN_OVERSAMPLING, VirtualSignalSource
from eegrig.hil.virtual.afe.timing import ChipClock
from eegrig.hil.virtual.clock import Cancellable, Clock

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
    on_drdy : callable or None
        Called with the new level at every edge of DRDY.
    seed_at_start : int or None
        With a seed, signal and noise begin anew whenever conversions start: two boards that start
        at different times convert the same.
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
        self.seed_at_start: int | None = None
        self._frame_bytes = registers.map.frame_bytes
        self._empty = bytes([0xC0]) + bytes(self._frame_bytes - 1)
        self._frame = self._empty
        self._position = 0
        self._drdy = 1
        self._reads: deque[int] = deque()  # of the conversions that happen without a call
        self._timer: Cancellable | None = None
        self._first_ns = self._period_ns = 0.0
        self._number = -1
        self._last = False
        self._frames: list[bytes] = []
        self._dues_ns: list[int] = []
        self._block_first = self._block_stop = 0

    @property
    def frame(self) -> bytes:
        """Data of the latest conversion, kept until the next one."""
        self._catch_up()
        return self._frame

    @property
    def position(self) -> int:
        """Bytes of `frame` shifted out; 0 again with new data."""
        self._catch_up()
        return self._position

    @position.setter
    def position(self, position: int) -> None:
        self._catch_up()
        self._position = position

    @property
    def drdy(self) -> int:
        """Level of the DRDY pin."""
        self._catch_up()
        return self._drdy

    @property
    def running(self) -> bool:
        """Whether a conversion is in progress."""
        return self._timer is not None

    @property
    def next_ns(self) -> int | None:
        """Time at which the conversion in progress is complete, None if there is none."""
        if self._timer is None:
            return None
        self._catch_up()
        return self._due_ns(self._number + 1)

    def edge_within(self, time_ns: float, distance_ns: float) -> bool:
        """Tell whether DRDY falls, or fell, less than so long after or before a time."""
        next_ns = self.next_ns
        if next_ns is None:
            return False
        last_ns = self._due_ns(self._number) if self._number >= 0 else None
        return next_ns - time_ns < distance_ns or (
            last_ns is not None and time_ns - last_ns < distance_ns
        )

    @property
    def _single_shot(self) -> bool:
        return self._registers.is_set(self._registers.map.single_shot)

    def begin(self, start_ns: int) -> None:
        """Reset the filter at a time; the first conversion is complete tSETTLE later (9.4.4)."""
        self._stop()
        rate_sps = self._registers.rate_sps
        self._source.want_rate(OVERSAMPLING * rate_sps, MIN_OVERSAMPLING * rate_sps)
        if self.seed_at_start is not None:
            self._source.begin_anew(start_ns)
            self._converter.begin_anew(start_ns, self.seed_at_start)
        self._first_ns = start_ns + self._chip_clock.settle_ns(rate_sps)
        self._period_ns = self._chip_clock.period_ns(rate_sps)
        self._number = -1
        self._last = False
        self.make_stale()
        self.raise_drdy()
        self._schedule()

    def skip(self, reads_ns: Sequence[int]) -> None:
        """Let the next conversions happen without a call of `on_drdy`: their reader knows them.

        Parameters
        ----------
        reads_ns : sequence of int
            When each was read, 0 if it was not.
        """
        self._catch_up()
        self._reads.extend(reads_ns)
        if self._timer is not None:
            self._timer.cancel()
        self._schedule()

    def keep_on(self) -> None:
        """Take back `finish`."""
        self._last = False

    def finish(self) -> None:
        """Complete the conversion in progress and begin no other (9.5.3.3)."""
        self._forget_skipped()
        self._last = True

    def halt(self) -> None:
        """Stop at once."""
        self._stop()
        self.raise_drdy()

    def forget(self) -> None:
        """Empty the output register, as a reset does."""
        self._frame, self._position = self._empty, 0

    def make_stale(self) -> None:
        """Recompute conversions that are not complete: what they depend on changed."""
        self._catch_up()
        self._block_first = self._block_stop = 0
        self._frames, self._dues_ns = [], []

    def peek(self) -> bytes:
        """Return the data of the conversion in progress."""
        self._catch_up()
        return self._frame_of(self._number + 1)

    def prefetched(self, until_ns: int, most: int) -> tuple[list[int], list[bytes]]:
        """Return times and data of the next conversions before a time, as far as computed."""
        if self._timer is None or self._last or self._single_shot:
            return [], []
        self._catch_up()
        first = self._number + 1 + len(self._reads) - self._block_first
        if first < 0:
            return [], []
        dues_ns = self._dues_ns[first : first + most]
        if dues_ns and dues_ns[-1] >= until_ns:
            del dues_ns[bisect_left(dues_ns, until_ns) :]
        return dues_ns, self._frames[first : first + len(dues_ns)]

    def raise_drdy(self) -> None:
        """Let DRDY go high if it is not."""
        if not self.drdy:
            self._set_drdy(1)

    def _stop(self) -> None:
        self._catch_up()
        self._reads.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget_skipped(self) -> None:
        """Call for every conversion again."""
        self._catch_up()
        if self._reads and self._timer is not None:
            self._reads.clear()
            self._timer.cancel()
            self._schedule()

    def _due_ns(self, number: int) -> int:
        if self._block_first <= number < self._block_stop:
            return self._dues_ns[number - self._block_first]
        return round(self._first_ns + number * self._period_ns)

    def _schedule(self) -> None:
        due_ns = self._due_ns(self._number + 1 + len(self._reads))
        self._timer = self._clock.call_at_ns(due_ns, self._complete)

    def _catch_up(self) -> None:
        """Let the conversions happen that are complete by now and were not called for."""
        reads = self._reads
        if not reads:
            return
        now_ns, number, read_ns = self._clock.now_ns(), self._number, 0
        while reads and self._due_ns(number + 1) <= now_ns:
            number += 1
            read_ns = reads.popleft()
        if number > self._number:
            self._number = number
            self._frame = self._frame_of(number)
            self._position = self._frame_bytes if read_ns else 0
            self._drdy = 1 if read_ns else 0

    def _complete(self) -> None:
        """Hand over a conversion: new data, and DRDY falls."""
        self._catch_up()
        self._number += 1
        self._frame = self._frame_of(self._number)
        self._position = 0
        if self._last or self._single_shot:
            self._timer = None
        else:
            self._schedule()
        self.raise_drdy()  # unread data: DRDY was high for the last 4 tCLK (9.5.1.4)
        self._set_drdy(0)

    def _set_drdy(self, level: int) -> None:
        self._drdy = level
        if self.on_drdy is not None:
            self.on_drdy(level)

    def _frame_of(self, number: int) -> bytes:
        if not self._block_first <= number < self._block_stop:
            self._compute(number)
        return self._frames[number - self._block_first]

    def _compute(self, first: int) -> None:
        n_frames = min(_BLOCK_MAX, max(1, round(_BLOCK_S * 1e9 / self._period_ns)))
        if self._single_shot:
            n_frames = 1
        numbers = np.arange(first, first + n_frames, dtype=np.float64)
        drdy_ns = self._first_ns + numbers * self._period_ns
        data, size = self._converter.frames(drdy_ns, self._registers), self._frame_bytes
        self._frames = [data[at : at + size] for at in range(0, len(data), size)]
        self._dues_ns = np.rint(drdy_ns).astype(np.int64).tolist()
        self._block_first, self._block_stop = first, first + n_frames
