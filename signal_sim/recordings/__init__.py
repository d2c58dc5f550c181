"""Recordings played back as sources."""

from __future__ import annotations

from eegrig.signal_sim.recordings.playback import Recording

__all__ = ["Recording"]
