"""Pictures of signals: traces, spectrum, topography; and a gallery of all scenes."""

from __future__ import annotations

__all__: list[str] = []
