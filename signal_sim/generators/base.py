"""What a source in a scene is made of.

A `SourceSpec` is a description: parameters and nothing that moves. Its `generator` makes samples of
it, and owns what moves: random numbers and filter states. Most sources are a few time series
(latents), each seen at every electrode with its own strength; a scene multiplies all of them in one
matrix product.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from math import exp
from zlib import crc32

import numpy as np

from eegrig.signal_sim.errors import SignalError
from eegrig.signal_sim.events import Event
from eegrig.signal_sim.params import Spec
from eegrig.signal_sim.stream import FloatArray, State
from eegrig.signal_sim.timeline import CONSTANT, Gain

__all__ = ["Context", "FieldGenerator", "Generator", "LatentGenerator", "SourceSpec"]


@dataclass(frozen=True)
class Context:
    """What a generator is given.

    Attributes
    ----------
    leads : tuple of str
        Electrodes at which the potential is wanted: the channels, then the reference's.
    rate_hz : float
        Samples per second.
    seed : int
        Of the whole scene: which person, which day.
    label : str
        Name of the source in its scene; its random numbers depend on it and on nothing else.
    gain : Gain
        What the scene's states make of it.
    """

    leads: tuple[str, ...]
    rate_hz: float
    seed: int
    label: str
    gain: Gain = field(default=CONSTANT)

    def rng(self, purpose: str = "noise") -> np.random.Generator:
        """Return a generator of this source's own for one purpose."""
        keys = [self.seed, crc32(self.label.encode()), crc32(purpose.encode())]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(keys)))

    def personal(self, purpose: str, spread: float) -> float:
        """Return this person's factor: log-normal, median 1, standard deviation of log `spread`."""
        return exp(spread * self.rng("person " + purpose).standard_normal()) if spread else 1.0


class Generator:
    """A source that sounds."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.notes: tuple[str, ...] = ()

    def state(self) -> State:
        """Return copies of everything rendering changes."""
        return {}

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""
        if state:
            msg = f"{self.context.label} has no state, and cannot take {sorted(state)}"
            raise SignalError(msg)

    def events(self, start_s: float, stop_s: float) -> list[Event]:
        """Return what this source does in ``[start_s, stop_s)``."""
        return []


class LatentGenerator(Generator):
    """A generator of a few time series with a fixed field each."""

    topography: FloatArray
    """Strength of each latent at each lead, shape ``(n_leads, n_latents)``."""

    @abstractmethod
    def render(self, start: int, out: FloatArray) -> None:
        """Fill `out`, shape ``(n_latents, n_times)``, with volts from sample `start` on."""

    @cached_property
    def n_latents(self) -> int:
        """Number of time series."""
        return int(self.topography.shape[1])


class FieldGenerator(Generator):
    """A generator with a time series of its own at every lead."""

    @abstractmethod
    def add(self, start: int, potentials: FloatArray) -> None:
        """Add volts to `potentials`, shape ``(n_leads, n_times)``, from sample `start` on."""


@dataclass(frozen=True, kw_only=True)
class SourceSpec(Spec):
    """Description of a source.

    Attributes
    ----------
    label : str
        Its name in the scene (`kind` by default): states and ground truth refer to it.
    """

    label: str = ""

    @property
    def name(self) -> str:
        """Label, or kind where there is none."""
        return self.label or self.kind

    @abstractmethod
    def generator(self, context: Context) -> Generator:
        """Make it sound."""
