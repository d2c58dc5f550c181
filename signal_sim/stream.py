"""Streams: what a source of signals is, and how one hands out blocks of any length.

A source is rendered in internal blocks of `BLOCK` samples that are counted from its first sample,
and cut to what is asked for. Whatever the lengths read, the same blocks are rendered in the same
order, so the bits are the same; and the cost of a short read is that of a copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.events import Event

__all__ = ["BLOCK", "BlockSource", "FloatArray", "Source", "State"]

BLOCK = 4096
"""Samples rendered at a time: long enough to make call overhead vanish, short enough for cache."""

FloatArray: TypeAlias = NDArray[np.float64]
State: TypeAlias = dict[str, Any]
"""What a source needs to go on from where it is: nested dicts of numbers, strings and arrays."""


@runtime_checkable
class Source(Protocol):
    """A multichannel signal that is read from its start to as far as one likes.

    Attributes
    ----------
    channels : tuple of str
        Channel names, in the order of the rows `read` returns.
    rate_hz : float
        Samples per second.
    unit : str
        ``"V"`` for electrodes, ``"A"`` for photodiodes.
    """

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names."""
        ...

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the samples."""
        ...

    def read(self, n_times: int) -> FloatArray:
        """Return the next `n_times` samples, shape ``(n_channels, n_times)``."""
        ...

    def state(self) -> State:
        """Return what `restore` needs to go on from here."""
        ...

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        ...

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the ground truth that overlaps ``[start_s, stop_s)``, by onset."""
        ...


class BlockSource(ABC):
    """A source that renders blocks of `BLOCK` samples and cuts them to measure.

    Parameters
    ----------
    channels : sequence of str
        Channel names.
    rate_hz : float
        Samples per second.
    unit : str
        Unit of the samples.

    Raises
    ------
    SignalError
        No or doubled channel names, or a rate that is not a positive number.
    """

    def __init__(
        self, channels: tuple[str, ...] | list[str], rate_hz: float, unit: str = "V"
    ) -> None:
        self._channels = check_channels(channels)
        self._rate_hz = check_rate(rate_hz)
        self._unit = unit
        self._start = 0  # index of the rendered block's first sample
        self._offset = 0  # samples of it already handed out
        self._block: FloatArray | None = None
        self._before: State | None = None  # inner state from which that block was rendered

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names, in the order of the rows `read` returns."""
        return self._channels

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self._rate_hz

    @property
    def unit(self) -> str:
        """Unit of the samples: ``"V"`` or ``"A"``."""
        return self._unit

    @property
    def position(self) -> int:
        """Samples handed out so far."""
        return self._start + self._offset

    @property
    def notes(self) -> tuple[str, ...]:
        """What is lost or assumed in this signal, in sentences."""
        return ()

    def read(self, n_times: int) -> FloatArray:
        """Return the next `n_times` samples.

        Parameters
        ----------
        n_times : int
            How many; any partition of a stretch into reads gives the same bits.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
            In `unit`; the caller's own.

        Raises
        ------
        SignalError
            `n_times` is negative.
        """
        if n_times < 0:
            msg = f"cannot read {n_times} samples: ask for none or more"
            raise SignalError(msg)
        block = self._block
        begin = self._offset
        end = begin + n_times
        if block is not None and end <= BLOCK:
            self._offset = end
            return block[:, begin:end].copy()
        out = np.empty((len(self._channels), n_times))
        done = 0
        while done < n_times:
            if block is None or self._offset == BLOCK:
                block = self._advance()
            take = min(BLOCK - self._offset, n_times - done)
            out[:, done : done + take] = block[:, self._offset : self._offset + take]
            self._offset += take
            done += take
        return out

    def state(self) -> State:
        """Return what `restore` needs to go on from here with the same bits."""
        inner = self._before if self._block is not None else self._inner_state()
        return {
            "source": type(self).__name__,
            "channels": list(self._channels),
            "rate_hz": self._rate_hz,
            "start": self._start,
            "offset": self._offset,
            "inner": inner,
        }

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken.

        Raises
        ------
        SignalError
            `state` is of another kind of source, other channels or another rate.
        """
        mine = (type(self).__name__, list(self._channels), self._rate_hz)
        theirs = (state.get("source"), state.get("channels"), state.get("rate_hz"))
        if mine != theirs:
            msg = f"this state was taken from {theirs}, not from {mine}: build the same source"
            raise SignalError(msg)
        self._start = state["start"]
        self._offset = state["offset"]
        self._restore_inner(state["inner"])
        self._block = None
        if self._offset:
            self._before = self._inner_state()
            self._block = self._render(self._start)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the ground truth that overlaps ``[start_s, stop_s)``, by onset."""
        return []

    def _advance(self) -> FloatArray:
        """Render and return the next block."""
        if self._block is not None:
            self._start += BLOCK
        self._offset = 0
        self._before = self._inner_state()
        self._block = self._render(self._start)
        return self._block

    @abstractmethod
    def _render(self, start: int) -> FloatArray:
        """Return samples ``start ... start + BLOCK``, following on the last call."""

    def _inner_state(self) -> State:
        """Return copies of everything that `_render` changes."""
        return {}

    def _restore_inner(self, state: State) -> None:
        """Take back what `_inner_state` returned, without keeping references to it."""
        if state:
            msg = f"{type(self).__name__} has no inner state, and cannot take {sorted(state)}"
            raise SignalError(msg)


def check_channels(channels: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return `channels` as a tuple; raise `SignalError` where one is doubled or none is given."""
    names = tuple(channels)
    if not names:
        msg = "no channels asked for: name at least one"
        raise SignalError(msg)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"channel {twice[0]!r} is asked for twice: name each once"
        raise SignalError(msg)
    return names


def check_rate(rate_hz: float) -> float:
    """Return `rate_hz` as a float; raise `SignalError` unless it is positive and finite."""
    rate = float(rate_hz)
    if not (np.isfinite(rate) and rate > 0):
        msg = f"rate of {rate_hz} Hz: give a positive number of samples per second"
        raise SignalError(msg)
    return rate
