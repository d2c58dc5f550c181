"""What figures are called in front of people, in which unit they are shown, and where they belong.

``docs/results.md`` is the reference. A name that is not in here is shown as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eegrig.hil.report.quantities import NO_BREAK, Quantity, number, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eegrig.hil.figures.figure import Figure

__all__ = [
    "GROUPS",
    "HEADLINES",
    "MODES",
    "POWER_GROUPS",
    "PROFILES",
    "Headline",
    "Word",
    "condition_text",
    "in_order",
    "limit_text",
    "limit_words",
    "margin_text",
    "shown",
    "word",
]


class Word(NamedTuple):
    """How a figure is presented.

    Attributes
    ----------
    label, detail : str
        A few words, and what they mean precisely.
    shown_in : str or None
        Unit it is shown in; None for the one that fits.
    significant : int
        Digits where no uncertainty decides.
    """

    label: str
    detail: str = ""
    shown_in: str | None = None
    significant: int = 4


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


GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Power and energy", ("power.", "energy.", "battery.")),
    ("Bandwidth", ("bandwidth.",)),
    ("Latency", ("latency.",)),
    ("Signal", ("signal.", "decode.")),
    ("Firmware and flash", ("flash.", "boot.", "firmware.", "afe.")),
    ("More", ("",)),
)
"""Sections of the table, and the beginnings of the names in each."""

HEADLINES = (
    Headline(
        "Energy",
        ("power.streaming", "power.total", "power.per_channel", "power.non_afe", "battery.life"),
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
        ("bandwidth.goodput", "bandwidth.bound", "bandwidth.frame_loss"),
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

POWER_GROUPS = {
    "afe": "Front end (AFE)",
    "afe_supply": "AFE supply losses",
    "optics": "Optics",
    "mcu": "MCU",
    "radio": "Radio",
    "rest": "Rest",
}
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

_STATISTICS = {
    "mean": "Mean latency",
    "p50": "Median latency",
    "p95": "95th percentile latency",
    "p99": "99th percentile latency",
    "max": "Largest latency",
}

_WORDS: dict[str, Word] = {
    "flash.time": Word("Flashing", "erase, program and verify", "s", 3),
    "flash.verified": Word("Image verified", "read back from the chip and found equal", "%"),
    "boot.time": Word("Boot", "reset to the first advertisement", "s", 3),
    "afe.rules_broken": Word(
        "Rules broken", "of the front ends' data sheets, by the firmware, in the whole run"
    ),
    "bandwidth.goodput": Word("Goodput", "best sustained payload, test pattern", "kbit/s", 5),
    "bandwidth.bound": Word("Link bound", "what the negotiated link allows", "kbit/s", 5),
    "bandwidth.link_efficiency": Word("Link efficiency", "goodput over the link-layer bound", "%"),
    "bandwidth.frame_loss": Word("Frame loss", "frames lost while streaming", "%", 3),
    "bandwidth.frame_loss_noisy": Word(
        "Frame loss, noisy air", "frames lost with packet errors on the air", "%", 3
    ),
    "bandwidth.frame_loss_fastest": Word(
        "Frame loss, fastest rate", "frames lost at the highest rate on offer", "%", 3
    ),
    "power.streaming": Word("Streaming power", "at the battery, efficient profile", "mW"),
    "power.total": Word("Total power", "at the battery", "mW"),
    "power.streaming_low_latency": Word(
        "Streaming power, low latency", "at the battery, low-latency profile", "mW"
    ),
    "power.per_channel": Word("Power per channel", "streaming, at the battery", "mW", 3),
    "power.non_afe": Word(
        "Non-AFE power", "streaming, without the front end and its supply's losses", "mW", 3
    ),
    "energy.per_bit": Word("Energy per bit", "per delivered bit of payload"),
    "energy.per_sample": Word("Energy per sample", "per delivered sample of one channel", "µJ", 3),
    "battery.life": Word("Battery life", "streaming, efficient profile", "h", 3),
    "power.connected": Word("Connected, idle", "at the battery, not streaming"),
    "power.advertising": Word("Advertising", "at the battery, waiting for a central"),
    "power.sleep": Word("Sleep", "at the battery"),
    "signal.gain_error": Word("Gain error", "worst channel, recording against electrodes", "%", 3),
    "signal.correlation": Word("Correlation", "worst channel, recording with electrodes", None, 6),
    "signal.noise": Word("Input noise", "rms, inputs shorted, worst channel", "µV", 3),
    "signal.noise_pp": Word("Input noise, peak to peak", "inputs shorted, worst channel", "µV", 3),
    "signal.noise_ratio": Word(
        "Noise against data sheet", "recorded, inputs shorted, over the front end's table", "%", 4
    ),
    "impedance.error": Word(
        "Impedance error", "worst electrode, by the lead-off current, its own error aside", "%", 2
    ),
    "impedance.scale_error": Word(
        "Lead-off current error", "common to all electrodes, front ends promise 20 %", "%", 2
    ),
    "stream.optics.frame_loss": Word("Frame loss, optics", "efficient profile", "%", 3),
    "stream.optics.rate_error": Word(
        "Sample rate, optics", "against its nominal one, by the board's clock", "%", 2
    ),
}
_WORDS |= {
    f"power.streaming.{group}": Word(
        f"Streaming: {label}", "its part of the streaming power", "mW", 3
    )
    for group, label in POWER_GROUPS.items()
}
_WORDS |= {
    f"latency.{name}": Word(text, "electrode to host, low-latency profile", "ms", 3)
    for name, text in _STATISTICS.items()
}
_WORDS |= {
    f"latency.efficient.{name}": Word(
        f"{text}, efficient", "electrode to host, efficient profile", "ms", 3
    )
    for name, text in _STATISTICS.items()
}


_ORDER = {name: place for place, name in enumerate(_WORDS)}


def in_order(figures: Iterable[Figure]) -> list[Figure]:
    """Return figures in the order they are told in; those nobody knows come last, as taken."""
    return sorted(figures, key=lambda figure: _ORDER.get(figure.name, len(_ORDER)))


def word(name: str) -> Word:
    """Return how a figure is presented."""
    return _WORDS.get(name) or Word(name)


def shown(figure: Figure) -> Quantity | None:
    """Return a figure's value in the unit it is shown in, or None where it has none."""
    if figure.value is None:
        return None
    how = word(figure.name)
    return quantity(
        figure.value,
        figure.unit,
        figure.uncertainty,
        shown_in=how.shown_in,
        significant=how.significant,
    )


def limit_text(figure: Figure) -> str:
    """Return a figure's limit with its sense, in the unit the figure is shown in."""
    if figure.limit is None:
        return ""
    return f"{'≤' if figure.kind == 'max' else '≥'}{NO_BREAK}{_limit(figure, figure.limit)}"


def limit_words(figure: Figure) -> str:
    """Return a figure's limit as it is said."""
    if figure.limit is None:
        return ""
    return f"at {'most' if figure.kind == 'max' else 'least'} {_limit(figure, figure.limit)}"


def _limit(figure: Figure, limit: float) -> Quantity:
    unit = word(figure.name).shown_in
    if unit is None and figure.value is not None:
        unit = quantity(figure.value, figure.unit).unit or None
    return quantity(limit, figure.unit, shown_in=unit)


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
