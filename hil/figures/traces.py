"""The arrays a report draws, beside the figures: ``traces/NAME.npz`` in a run's folder.

A suite saves what it measured, the report draws what it finds. Names and fields:

``power_<mode>``
    ``current_a`` (n_times,), ``step_s``, ``battery_v``, ``duration_s``, the mean power of each
    group as ``power_<group>_w``, and in a connection its ``interval_s``; `save_power` writes all of
    it from a capture.
``latency_<profile>``
    ``latency_s`` (n_frames,).
``goodput``
    ``time_s``, ``goodput_bps`` (n_windows,), ``bound_bps``.
``eeg``
    ``time_s`` (n_times,), ``applied_v`` (as the ideal front end shows it) and ``recorded_v``
    (n_channels, n_times), ``channels`` (n_channels,) of str.
``decoding_<decoder>``
    A speller's ``window_s``, ``source_accuracy``, ``board_accuracy``, ``loss``,
    ``loss_uncertainty``, ``source_bit_per_min`` and ``board_bit_per_min`` (n_lengths,).
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from eegrig.boards.whole_file import write_whole
from eegrig.hil.figures.results import ResultsError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from eegrig.hil.bench import PowerCapture

__all__ = ["FOLDER", "load", "names", "save", "save_power"]

FOLDER = "traces"
_NAME = re.compile(r"[a-z0-9_]+")


def save(directory: Path, name: str, **arrays: ArrayLike) -> Path:
    """Save a trace of a run, whole or not at all; the same arrays give the same bytes.

    Parameters
    ----------
    directory : Path
        The run's folder.
    name : str
        Small letters, digits and underscores.
    **arrays : array_like
        Numbers or strings.

    Returns
    -------
    Path
        The file.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"trace name {name!r}: use small letters, digits and underscores")
    folder = directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    made: dict[str, Any] = {field: np.asarray(value) for field, value in arrays.items()}
    np.savez_compressed(content, allow_pickle=False, **made)
    path = folder / f"{name}.npz"
    write_whole(path, content.getvalue())
    return path


def save_power(
    directory: Path, mode: str, capture: PowerCapture, *, interval_s: float | None = None
) -> Path:
    """Save a power capture as the trace ``power_<mode>``.

    `interval_s` is the connection interval during it, in seconds, if there was one.
    """
    groups: dict[str, float] = {
        f"power_{group}_w": capture.power_w(group) for group in capture.energy_j
    }
    if interval_s is not None:
        groups["interval_s"] = interval_s
    return save(
        directory,
        f"power_{mode}",
        current_a=capture.current_a,
        step_s=capture.step_s,
        battery_v=capture.battery_v,
        duration_s=capture.duration_s,
        **groups,
    )


def load(directory: Path, name: str) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a trace, or None where there is none of that name.

    Raises
    ------
    ResultsError
        If the file is broken.
    """
    path = directory / FOLDER / f"{name}.npz"
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return {field: stored[field] for field in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ResultsError(f"{path} is no readable trace ({error}); run again") from error


def names(directory: Path, prefix: str = "") -> list[str]:
    """Return the names of a run's traces that begin with `prefix`, sorted."""
    return sorted(path.stem for path in (directory / FOLDER).glob(f"{prefix}*.npz"))
