"""Signals written to files as they are made, at constant memory."""

from __future__ import annotations

from eegrig.signal_sim.files.write import FORMATS, Written, write

__all__ = ["FORMATS", "Written", "write"]
