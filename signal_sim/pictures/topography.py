"""A map of the head, seen from above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eegrig.signal_sim.montage import POSITIONS, canonical
from eegrig.signal_sim.stream import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_head"]

_RIM = 1.0
_POINTS = 120


def flat(names: Sequence[str]) -> FloatArray:
    """Return electrode places on a disc, the ring of Fpz and Oz at 0.8: shape (n_names, 2)."""
    points = np.array([POSITIONS[canonical(name)] for name in names])
    polar = np.degrees(np.arccos(np.clip(points[:, 2], -1, 1))) / 90.0
    length = np.maximum(np.hypot(points[:, 0], points[:, 1]), 1e-9)
    return np.asarray(points[:, :2] / length[:, None] * polar[:, None])


def draw_head(axes: Axes, names: Sequence[str], values: FloatArray, label: str) -> None:
    """Draw `values` at electrodes `names` as a map of the head.

    Between the electrodes, values are the mean of all, weighted by 1 / distance^3; nothing is made
    up beyond what few electrodes know.

    Parameters
    ----------
    axes : Axes
    names : sequence of str
        Electrodes of the 10-10 system.
    values : ndarray, shape (n_names,)
    label : str
        What is shown, with its unit.
    """
    places = flat(names)
    grid = np.linspace(-_RIM, _RIM, _POINTS)
    x, y = np.meshgrid(grid, grid)
    distance = np.hypot(x[..., None] - places[:, 0], y[..., None] - places[:, 1])
    weight = 1.0 / np.maximum(distance, 0.03) ** 3
    map_values = (weight * values).sum(axis=-1) / weight.sum(axis=-1)
    map_values[np.hypot(x, y) > _RIM] = np.nan
    picture = axes.imshow(
        map_values, origin="lower", extent=(-1, 1, -1, 1), cmap="viridis", interpolation="bilinear"
    )
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(angle), np.sin(angle), color="black", linewidth=1)
    axes.plot([-0.12, 0, 0.12], [0.99, 1.12, 0.99], color="black", linewidth=1)
    axes.plot(places[:, 0], places[:, 1], "o", color="white", markersize=3, markeredgecolor="black")
    for name, (px, py) in zip(names, places, strict=True):
        axes.text(px, py + 0.06, name, ha="center", fontsize=6)
    axes.set_xlim(-1.15, 1.15)
    axes.set_ylim(-1.1, 1.2)
    axes.set_aspect("equal")
    axes.axis("off")
    colours = axes.figure.colorbar(picture, ax=axes, shrink=0.7)
    colours.set_label(label, fontsize=8)
    colours.ax.tick_params(labelsize=7)
