"""What drives the electrodes: a signal source played on the virtual clock, and its record.

The source's sample ``n`` lies at ``origin + n / rate`` on the virtual clock, so what was applied
and what came out of the board can be compared on one time axis, whatever the chip's own oscillator
does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.hil.bench import AppliedEvent, SourceFactory, Waveform
from eegrig.hil.virtual.afe.leads import InLeads, Network
from eegrig.hil.virtual.clock import Clock

if TYPE_CHECKING:
    from eegrig.signal_sim import Source

__all__ = ["MIN_OVERSAMPLING", "VirtualSignalSource"]

FloatArray = NDArray[np.float64]

_NS_PER_S = 1e9
_CHUNK = 16384
"""Samples read from a source at a time when catching up with the clock."""
MIN_OVERSAMPLING = 4.0
"""Fewest source samples per conversion for which the decimation filter is right to 1e-3."""


class VirtualSignalSource:
    """Plays sources to electrodes; implements `hil.bench.SignalSource`.

    Parameters
    ----------
    clock : Clock
    channels : sequence of str
        Electrode names of the board; a source's channels are matched with them by name, in any
        order, and others are left out.
    rate_hz : float
        Sample rate to begin with.
    history_s : float
        How long what was applied is kept, in seconds.

    Attributes
    ----------
    on_change : callable or None
        Called with a time in nanoseconds from which on samples differ from those handed out.
    in_leads : InLeads
        What is in the leads besides; `common_mode` and `series_network` change it.
    """

    def __init__(
        self, clock: Clock, channels: Sequence[str], rate_hz: float, *, history_s: float = 180.0
    ) -> None:
        self.channels = tuple(channels)
        self.on_change: Callable[[int], None] | None = None
        self.in_leads = InLeads()
        self._clock = clock
        self._history_s = history_s
        self._factory: SourceFactory | None = None
        self._fixed = False
        self._description = "nothing (0 V)"
        self._rate_hz = rate_hz
        self._origin_ns = clock.now_ns()
        self._source: Source | None = None
        self._rows: list[int] = []
        self._first = 0  # index of the first sample kept
        self._stop = 0  # index after the last sample read
        self._begun = 0  # index of what is played's own first sample
        self._buffer: FloatArray = np.zeros((len(self.channels), 0))  # from sample _first on

    @property
    def description(self) -> str:
        """Say in a few words what is being played."""
        return self._description

    @property
    def rate_hz(self) -> float:
        """Samples per second of the source."""
        return self._rate_hz

    @property
    def origin_ns(self) -> int:
        """Time of sample 0."""
        return self._origin_ns

    def play(self, source: Source) -> None:
        """Play a source of a fixed rate from now on.

        Parameters
        ----------
        source : signal_sim.Source
            Of at least four times the board's sample rate.

        Raises
        ------
        boards.errors.ConfigError
            If the source lacks an electrode of the board.
        """
        self._begin(source, self._match(source))
        self._factory, self._fixed = None, True
        self._description = type(source).__name__
        self._changed()

    def play_made(self, make_source: SourceFactory) -> None:
        """Play a signal from now on, at the rate that the front end wants.

        Parameters
        ----------
        make_source : SourceFactory
            Called for that rate, and again when it changes (the signal then begins anew).

        Raises
        ------
        boards.errors.ConfigError
            If what it makes lacks an electrode of the board.
        """
        source = make_source(self._rate_hz)
        self._begin(source, self._match(source))
        self._factory, self._fixed = make_source, False
        self._description = make_source.description
        self._changed()

    def _begin(self, source: Source, rows: list[int]) -> None:
        """Let a source follow on what is played, up to now."""
        index = self._finish()
        self._source, self._rows = source, rows
        if source.rate_hz != self._rate_hz:
            self._restart(source.rate_hz)
        else:
            self._cut(index)
            self._begun = index

    def begin_anew(self, start_ns: int) -> None:
        """Play what is being played from its beginning, whose first sample is at a time.

        Parameters
        ----------
        start_ns : int
            Now or later.

        Raises
        ------
        boards.errors.ConfigError
            If what is played cannot be made again (`play`).
        """
        if self._fixed:
            raise ConfigError(
                "a source that is played as it is cannot begin again: play what is made (play_made)"
            )
        if self._factory is not None:
            self._source = self._factory(self._rate_hz)
            self._rows = self._match(self._source)
        self._restart(self._rate_hz)
        self._origin_ns = start_ns

    def stop(self) -> None:
        """Apply 0 V from now on."""
        self._cut(self._finish())
        self._factory, self._fixed, self._source, self._rows = None, False, None, []
        self._description = "nothing (0 V)"
        self._changed()

    def common_mode(self, amplitude_v: float, frequency_hz: float) -> None:
        """Put a sine between all electrodes and the board's ground, from now on.

        Parameters
        ----------
        amplitude_v : float
            Its peak in volts; 0 takes it away.
        frequency_hz : float

        Raises
        ------
        ValueError
            If one of them is negative.
        """
        if min(amplitude_v, frequency_hz) < 0:
            raise ValueError(
                f"a common mode of {amplitude_v} V at {frequency_hz} Hz: give no negative numbers"
            )
        self.in_leads.common_mode = (amplitude_v, frequency_hz) if amplitude_v else None
        self._changed()

    def series_network(
        self, channel: str, resistance_ohm: float, capacitance_f: float = 0.0
    ) -> None:
        """Put a resistor with a capacitor beside it into a channel's lead, from now on.

        Parameters
        ----------
        channel : str
        resistance_ohm : float
            0 takes the network out.
        capacitance_f : float

        Raises
        ------
        boards.errors.ConfigError
            If there is no such channel.
        ValueError
            If a value is negative.
        """
        if channel not in self.channels:
            raise ConfigError(
                f"the board has no electrode {channel!r}; it has {', '.join(self.channels)}"
            )
        if min(resistance_ohm, capacitance_f) < 0:
            raise ValueError(
                f"a network of {resistance_ohm} ohm and {capacitance_f} F: give no negative numbers"
            )
        index = self.channels.index(channel)
        self.in_leads.networks.pop(index, None)
        if resistance_ohm:
            self.in_leads.networks[index] = Network(resistance_ohm, capacitance_f)
        self._changed()

    def keep(self, seconds: float) -> None:
        """Keep what is applied from now on for at least so long."""
        self._history_s = max(self._history_s, seconds)

    def want_rate(self, rate_hz: float, min_hz: float) -> None:
        """Say which rate the front end wants from now on, and the lowest it can work with.

        Raises
        ------
        boards.errors.ConfigError
            If the source being played has a fixed rate below `min_hz`.
        """
        if self._fixed:
            if self._rate_hz < min_hz:
                raise ConfigError(
                    f"source {self._description!r} gives {self._rate_hz:g} samples per second, but"
                    f" the board needs at least {min_hz:g} at this sample rate; play what is"
                    " made for the rate (play_made) instead"
                )
            return
        if rate_hz == self._rate_hz:
            return
        if self._factory is not None:
            self._source = self._factory(rate_hz)
            self._rows = self._match(self._source)
        self._restart(rate_hz)
        self._changed()

    def samples(self, first: int, stop: int) -> FloatArray:
        """Return samples ``first ... stop - 1``, shape (n_channels, stop - first), in volts.

        Samples before the origin are 0 V. Reads ahead of the clock where asked to.

        Raises
        ------
        boards.errors.InfrastructureError
            If the samples are older than the history.
        """
        self._read_to(stop)
        if first < 0:
            ahead = np.zeros((len(self.channels), min(0, stop) - first))
            return np.concatenate([ahead, self.samples(0, max(0, stop))], axis=1)
        if first < self._first:
            raise InfrastructureError(
                f"samples of the signal source older than {self._history_s:g} s are gone; ask"
                " sooner or have them kept longer (VirtualSignalSource.keep)"
            )
        return self._buffer[:, first - self._first : stop - self._first]

    def applied(self, start_ns: int, stop_ns: int) -> Waveform:
        """Return what was applied between two times.

        A board that starts to convert at another rate changes the rate of its source: the stretch
        then begins there, as the waveform's `start_ns` says.

        Raises
        ------
        boards.errors.InfrastructureError
            If the stretch is empty or older than the history.
        """
        first = max(0, self._index_after(start_ns))
        stop = self._index_after(stop_ns)
        if stop <= first:
            raise InfrastructureError(
                f"no samples were applied between {start_ns} and {stop_ns} ns; ask for a longer"
                " stretch"
            )
        return Waveform(
            start_ns=self._origin_ns + round(first * _NS_PER_S / self._rate_hz),
            rate_hz=self._rate_hz,
            channels=self.channels,
            volts=self.samples(first, stop).copy(),
        )

    def events(self, start_ns: int, stop_ns: int) -> list[AppliedEvent]:
        """Return what is known to happen in what is played now, between two times, by onset."""
        if self._source is None:
            return []
        begun_ns = self._origin_ns + round(self._begun * _NS_PER_S / self._rate_hz)
        start_s, stop_s = ((ns - begun_ns) / _NS_PER_S for ns in (start_ns, stop_ns))
        return [
            AppliedEvent(begun_ns + round(event.onset_s * _NS_PER_S), event.duration_s, event.name)
            for event in self._source.events(max(0.0, start_s), stop_s)
        ]

    def _match(self, source: Source) -> list[int]:
        names = {name.casefold(): row for row, name in enumerate(source.channels)}
        missing = [name for name in self.channels if name.casefold() not in names]
        if missing:
            raise ConfigError(
                f"the source lacks the board's electrodes {', '.join(missing)}; it has"
                f" {', '.join(source.channels)}"
            )
        return [names[name.casefold()] for name in self.channels]

    def _index_after(self, time_ns: int) -> int:
        """Return the index of the first sample at or after a time."""
        return int(np.ceil((time_ns - self._origin_ns) * self._rate_hz / _NS_PER_S))

    def _restart(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._origin_ns = self._clock.now_ns()
        self._first = self._stop = self._begun = 0
        self._buffer = np.zeros((len(self.channels), 0))

    def _finish(self) -> int:
        """Read what is played up to now; return the index of the first sample after it."""
        index = self._index_after(self._clock.now_ns())
        self._read_to(index)
        return index

    def _cut(self, index: int) -> None:
        """Forget samples from `index` on, read ahead: something else is played from there."""
        self._first = min(self._first, index)
        self._stop = index

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change(self._clock.now_ns())

    def _read_to(self, stop: int) -> None:
        while self._stop < stop:
            n_times = min(stop - self._stop, _CHUNK)
            if self._source is None:
                self._append(np.zeros((len(self.channels), n_times)))
            else:
                block = np.asarray(self._source.read(n_times), dtype=np.float64)
                if block.shape != (len(self._source.channels), n_times):
                    raise ConfigError(
                        f"source {self._description!r} returned {block.shape} when asked for"
                        f" {(len(self._source.channels), n_times)}; it must give what is asked for"
                    )
                self._append(block[self._rows])

    def _append(self, block: FloatArray) -> None:
        used, n_times = self._stop - self._first, block.shape[1]
        limit = round(self._history_s * self._rate_hz)
        if used + n_times > self._buffer.shape[1]:
            # Half of what is kept goes at a time, so that appending costs O(1) on average.
            keep = min(used, limit)
            larger = np.empty((len(self.channels), min(2 * used, 2 * limit) + n_times))
            larger[:, :keep] = self._buffer[:, used - keep : used]
            self._buffer, self._first, used = larger, self._stop - keep, keep
        self._buffer[:, used : used + n_times] = block
        self._stop += n_times
