"""Notice that somebody changed a firmware's sources. Polled: a few dozen files, on any system."""

from __future__ import annotations

import time
from pathlib import Path

__all__ = ["SourceWatcher"]

_PERIOD_S = 0.3
_SETTLED_S = 0.2  # an editor that saves several files is let finish


class SourceWatcher:
    """Watches a folder of sources.

    Parameters
    ----------
    directory : Path
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = self._look()
        self._next_look_s = 0.0

    def changed(self) -> bool:
        """Return whether a source is another than at the last call that said so.

        A change is told once it is `_SETTLED_S` old, and once. However often this is called, it
        looks every `_PERIOD_S` at most.
        """
        if time.monotonic() < self._next_look_s:
            return False
        now = self._look()
        self._next_look_s = time.monotonic() + _PERIOD_S
        if now == self._seen:
            return False
        while True:
            time.sleep(_SETTLED_S)
            later = self._look()
            if later == now:
                break
            now = later
        self._seen = now
        return True

    def _look(self) -> dict[str, tuple[int, int]]:
        from eegrig.host.image.application import source_paths

        found = {}
        for name, path in source_paths(self._directory).items():
            try:
                status = path.stat()
            except OSError:
                continue  # it was there a moment ago
            found[name] = (status.st_mtime_ns, status.st_size)
        return found
