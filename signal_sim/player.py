"""A scene that plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eegrig.boards.wording import nearest
from eegrig.signal_sim.body.bank import Change, ElectrodeBank, Property
from eegrig.signal_sim.body.electrodes import PRESETS, Amplifier
from eegrig.signal_sim.body.mains import Mains
from eegrig.signal_sim.body.motion import MotionWave
from eegrig.signal_sim.description import Scene
from eegrig.signal_sim.errors import SceneError, SignalError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.fnirs import FnirsPlayer
from eegrig.signal_sim.generators.base import (
    Context,
    FieldGenerator,
    Generator,
    LatentGenerator,
    SourceSpec,
)
from eegrig.signal_sim.montage import POSITIONS, canonical
from eegrig.signal_sim.scene_file import load_scene
from eegrig.signal_sim.stream import BLOCK, BlockSource, FloatArray, Source, State
from eegrig.signal_sim.timeline import Gain, Timeline

__all__ = ["Lead", "ScenePlayer", "names_recording", "open_source", "play", "scene"]


class Lead:
    """One electrode of a playing scene; a change takes effect at the next sample read."""

    def __init__(self, player: ScenePlayer, index: int, name: str) -> None:
        self._player = player
        self._index = index
        self.name = name

    def disconnect(self) -> None:
        """Take it off the skin."""
        self._player.change(self._index, "connected", 0.0)

    def reconnect(self) -> None:
        """Put it back."""
        self._player.change(self._index, "connected", 1.0)

    def set_impedance(self, impedance_ohm: float) -> None:
        """Give it another impedance, as a magnitude at 10 Hz."""
        if not (np.isfinite(impedance_ohm) and impedance_ohm >= 0):
            msg = f"impedance of {self.name} is {impedance_ohm}: give at least 0 Ohm"
            raise SignalError(msg)
        self._player.change(self._index, "impedance_ohm", float(impedance_ohm))

    def set_offset(self, offset_v: float) -> None:
        """Give it another half-cell offset."""
        if not np.isfinite(offset_v):
            msg = f"offset of {self.name} is {offset_v}: give a finite number of volts"
            raise SignalError(msg)
        self._player.change(self._index, "offset_v", float(offset_v))

    @property
    def connected(self) -> bool:
        """Whether it is on the skin, as of the last sample rendered."""
        return self._player.bank.connected(self._index)

    def impedance_ohm(self, frequency_hz: ArrayLike = 10.0) -> NDArray[np.complex128]:
        """Return its complex impedance now, what lead-off detection would measure."""
        return self._player.bank.impedance_ohm(self._index, frequency_hz)


class ScenePlayer(BlockSource):
    """A scene as a source.

    Parameters
    ----------
    scene : Scene
        What to play.
    channels : sequence of str or None
        Electrodes; None for the scene's own.
    rate_hz : float or None
        Samples per second; None for the scene's own.
    seed : int or None
        Of everything random; None for the scene's own.
    amplifier : Amplifier or None
        What loads the electrodes; None for the scene's own. Where a model of the amplifier
        follows, give one of infinite `cmrr_db` and no `bias_a` if it has its own.

    Raises
    ------
    SceneError
        An electrode outside the 10-10 system, or a rate below what a source needs.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        channels: Sequence[str] | None = None,
        rate_hz: float | None = None,
        seed: int | None = None,
        amplifier: Amplifier | None = None,
    ) -> None:
        super().__init__(
            tuple(channels) if channels is not None else scene.channels,
            scene.rate_hz if rate_hz is None else rate_hz,
        )
        self.scene = scene
        self.seed = scene.seed if seed is None else seed
        if self.seed < 0:
            msg = f"seed {self.seed}: give a whole number of at least 0"
            raise SceneError(msg)
        for name in self.channels:
            if canonical(name) not in POSITIONS:
                msg = (
                    f"scene {scene.name}: no electrode {name!r} on the head"
                    f"{nearest(name, POSITIONS)}"
                )
                raise SceneError(msg)
        reference = scene.reference_leads
        same = {canonical(name) for name in self.channels} & {canonical(r) for r in reference}
        if same:
            msg = f"scene {scene.name}: {same.pop()} is the reference and cannot be a channel too"
            raise SceneError(msg)
        self._leads = (*self.channels, *reference)
        self._timeline = scene.timeline.running(self.seed) if scene.timeline else Timeline()
        self._generators: list[Generator] = [
            source.generator(
                Context(self._leads, self.rate_hz, self.seed, source.name, self._gain(source.name))
            )
            for source in scene.sources
        ]
        self._latent_generators = [v for v in self._generators if isinstance(v, LatentGenerator)]
        self._field_generators = [v for v in self._generators if isinstance(v, FieldGenerator)]
        n_latents = sum(v.n_latents for v in self._latent_generators)
        self._latents = np.zeros((n_latents, BLOCK))
        self._topography = np.hstack(
            [np.zeros((len(self._leads), 0)), *(v.topography for v in self._latent_generators)]
        )
        motion = MotionWave(
            scene.motion, self._leads, self.rate_hz,
            scene.electrodes.motion_sensitivity, self._gain("motion"), self.seed,
        )  # fmt: skip
        self._motion = motion
        self.bank = ElectrodeBank(
            scene.electrodes, amplifier or scene.amplifier, scene.mains, motion,
            channels=self.channels, reference=reference, average=scene.reference == "average",
            rate_hz=self.rate_hz, seed=self.seed,
        )  # fmt: skip
        self._pending: list[Change] = []
        self._scripted = self._script()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is lost or assumed in this signal, in sentences."""
        return tuple(note for generator in self._generators for note in generator.notes)

    def lead(self, name: str) -> Lead:
        """Return an electrode to look at or to change: a channel, a reference's or ``"GND"``.

        Raises
        ------
        SignalError
            There is no such lead.
        """
        plain = [canonical(lead) for lead in self.bank.leads]
        if canonical(name) not in plain:
            msg = f"no lead {name!r}{nearest(name, self.bank.leads)}"
            raise SignalError(msg)
        index = plain.index(canonical(name))
        return Lead(self, index, self.bank.leads[index])

    def change(self, lead: int, what: Property, value: float) -> None:
        """Change a lead from the next sample on."""
        self._pending.append(Change(self.position, lead, what, value))
        if self._block is not None and self._offset < BLOCK and self._before is not None:
            # What was handed out stays; the rest of the block is made again.
            handed_out = self._block[:, : self._offset].copy()
            self._restore_inner(self._before)
            self._block = self._render(self._start)
            self._block[:, : self._offset] = handed_out

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return the ground truth that overlaps ``[start_s, stop_s)``, by onset."""
        found = self._timeline.events(start_s, stop_s) + self._motion.events(start_s, stop_s)
        for generator in self._generators:
            found += generator.events(start_s, stop_s)
        for event in self.scene.lead_events:
            truth = Event(
                event.at_s, event.until_s - event.at_s, event.action, "artefact", (event.lead,)
            )
            if truth.overlaps(start_s, stop_s):
                found.append(truth)
        return sorted(found)

    def state(self) -> State:
        """Return what `restore` needs to go on from here with the same bits."""
        taken = super().state()
        taken["pending"] = [replace(change) for change in self._pending]
        return taken

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken, in the same scene."""
        self._pending = list(state.get("pending", []))
        super().restore(state)

    def _gain(self, label: str) -> Gain:
        factors = {
            state: gains[label] for state, gains in self.scene.gains.items() if label in gains
        }
        return Gain(self._timeline, factors)

    def _script(self) -> list[Change]:
        """Return the scene's own events as changes of its leads."""
        changes: list[Change] = []
        plain = [canonical(lead) for lead in self.bank.leads]
        for event in self.scene.lead_events:
            if canonical(event.lead) not in plain:
                continue  # an electrode this board has not
            index = plain.index(canonical(event.lead))
            before, after = self.bank.normal(index, event.action), event.value
            what: Property = {
                "disconnect": "connected", "impedance": "impedance_ohm", "offset": "offset_v"
            }[event.action]  # type: ignore[assignment]  # fmt: skip
            for time_s, value in ((event.at_s, after), (event.until_s, before)):
                sample = int(np.ceil(time_s * self.rate_hz))
                changes.append(Change(sample, index, what, value))
        return sorted(changes, key=lambda change: change.sample)

    def _render(self, start: int) -> FloatArray:
        row = 0
        for generator in self._latent_generators:
            generator.render(start, self._latents[row : row + generator.n_latents])
            row += generator.n_latents
        potentials = self._topography @ self._latents
        for field in self._field_generators:
            field.add(start, potentials)
        stop = start + BLOCK
        self._pending = [change for change in self._pending if change.sample >= start]
        changes = [c for c in self._scripted + self._pending if start <= c.sample < stop]
        return self.bank.render(start, potentials, sorted(changes, key=lambda c: c.sample))

    def _inner_state(self) -> State:
        return {"generators": [v.state() for v in self._generators], "bank": self.bank.state()}

    def _restore_inner(self, state: State) -> None:
        for generator, kept in zip(self._generators, state["generators"], strict=True):
            generator.restore(kept)
        self.bank.restore(state["bank"])


def scene(
    name_or_path: str | Path | Scene = "resting",
    *,
    channels: Sequence[str] | None = None,
    rate_hz: float | None = None,
    seed: int | None = None,
    amplifier: Amplifier | None = None,
) -> ScenePlayer:
    """Play a scene of electrodes.

    Parameters
    ----------
    name_or_path : str, Path or Scene
        A scene of `scene_names`, a TOML file, or a description.
    channels : sequence of str or None
        Electrodes; None for the scene's own.
    rate_hz : float or None
        Samples per second, as many as the front end wants; None for the scene's own.
    seed : int or None
        Which person on which day; None for the scene's own.
    amplifier : Amplifier or None
        What loads the electrodes; None for the scene's own.

    Returns
    -------
    ScenePlayer
        A `Source` in volts, with `lead` and `events`.

    Raises
    ------
    SceneError
        Something in the scene is wrong, or it cannot be played on these channels at this rate.
    """
    described = name_or_path if isinstance(name_or_path, Scene) else load_scene(name_or_path)
    if described.fnirs is not None:
        msg = f"scene {described.name} is optical, its samples are currents: no electrode sees it"
        raise SceneError(msg)
    return ScenePlayer(
        described, channels=channels, rate_hz=rate_hz, seed=seed, amplifier=amplifier
    )


def play(
    *sources: SourceSpec,
    channels: Sequence[str],
    rate_hz: float,
    seed: int = 0,
    reference: str = "none",
) -> ScenePlayer:
    """Play sources as they are at the scalp: no electrodes, no mains, no amplifier.

    Parameters
    ----------
    *sources : SourceSpec
        ``Background()``, ``Rhythm(frequency_hz=10)`` ...; their sum is played.
    channels : sequence of str
        Electrodes.
    rate_hz : float
        Samples per second.
    seed : int
        Which person on which day.
    reference : str
        As of `Scene`; ``"none"`` for potentials against a reference far away.

    Returns
    -------
    ScenePlayer
        A `Source` in volts.
    """
    described = Scene(
        sources=sources,
        name="sources",
        electrodes=PRESETS["ideal"],
        mains=Mains(frequency_hz=0.0),
        reference=reference,
    )
    return ScenePlayer(described, channels=channels, rate_hz=rate_hz, seed=seed)


def names_recording(signal: str | Path) -> bool:
    """Say whether a signal is a recording: a file, or the name of one, that is no scene."""
    path = Path(signal)
    return path.suffix != ".toml" and (bool(path.suffix) or path.is_file())


def open_source(
    signal: str | Path | Scene,
    *,
    channels: Sequence[str] | None = None,
    rate_hz: float | None = None,
    seed: int | None = None,
    assign: Mapping[str, str] | None = None,
) -> Source:
    """Open whatever makes a signal: a scene by name or TOML file, electrodes or optodes, or a file.

    Parameters
    ----------
    signal : str, Path or Scene
        A scene's name, a ``.toml`` file, or a recording.
    channels : sequence of str or None
        Channels wanted; None for the signal's own.
    rate_hz : float or None
        Samples per second wanted; None for the signal's own.
    seed : int or None
        Of a scene; a recording has none.
    assign : dict of str to str or None
        Labels in a recording that channels are taken from, by channel; a scene has none.

    Returns
    -------
    Source

    Raises
    ------
    SignalError
        There is no such signal, or it cannot be had on these channels at this rate.
    """
    if not isinstance(signal, Scene) and names_recording(signal):
        from eegrig.signal_sim.recordings import Recording

        return Recording(signal, channels=channels, rate_hz=rate_hz, assign=assign)
    if assign:
        msg = f"{signal} is a scene, whose channels have no labels to choose from: leave out --map"
        raise SignalError(msg)
    described = signal if isinstance(signal, Scene) else load_scene(signal)
    if described.fnirs is not None:
        return FnirsPlayer(
            described.fnirs,
            rate_hz=described.rate_hz if rate_hz is None else rate_hz,
            seed=described.seed if seed is None else seed,
            channels=channels,
        )
    return ScenePlayer(described, channels=channels, rate_hz=rate_hz, seed=seed)
