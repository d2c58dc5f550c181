"""The buffers between a board's Bluetooth host and its controller.

A host cuts L2CAP frames into packets that the controller takes, and keeps as few of them under way
as the controller has room for, until the controller reports them completed (Core Specification,
Volume 4, Part E, 4.1.1 and 7.7.19, which leaves open whether that is when a packet was sent or when
the other end has acknowledged it). How many, how long, and what a host does with a frame it has no
room for is the MicroPython port's and its build's: ``boards/ports``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from eegrig.hil.virtual.air.link_end import End
from eegrig.hil.virtual.air.pdu import CONTINUATION, START
from eegrig.hil.virtual.clock import Cancellable, VirtualLoop

__all__ = ["PLENTY", "AclBuffers", "AclQueue"]

_L2CAP_HEADER = 4


@dataclass(frozen=True, slots=True)
class AclBuffers:
    """How much a board's host and controller hold.

    Attributes
    ----------
    packets : int
        Packets under way from host to controller.
    octets : int
        Longest packet, in octets.
    frames : int
        L2CAP frames the host has taken and that are not completed.
    completed : {"acknowledged", "sent"}
        When the controller reports a packet completed: when the other end has it, or when it went
        on air for the first time.
    refill_ns : int
        From then to the controller's having the next packet, in nanoseconds.
    timeout_ns : int or None
        After that long a host with one frame gives it to the controller whether the one before is
        completed or not; None: it waits.
    """

    packets: int = 8
    octets: int = 251
    frames: int = 8
    completed: Literal["acknowledged", "sent"] = "acknowledged"
    refill_ns: int = 0
    timeout_ns: int | None = None


PLENTY = AclBuffers()
"""A host with enough of everything, for what is not about buffers."""


@dataclass(slots=True)
class _Frame:
    end: End
    data: bytes
    on_taken: Callable[[], object] | None
    timer: Cancellable | None = None


@dataclass(slots=True)
class _Packet:
    end: End
    llid: int
    data: bytes
    on_completed: Callable[[], object] | None


class AclQueue:
    """Frames on their way from one board's host to its controller.

    Parameters
    ----------
    loop : VirtualLoop
    buffers : AclBuffers
    on_completed : callable
        Called when the controller reports a packet completed.
    """

    def __init__(
        self, loop: VirtualLoop, buffers: AclBuffers, on_completed: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._buffers = buffers
        self._on_completed = on_completed
        self._waiting: deque[_Frame] = deque()  # frames the host has no room for
        self._packets: deque[_Packet] = deque()  # packets the controller has no room for
        self._frames: Counter[End] = Counter()  # taken and not completed
        self._under_way: Counter[End] = Counter()  # packets that the controller has
        self._unfinished: dict[End, list[_Packet]] = {}  # a frame the host has not cut to its end

    def submit(self, end: End, data: bytes, on_taken: Callable[[], object] | None = None) -> bool:
        """Give the host a frame.

        Parameters
        ----------
        end : End
            Of the connection it is for.
        data : bytes
            With its L2CAP header.
        on_taken : callable or None
            Called when the host takes it, if that is later; never if the connection ends before.

        Returns
        -------
        bool
            Whether the host has taken it; else it waits.
        """
        if not self._waiting and self._has_room():
            self._take(end, data)
            return True
        frame = _Frame(end, data, on_taken)
        if self._buffers.timeout_ns is not None:
            when_ns = self._loop.now_ns() + self._buffers.timeout_ns
            frame.timer = self._loop.call_at_ns(when_ns, self._on_timeout, frame)
        self._waiting.append(frame)
        return False

    def send_packet(
        self, end: End, data: bytes, llid: int, on_completed: Callable[[], object]
    ) -> None:
        """Give the controller a packet that the host has cut already.

        The parts of one frame follow each other on the air: nothing of another frame comes between
        (Core Specification, Volume 3, Part A, "Fragmentation and recombination"). So a frame is
        queued when its last part is here, and the host gets its buffers back before that, or it
        could not send it.
        """
        parts = self._unfinished.setdefault(end, [])
        if llid == START:
            parts.clear()
        parts.append(_Packet(end, llid, data, None))
        if sum(len(part.data) for part in parts) < _frame_octets(parts[0].data):
            on_completed()
            return
        parts[-1].on_completed = on_completed
        self._packets.extend(self._unfinished.pop(end))
        self._fill()

    def hand_over(self, end: End) -> None:
        """Give the controller all there is for a connection that the host is about to end.

        What asks for its end comes after it: a host with one packet under way waits for its turn
        with data, not with commands.
        """
        mine = [packet for packet in self._packets if packet.end is end]
        self._packets = deque(packet for packet in self._packets if packet.end is not end)
        for packet in mine:
            self._give(packet)

    def forget(self, end: End) -> None:
        """Drop what is for a connection that is gone."""
        for frame in self._waiting:
            if frame.end is end and frame.timer is not None:
                frame.timer.cancel()
        self._waiting = deque(frame for frame in self._waiting if frame.end is not end)
        self._packets = deque(packet for packet in self._packets if packet.end is not end)
        self._frames.pop(end, None)
        self._under_way.pop(end, None)
        self._unfinished.pop(end, None)
        self._admit()
        self._fill()

    # ------------------------------------------------------------------ host
    def _has_room(self) -> bool:
        buffers = self._buffers
        if buffers.frames == 1:  # no queue of its own: it gives the controller a frame or waits
            return not self._packets and self._under_way.total() < buffers.packets
        return self._frames.total() < buffers.frames

    def _take(self, end: End, data: bytes) -> None:
        self._frames[end] += 1
        size = self._buffers.octets
        for offset in range(0, len(data), size):
            last = offset + size >= len(data)
            llid = CONTINUATION if offset else START
            on_completed = partial(self._frame_completed, end) if last else None
            self._packets.append(_Packet(end, llid, data[offset : offset + size], on_completed))
        self._fill()

    def _frame_completed(self, end: End) -> None:
        _count_down(self._frames, end)

    def _admit(self) -> None:
        """Take what waits, as far as there is room."""
        while self._waiting and self._has_room():
            self._take_waiting(self._waiting.popleft())

    def _take_waiting(self, frame: _Frame) -> None:
        if frame.timer is not None:
            frame.timer.cancel()
        self._take(frame.end, frame.data)
        if frame.on_taken is not None:
            self._loop.call_soon(frame.on_taken)

    def _on_timeout(self, frame: _Frame) -> None:
        if frame in self._waiting:
            self._waiting.remove(frame)
            # To the host there is one packet under way, whatever the controller has.
            _count_down(self._frames, frame.end)
            _count_down(self._under_way, frame.end)
            self._take_waiting(frame)

    # ------------------------------------------------------------------ controller
    def _fill(self) -> None:
        while self._packets and self._under_way.total() < self._buffers.packets:
            self._give(self._packets.popleft())

    def _give(self, packet: _Packet) -> None:
        end = packet.end
        if end.alive and not end.terminating:
            self._under_way[end] += 1
            done = partial(self._over, packet)
            if self._buffers.completed == "sent":
                end.send_part(packet.data, packet.llid, None, done)
            else:
                end.send_part(packet.data, packet.llid, done)

    def _over(self, packet: _Packet) -> None:
        if self._buffers.refill_ns:
            when_ns = self._loop.now_ns() + self._buffers.refill_ns
            self._loop.call_at_ns(when_ns, self._completed, packet)
        else:
            self._completed(packet)

    def _completed(self, packet: _Packet) -> None:
        """Let the host hear that a packet is completed."""
        if not packet.end.alive:
            return
        _count_down(self._under_way, packet.end)
        self._on_completed()
        if packet.on_completed is not None:
            packet.on_completed()
        self._fill()
        self._admit()


def _frame_octets(start: bytes) -> int:
    """Return how long an L2CAP frame is, by its first part; the header is never cut in two."""
    return int.from_bytes(start[:2], "little") + _L2CAP_HEADER


def _count_down(counter: Counter[End], end: End) -> None:
    if counter[end] > 1:
        counter[end] -= 1
    else:
        del counter[end]
