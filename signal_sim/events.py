"""Ground truth: what happened when, in the signal that was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event"]


@dataclass(frozen=True, order=True)
class Event:
    """Something that happens in a signal, known to whoever scores a decoder.

    Attributes
    ----------
    onset_s : float
        Start in seconds from the signal's first sample.
    duration_s : float
        Length in seconds; 0 for an instant.
    name : str
        What happens: ``"blink"``, ``"target"``, ``"N2"`` ...
    kind : {"artefact", "marker", "state", "stimulus", "waveform"}
        What sort of thing it is. An artefact's samples are spoilt from `onset_s` on for
        `duration_s`; a state holds (sleep stage, eyes closed); a waveform is something to find.
    channels : tuple of str
        Electrodes concerned; empty for all.
    detail : dict
        Figures of this event, in the units their names carry.
    """

    onset_s: float
    duration_s: float
    name: str
    kind: str = "marker"
    channels: tuple[str, ...] = field(default=(), compare=False)
    detail: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def stop_s(self) -> float:
        """End in seconds from the signal's first sample."""
        return self.onset_s + self.duration_s

    def overlaps(self, start_s: float, stop_s: float) -> bool:
        """Say whether any of the event lies in ``[start_s, stop_s)``."""
        if self.duration_s == 0:
            return start_s <= self.onset_s < stop_s
        return self.onset_s < stop_s and self.stop_s > start_s
