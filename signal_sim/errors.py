"""The errors of the simulator: each message is one line that says what to do."""

from __future__ import annotations

from eegrig.boards.errors import ConfigError

__all__ = ["RecordingError", "SceneError", "SignalError"]


class SignalError(ConfigError, ValueError):
    """A signal that cannot be made as asked."""


class SceneError(SignalError):
    """A scene, a source or one of its parameters is wrong."""


class RecordingError(SignalError):
    """A recording cannot be played back."""
