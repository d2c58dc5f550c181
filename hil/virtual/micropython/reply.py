"""What a board's process is to be told, and the replies that tell it.

A reply says more than was asked: which interrupts came, an event for the BLE handler, until when
nothing will happen to the board, and the conversions that are sure to come before that.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence

from eegrig.hil.virtual.clock import OwnedClock
from eegrig.hil.virtual.micropython import rpc
from eegrig.hil.virtual.micropython.peripherals import Peripherals, Prefetched
from eegrig.hil.virtual.micropython.rpc import FRAME_SIZE, HEADER_SIZE

__all__ = ["LONGEST_RUN_NS", "Replies"]

_ENOMEM = 12
# A busy program hears of console input after that long: the simulator learns of it between events.
LONGEST_RUN_NS = 10_000_000


class Replies:
    """What one process is told.

    Parameters
    ----------
    clock : OwnedClock
        Knows when something happens to the board.

    Attributes
    ----------
    irqs : bytearray
        Slots of the interrupts that it has not been told of.
    events : deque of bytes
        Events that it has not been told of.
    host_works : bool
        Whether the Bluetooth host has to take note of completed packets.
    told_ns : sequence of int
        When the conversions come that it was told of in advance.
    """

    def __init__(self, clock: OwnedClock) -> None:
        self._clock = clock
        self._frame = bytearray(FRAME_SIZE)
        self.clear()

    def clear(self) -> None:
        """Forget what waits: there is another process."""
        self.irqs = bytearray()
        self.events: deque[bytes] = deque()
        self.host_works = False
        self.told_ns: Sequence[int] = ()

    def reply(
        self,
        answer: int | bytes,
        now_ns: int,
        peripherals: Peripherals | None,
        *,
        notifies: bool,
        keyboard_interrupt: bool,
    ) -> bytearray:
        """Return the frame that answers a request, and take what it tells off what waits.

        Parameters
        ----------
        answer : int or bytes
        now_ns : int
        peripherals : Peripherals or None
            Which know what a read would give now, and what is prefetched.
        notifies : bool
            Whether the request was a notification: completed packets are told with those.
        keyboard_interrupt : bool
            Whether the interrupt character has come.
        """
        frame = self._frame
        data = b""
        value = 0
        if isinstance(answer, bytes) and len(answer) > rpc.MAX_DATA:
            value = -_ENOMEM
        elif isinstance(answer, bytes):
            data = answer
            frame[HEADER_SIZE : HEADER_SIZE + len(data)] = data
        else:
            value = answer
        irqs = self.irqs
        n_irqs = min(len(irqs), rpc.MAX_IRQS)
        if n_irqs:
            frame[rpc.IRQ_AT : rpc.IRQ_AT + n_irqs] = irqs[:n_irqs]
            del irqs[:n_irqs]
        n_works = 1 if self.host_works and notifies and n_irqs < rpc.MAX_IRQS else 0
        if n_works:
            frame[rpc.IRQ_AT + n_irqs] = rpc.HOST_WORK
            self.host_works = False
        ahead = b""
        if n_irqs and not data and peripherals is not None:
            ahead = peripherals.read_ahead()
            frame[HEADER_SIZE : HEADER_SIZE + len(ahead)] = ahead
        event = b""
        if self.events:
            event = self.events.popleft()
            frame[rpc.EVENT_AT : rpc.EVENT_AT + len(event)] = event
        horizon_ns, n_prefetched = now_ns, 0
        if not (self.events or irqs):
            horizon_ns = self._clock.next_event_ns()
            if peripherals is not None:
                prefetched = peripherals.prefetched(horizon_ns)
                if prefetched.frames and not event:
                    n_prefetched = self._tell(prefetched, horizon_ns)
                if prefetched.next_ns is not None and prefetched.next_ns < horizon_ns:
                    horizon_ns = prefetched.next_ns
        rpc.REPLY.pack_into(
            frame,
            0,
            now_ns,
            min(horizon_ns, now_ns + LONGEST_RUN_NS),
            value,
            n_irqs + n_works,
            len(data),
            len(event) or -n_prefetched,
            len(ahead),
            rpc.KEYBOARD_INTERRUPT if keyboard_interrupt else 0,
        )
        return frame

    def _tell(self, prefetched: Prefetched, until_ns: int) -> int:
        """Put conversions to come into the reply, so that waiting for them needs no exchange."""
        times_ns, data = prefetched.times_ns, prefetched.frames
        n = len(data)
        self.told_ns = times_ns
        rpc.PREFETCHED.pack_into(self._frame, rpc.EVENT_AT, until_ns, prefetched.slot, len(data[0]))
        times_at = rpc.EVENT_AT + rpc.PREFETCHED.size
        struct.pack_into(f"<{n}q", self._frame, times_at, *times_ns)
        joined = b"".join(data)
        self._frame[rpc.FRAMES_AT : rpc.FRAMES_AT + len(joined)] = joined
        return n
