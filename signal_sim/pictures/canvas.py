"""A figure of matplotlib's that looks the same for everybody, and a file of it."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from eegrig.boards.whole_file import write_whole
from eegrig.signal_sim.errors import SignalError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["own_style", "save"]


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's defaults: no ``MPLBACKEND``, no ``matplotlibrc`` of the caller's.

    A backend that does not exist would even keep it from being imported.

    Raises
    ------
    SignalError
        If matplotlib is not installed (the extra ``eegrig[pictures]``).
    """
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        try:
            import matplotlib as mpl
        except ModuleNotFoundError:
            raise SignalError("drawing needs matplotlib: install eegrig[pictures]") from None
        with mpl.rc_context():
            mpl.rcdefaults()
            yield
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def save(figure: Figure, path: Path, *, dpi: int) -> None:
    """Write a figure to a file, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=dpi)
    write_whole(path, content.getvalue())
