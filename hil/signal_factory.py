"""What is played to a board's electrodes and photodiodes: sources made for the rate it wants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards import Board
from eegrig.boards.errors import ConfigError
from eegrig.boards.schema import Optics
from eegrig.hil.bench import SourceFactory

if TYPE_CHECKING:
    from eegrig.signal_sim import Event, Recording, Scene, Source
    from eegrig.signal_sim.stream import BlockSource, FloatArray, State

__all__ = ["LightScene", "SceneFactory", "SignalFactory", "light_factory"]

_LIGHT_SCENE = "fnirs-tapping"
_LOOKED_AT_S = 600.0
_LARGEST_EEG_V = 500e-6
"""Rms of a typical second; EEG has tens of microvolts, slow waves some hundred (assumed)."""


class SignalFactory:
    """Makes the signal source of a board's electrodes for a sample rate.

    What is wrong with the signal is said when the factory is made, before anything runs.

    Parameters
    ----------
    signal : str
        A scene of `signal_sim`, by name or ``.toml`` file, or the path of a recording.
    board : Board
        Whose electrodes it drives.
    seed : int
    assign : sequence of str
        Channels of the recording chosen by hand, each ``"ELECTRODE=LABEL"``; an electrode by its
        site on the head or by the board's name for it.
    seconds : float
        How long it is to be recorded.

    Attributes
    ----------
    description : str
        The signal, for a report.
    notes : tuple of str
        What it had to be changed for to fit the board.

    Raises
    ------
    ConfigError
        If there is no such scene or recording, or it does not fit the board.
    """

    def __init__(
        self,
        signal: str,
        board: Board,
        seed: int,
        *,
        assign: Sequence[str] = (),
        seconds: float = 30.0,
    ) -> None:
        from eegrig.signal_sim.player import names_recording

        self._signal = signal
        self._afe = board.afe
        self._seed = seed
        self._is_recording = names_recording(signal)
        self._assign = self._by_site(assign)
        name = Path(signal).name
        self.description = name if self._is_recording else f"scene {name}"
        made = self._open(8.0 * board.afe.default_rate_sps)
        self.notes: tuple[str, ...] = (*made.notes, *self._shown(board, seconds))

    def __call__(self, rate_hz: float) -> Source:
        """Return a source of so many samples per second, from the signal's beginning."""
        source, channels = self._open(rate_hz), self._afe.channels
        return source if self._afe.electrode_sites == channels else _Renamed(source, channels)

    def _open(self, rate_hz: float) -> BlockSource:
        """Return the signal at the electrodes' sites."""
        if self._is_recording:
            return self._recording(rate_hz)
        from eegrig import signal_sim

        sites = self._afe.electrode_sites
        return signal_sim.scene(self._signal, channels=sites, rate_hz=rate_hz, seed=self._seed)

    def _recording(self, rate_hz: float | None) -> Recording:
        """Return the recording at the electrodes' sites; None gives it its own rate."""
        from eegrig import signal_sim

        return signal_sim.Recording(
            self._signal,
            channels=self._afe.electrode_sites,
            rate_hz=rate_hz,
            assign=self._assign,
        )

    def _shown(self, board: Board, seconds: float) -> list[str]:
        """Return what is remarkable about the recording's signal: what it cannot show, its scale.

        Raises
        ------
        ConfigError
            It has samples that are no numbers.
        """
        if not self._is_recording:
            return []
        import numpy as np

        from eegrig.hil.measure.showing import doubtful, explained, unfit

        source = self._recording(None)
        length_s = min(source.duration_s, _LOOKED_AT_S)
        volts = source.read(max(1, round(length_s * source.rate_hz)))
        name = Path(self._signal).name
        channels = self._afe.channels
        for channel, row in zip(channels, volts, strict=True):
            if not np.isfinite(row).all():
                raise ConfigError(f"{self._signal}: {channel} has samples that are no numbers")
        faults = doubtful(volts, channels, board, seconds) | unfit(volts, channels, board)
        notes = [f"{explained(faults, f'{name}: ')}: figures that need that are undecided"]
        notes = notes if faults else []
        second = max(1, round(source.rate_hz))
        whole = volts[:, : volts.shape[1] // second * second]
        windows = (whole if whole.size else volts).reshape(
            len(channels), -1, second if whole.size else volts.shape[1]
        )
        rms_v = np.median(windows.std(axis=2), axis=1)
        high = [c for c, rms in zip(channels, rms_v, strict=True) if rms > _LARGEST_EEG_V]
        if high:
            notes.append(
                f"{name}: {', '.join(high)}: up to {rms_v.max() * 1e6:.0f} uV rms, more than an "
                "EEG has: check the unit in the file"
            )
        return notes

    def _by_site(self, assign: Sequence[str]) -> dict[str, str]:
        """Return the label for each electrode chosen by hand, by its site on the head."""
        from eegrig.signal_sim.recordings.assigned import assignments

        if assign and not self._is_recording:
            raise ConfigError(
                f"--map chooses channels of a recording: give one, not {self._signal}"
            )
        sites = dict(zip(self._afe.channels, self._afe.electrode_sites, strict=True))
        return {sites.get(name, name): label for name, label in assignments(assign).items()}


def light_factory(board: Board, seed: int) -> SourceFactory | None:
    """Return what makes the currents of a board's photodiodes for a sample rate, if it has some."""
    return None if board.optics is None else LightScene(board.optics, seed=seed)


class LightScene:
    """Makes the photodiodes' currents: a scene with what activity does to light in tissue.

    Parameters
    ----------
    optics : Optics
        Of the board.
    scene : signal_sim.Scene or str
        An optical one.
    seed : int or None
        None for the scene's own.
    """

    def __init__(
        self, optics: Optics, scene: Scene | str = _LIGHT_SCENE, *, seed: int | None = None
    ) -> None:
        self.description = f"scene {scene if isinstance(scene, str) else scene.name}"
        self._scene = scene
        self._channels = optics.channels
        self._seed = seed

    def __call__(self, rate_hz: float) -> Source:
        """Return a source of so many samples per second, from the scene's beginning."""
        from eegrig import signal_sim

        return signal_sim.open_source(
            self._scene, channels=self._channels, rate_hz=rate_hz, seed=self._seed
        )


class SceneFactory:
    """Makes a described scene at a board's electrodes, larger or smaller than it is.

    Parameters
    ----------
    scene : signal_sim.Scene
    board : Board
        Whose electrodes it drives.
    scale : float
        Factor on all of it.
    """

    def __init__(self, scene: Scene, board: Board, scale: float = 1.0) -> None:
        self.description = f"scene {scene.name}"
        self._scene = scene
        self._afe = board.afe
        self._scale = scale

    def __call__(self, rate_hz: float) -> Source:
        """Return a source of so many samples per second, from the scene's beginning."""
        from eegrig import signal_sim

        source = signal_sim.scene(self._scene, channels=self._afe.electrode_sites, rate_hz=rate_hz)
        return _Renamed(source, self._afe.channels, self._scale)


class _Renamed:
    """A source under a board's channel names, where those do not say where on the head they are.

    Parameters
    ----------
    source : signal_sim.Source
        With one channel for each name, in order.
    channels : sequence of str
    scale : float
        Factor on all its samples.
    """

    def __init__(self, source: Source, channels: Sequence[str], scale: float = 1.0) -> None:
        self._source = source
        self._scale = scale
        self.channels = tuple(channels)
        self.rate_hz = source.rate_hz
        self.unit = source.unit

    def read(self, n_times: int) -> FloatArray:
        """Return the next `n_times` samples in volts, shape ``(n_channels, n_times)``."""
        samples = self._source.read(n_times)
        return samples if self._scale == 1.0 else samples * self._scale

    def state(self) -> State:
        """Return what `restore` needs to go on from here."""
        return self._source.state()

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        self._source.restore(state)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return what is known to happen in ``[start_s, stop_s)``."""
        return self._source.events(start_s, stop_s)
