"""The errors of eegrig, each with the exit code its command ends with."""

from __future__ import annotations

__all__ = [
    "BoardFault",
    "BoardGone",
    "ConfigError",
    "EegrigError",
    "InfrastructureError",
    "OutputError",
]


class EegrigError(Exception):
    """Something a user can act on; its message is one line that says what to do.

    Attributes
    ----------
    exit_code : int
        The exit code of a command that ends with this error: 1 a target was missed or a board
        found wrong, 2 usage or configuration, 3 board, probe, instrument or database not reachable.
    """

    exit_code: int = 3


class BoardFault(EegrigError):
    """A board was reached and found wrong: its identity, its memory or its behaviour."""

    exit_code = 1


class ConfigError(EegrigError):
    """A command line, a file or a parameter is wrong."""

    exit_code = 2


class OutputError(ConfigError):
    """A file cannot be written where it was asked for."""


class InfrastructureError(EegrigError):
    """A board, a probe, a radio or an instrument cannot be reached."""

    exit_code = 3


class BoardGone(InfrastructureError):
    """A board that answered before is gone for good: whatever else is asked of it waits in vain."""
