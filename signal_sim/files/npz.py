"""NumPy archives written as the samples come."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eegrig.signal_sim.stream import FloatArray, Source

__all__ = ["write_npz"]


def write_npz(
    path: Path, source: Source, n_times: int, blocks: Iterable[FloatArray], truth: dict[str, Any]
) -> None:
    """Write ``data`` (n_channels, n_times), ``channels``, ``rate_hz``, ``unit`` and ``truth``.

    The array is stored in Fortran order, time after time, so that it can be written without ever
    being whole in memory; `numpy.load` returns it in the shape above.

    Parameters
    ----------
    path : Path
        The file.
    source : Source
        What the samples come from.
    n_times : int
        Samples.
    blocks : iterable of ndarray, shape (n_channels, n)
        The samples, `n_times` in all.
    truth : dict
        Stored as a JSON text.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        header = {
            "descr": "<f8",
            "fortran_order": True,
            "shape": (len(source.channels), n_times),
        }
        with archive.open("data.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks:
                file.write(np.ascontiguousarray(block.T, dtype="<f8").tobytes())
        small: dict[str, Any] = {
            "channels": np.array(source.channels),
            "rate_hz": np.array(source.rate_hz),
            "unit": np.array(source.unit),
            "truth": np.array(json.dumps(truth)),
        }
        for name, value in small.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asarray(value), allow_pickle=False)
