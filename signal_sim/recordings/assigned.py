"""Channels chosen by hand, as they are written on a command line."""

from __future__ import annotations

from collections.abc import Iterable

from eegrig.signal_sim.errors import RecordingError

__all__ = ["assignments"]


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """Return the label for each channel of texts such as ``"Fp1=EEG 001"``.

    Raises
    ------
    RecordingError
        A text is of another form, or a channel is assigned twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, label = (part.strip() for part in text.partition("="))
        if not (name and equals and label):
            msg = f"--map {text}: give ELECTRODE=LABEL, such as --map Fp1=A1"
            raise RecordingError(msg)
        if name in found:
            msg = f"--map {text}: {name} is taken from {found[name]!r} already"
            raise RecordingError(msg)
        found[name] = label
    return found
