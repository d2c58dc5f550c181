"""What a report says of figures: headlines, topics, conditions and margins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eegrig.boards.catalogue import catalogue, own_catalogue
from eegrig.hil.figures.in_words import limit_text, limit_words, shown, word
from eegrig.hil.figures.quantities import NO_BREAK, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eegrig.hil.figures.figure import Figure

__all__ = [
    "HEADLINES",
    "MODES",
    "POWER_GROUPS",
    "PROFILES",
    "Headline",
    "by_topic",
    "condition_text",
    "limit_text",
    "limit_words",
    "margin_text",
    "shown",
    "word",
]


class Headline(NamedTuple):
    """One of the figures a reader sees first.

    Attributes
    ----------
    title : str
        Of the topic.
    main : tuple of str
        Names that can stand for it, the first choice first.
    also : tuple of str
        Names to mention below it.
    """

    title: str
    main: tuple[str, ...]
    also: tuple[str, ...]


HEADLINES = (
    Headline(
        "Energy",
        ("power.streaming", "power.per_channel", "power.non_afe", "battery.life"),
        ("power.per_channel", "power.non_afe", "battery.life"),
    ),
    Headline(
        "Bandwidth",
        (
            "bandwidth.link_efficiency",
            "bandwidth.goodput",
            "bandwidth.frame_loss",
            "bandwidth.frame_loss_noisy",
        ),
        ("bandwidth.goodput", "bandwidth.frame_loss"),
    ),
    Headline(
        "Latency",
        ("latency.p99", "latency.mean", "latency.efficient.p99", "latency.efficient.mean"),
        ("latency.mean", "latency.efficient.mean"),
    ),
    Headline(
        "Signal",
        ("signal.noise_ratio", "signal.noise", "signal.gain_error", "signal.correlation"),
        ("signal.noise", "signal.gain_error", "signal.correlation"),
    ),
)

MODES = {
    "sleep": "Sleep",
    "advertising": "Advertising",
    "connected": "Connected, idle",
    "streaming": "Streaming, efficient",
    "streaming_low_latency": "Streaming, low latency",
}
"""Modes of the board in the order of their power."""

PROFILES = {"low_latency": "Low-latency profile", "efficient": "Efficient profile"}

POWER_GROUPS = own_catalogue().words["group"]
"""Groups of a power split, in the order they are stacked."""

_CONDITION_UNITS = {
    "s": "s",
    "ms": "ms",
    "hz": "Hz",
    "sps": "SPS",
    "bps": "bit/s",
    "v": "V",
    "uv": "µV",
    "w": "W",
    "dbm": "dBm",
    "bytes": "bytes",
}

_COUNTED = {"seconds": "s", "bytes": "bytes", "channels": "channels", "frames": "frames"}
"""Conditions that are a unit themselves."""


def by_topic(figures: Iterable[Figure]) -> list[tuple[str, list[Figure]]]:
    """Return the topics of figures with their members, in the order of the catalogue.

    Figures that it does not have come last, as they were taken.
    """
    known = catalogue()
    members: dict[str, list[Figure]] = {topic: [] for topic in known.topics}
    for figure in sorted(figures, key=lambda figure: known.place(figure.name)):
        members[word(figure.name).topic].append(figure)
    return [(topic, some) for topic, some in members.items() if some]


def condition_text(conditions: Mapping[str, str | int | float | bool]) -> str:
    """Return conditions in words: a name that ends in a unit lends it to its value."""
    said = []
    for name, value in sorted(conditions.items()):
        stem, _, unit = name.rpartition("_")
        if isinstance(value, bool):
            said.append(f"{_plain(name)}: {'yes' if value else 'no'}")
        elif isinstance(value, str):
            said.append(f"{_plain(name)} {value.replace('_', '-')}")
        elif name in _COUNTED:
            said.append(f"{number(value, 7)}{NO_BREAK}{_COUNTED[name]}")
        elif stem and unit in _CONDITION_UNITS:
            said.append(f"{_plain(stem)} {number(value)}{NO_BREAK}{_CONDITION_UNITS[unit]}")
        else:
            said.append(f"{_plain(name)} {number(value, 6)}")
    return " · ".join(said)


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words.upper() if words in ("phy", "mtu", "att mtu") else words


def margin_text(figure: Figure) -> str:
    """Return what is left of the limit, or by how much it is missed, in per cent of it."""
    margin = figure.margin
    if margin is None or figure.verdict == "inconclusive":
        return ""
    if margin == 0:
        return "at the limit"
    percent = abs(margin) * 100
    size = f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}"
    if margin >= 0:
        return f"{size}{NO_BREAK}% to{NO_BREAK}spare"
    if figure.kind == "min":
        return f"{size}{NO_BREAK}% short"
    return f"{size}{NO_BREAK}% over" if percent < 100 else f"{1 - margin:.1f}× the{NO_BREAK}limit"
