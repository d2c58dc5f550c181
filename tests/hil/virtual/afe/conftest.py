"""A chip on a bench of its own: a fake clock, a source, and the SPI traffic of a driver."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eegrig.boards import load_board, load_part
from eegrig.hil.virtual.afe.ads129x import Ads129x
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.afe.source import VirtualSignalSource
from tests.hil.virtual.afe.played import Uneventful

CHANNELS = tuple(load_board("headband8").afe.channels)
LSB_V = 4.5 / 24 / 2**23


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Virtual time without an event loop."""

    def __init__(self) -> None:
        self.time_ns = 0
        self._queue: list[tuple[int, int, Handle, Callable[..., object], tuple[Any, ...]]] = []
        self._order = 0

    def now_ns(self) -> int:
        return self.time_ns

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: Any) -> Handle:
        handle = Handle()
        self._order += 1
        entry = (max(when_ns, self.time_ns), self._order, handle, callback, args)
        heapq.heappush(self._queue, entry)
        return handle

    def run_until(self, time_ns: float) -> None:
        while self._queue and self._queue[0][0] <= time_ns:
            when_ns, _, handle, callback, args = heapq.heappop(self._queue)
            self.time_ns = when_ns
            if not handle.cancelled:
                callback(*args)
        self.time_ns = round(time_ns)

    def advance(self, seconds: float) -> None:
        self.run_until(self.time_ns + round(seconds * 1e9))


class Function(Uneventful):
    """A source whose channels all carry one function of time, or one each."""

    def __init__(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        rate_hz: float,
        channels: tuple[str, ...] = CHANNELS,
    ) -> None:
        self.channels = channels
        self.rate_hz = rate_hz
        self._function = function
        self._next = 0

    def read(self, n_times: int) -> np.ndarray:
        seconds = (self._next + np.arange(n_times)) / self.rate_hz
        self._next += n_times
        return np.broadcast_to(self._function(seconds), (len(self.channels), n_times)).copy()


class Rig:
    """The chip, its clock and its source, with what a driver does to them."""

    part = "ads1299"
    channels = CHANNELS
    frame_bytes = 27
    sck_hz = 4e6

    def __init__(self, *, powered_s: float = 0.2, seed: int = 1, **options: Any) -> None:
        self.clock = FakeClock()
        self.source = VirtualSignalSource(self.clock, self.channels, 2000.0)
        self.states: list[tuple[int, AfeState]] = []
        options.setdefault("oscillator_error", 0.0)
        self.afe = Ads129x(
            load_part(self.part),
            clock=self.clock,
            rng=np.random.default_rng(seed),
            source=self.source,
            on_state=lambda time_ns, state: self.states.append((time_ns, state)),
            **options,
        )
        self.edges: list[tuple[int, int]] = []
        self.frames: list[tuple[int, bytes]] = []
        self.reading = False
        self.afe.on_drdy = self._drdy
        self.clock.advance(powered_s)

    def _drdy(self, level: int) -> None:
        self.edges.append((self.clock.time_ns, level))
        if level == 0 and self.reading:
            self.afe.set_cs(0)
            self.frames.append(
                (self.clock.time_ns, self.afe.transfer(bytes(self.frame_bytes), sck_hz=4e6))
            )
            self.afe.set_cs(1)

    def send(self, *data: int, sck_hz: float | None = None, mode: int = 1) -> bytes:
        """One transaction: CS low, bytes, the time they take, CS high for a while."""
        sck_hz = self.sck_hz if sck_hz is None else sck_hz
        self.afe.set_cs(0)
        out = self.afe.transfer(bytes(data), sck_hz=sck_hz, mode=mode)
        self.clock.advance(len(data) * 8 / sck_hz + 20 / self.sck_hz)
        self.afe.set_cs(1)
        self.clock.advance(12 / self.sck_hz)
        return out

    def read(self, address: int, count: int = 1) -> bytes:
        return self.send(0x20 | address, count - 1, *bytes(count))[2:]

    def write(self, address: int, *values: int) -> None:
        self.send(0x40 | address, len(values) - 1, *values)

    def set_up(self, *, rate_code: int = 6, channel: int = 0x60, settle_s: float = 0.6) -> None:
        """Leave RDATAC, set rate and channels, reference on and settled, back to RDATAC."""
        self.send(0x11)
        self.write(0x01, 0x90 | rate_code)
        self.write(0x03, 0xE0)
        self.write(0x05, *[channel] * 8)
        self.clock.advance(settle_s)
        self.send(0x10)

    def record(self, seconds: float, *, skip: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Convert for a while; return DRDY times in ns and codes, shape (n_channels, n)."""
        self.frames.clear()
        self.reading = True
        self.afe.set_start(1)
        self.clock.advance(seconds)
        self.reading = False
        times_ns = np.array([time_ns for time_ns, _ in self.frames][skip:])
        return times_ns, codes(b"".join(frame for _, frame in self.frames[skip:]), self.frame_bytes)


def codes(frames: bytes, frame_bytes: int = 27) -> np.ndarray:
    """Return the 24-bit codes of frames, shape (n_channels, n_frames)."""
    raw = np.frombuffer(frames, np.uint8).reshape(-1, frame_bytes // 3, 3)[:, 1:].astype(np.int64)
    value = raw[..., 0] << 16 | raw[..., 1] << 8 | raw[..., 2]
    return np.where(value >= 1 << 23, value - (1 << 24), value).T


@pytest.fixture
def make_rig() -> type[Rig]:
    return Rig


@pytest.fixture
def make_source() -> type[Function]:
    return Function


@pytest.fixture
def lsb_v() -> float:
    return LSB_V


@pytest.fixture
def decode() -> Callable[[bytes], np.ndarray]:
    return codes


@pytest.fixture
def make_clock() -> type[FakeClock]:
    return FakeClock
