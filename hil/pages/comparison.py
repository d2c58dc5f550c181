"""Power, latency and bandwidth of every board, now and at an earlier time, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from eegrig.boards import list_boards
from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.quantities import quantity
from eegrig.hil.pages.stored import Stored, StoredFigure, load_all
from eegrig.hil.pages.text import plain
from eegrig.hil.report.vocabulary import word

__all__ = ["compared", "export_to"]

_COMPARED = (
    "power.streaming",
    "power.streaming.mcu",
    "power.streaming_low_latency",
    "power.connected",
    "power.sleep",
    "battery.life",
    "latency.mean",
    "latency.p99",
    "latency.efficient.mean",
    "bandwidth.goodput",
    "bandwidth.frame_loss",
    "bandwidth.frame_loss_noisy",
    "bandwidth.frame_loss_fastest",
)


def export_to(path: Path) -> None:
    """Write all that is stored of boards as one JSON file."""
    stored = {name: msgspec.to_builtins(one) for name, one in load_all(list_boards()).items()}
    try:
        path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None


def compared(path: Path) -> str:
    """Return a table of an earlier export beside what is stored now, in Markdown.

    Besides power, latency and bandwidth it has every rate and link at which frames got lost.

    Parameters
    ----------
    path : Path
        Of an export.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        before = msgspec.json.decode(path.read_bytes(), type=dict[str, Stored])
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; make one with --export") from None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path} is no export of figures: {error}") from None
    now = load_all(list_boards())
    lines = []
    for name in sorted(set(before) | set(now)):
        old, new = _figures(before, name), _figures(now, name)
        lines += [f"| {name} | before | now |", "|---|---|---|"]
        losses = [name for name in {**old, **new} if _is_loss_at_a_rate(name)]
        some = [name for name in losses if _value(old, name) or _value(new, name)]
        for figure in [*_COMPARED, *some]:
            if figure in old or figure in new:
                label = word(figure).label
                lines.append(f"| {label} | {_said(old, figure)} | {_said(new, figure)} |")
        lines.append("")
    return "\n".join(lines)


def _figures(stored: Mapping[str, Stored], name: str) -> Mapping[str, StoredFigure]:
    return stored[name].figures if name in stored else {}


def _is_loss_at_a_rate(name: str) -> bool:
    return name.startswith("rates.") and name.endswith(".loss")


def _value(figures: Mapping[str, StoredFigure], name: str) -> float | None:
    return figures[name].value if name in figures else None


def _said(figures: Mapping[str, StoredFigure], name: str) -> str:
    figure = figures.get(name)
    if figure is None or figure.value is None:
        return "—"
    how = word(name)
    shown_in = how.shown_in or ("%" if figure.unit == "1" else None)
    return plain(
        str(
            quantity(
                figure.value, figure.unit, figure.uncertainty, shown_in=shown_in, significant=3
            )
        )
    )
