"""The verdict of the gate for people: 80 columns, a bar for each shift."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from eegrig.hil.figures.quantities import NO_BREAK, number, quantity
from eegrig.hil.gate.changes import Change
from eegrig.hil.gate.judge import FigureVerdict, GateVerdict

__all__ = ["WIDTH", "bar", "changes_text", "gate_text", "relative_text"]

WIDTH = 80
_NAME = 29
_SHIFT = 22
_BAR = WIDTH - _NAME - _SHIFT - 4
_MARK = {"worse": "✕", "undecided": "◔", "fine": "✓"}
_AGAINST = {"accepted": "what was accepted", "recent": "the recent runs"}


def gate_text(verdict: GateVerdict, heads: Iterable[str], *, every: bool = False) -> str:
    """Return the verdict in lines of at most `WIDTH` columns.

    Parameters
    ----------
    verdict : GateVerdict
    heads : iterable of str
        What was compared with what, a line each.
    every : bool
        Whether figures are shown that are as they were.
    """
    lines = [wrapped for head in heads for wrapped in _wrapped(head)]
    lines += _wrapped(_test(verdict))
    for against in ("accepted", "recent"):
        figures = [figure for figure in verdict.figures if figure.against == against]
        if figures:
            lines += ["", *_section(f"Against {_AGAINST[against]}", figures, every=every)]
    lines += ["", *_left_out(verdict)]
    lines += _wrapped(_sentence(verdict))
    return "\n".join(lines)


def changes_text(name: str, changes: Sequence[Change]) -> str:
    """Return the steps in a figure's history, each with what it happened between."""
    lines = []
    for change in changes:
        unit = change.first_after.unit
        before, after = (_plain(value, unit) for value in (change.before, change.after))
        step = f"{_percent(change.relative)}, " if math.isfinite(change.relative) else ""
        lines += _wrapped(f"{name}: {step}{before} to {after}, between {change.between}")
    return "\n".join(lines)


def bar(figure: FigureVerdict, width: int = _BAR) -> str:
    """Return a picture of a shift: its interval and estimate, zero, and from where on it matters.

    Parameters
    ----------
    figure : FigureVerdict
    width : int
        Columns; zero is at a third of them.
    """
    if figure.shift is None:
        return " " * width
    low, estimate, high = figure.shift
    zero = width // 3
    unit = max(2 * figure.threshold, 1.1 * high, -1.1 * low * (width - zero) / zero, 1e-300)

    def column(value: float) -> int:
        return min(max(zero + round(value / unit * (width - 1 - zero)), 0), width - 1)

    cells = ["·"] * width
    cells[column(low) : column(high) + 1] = "━" * (column(high) - column(low) + 1)
    cells[zero] = "│"
    cells[column(figure.threshold)] = "┆"
    cells[column(estimate)] = "●"
    return "".join(cells)


def relative_text(figure: FigureVerdict) -> str:
    """Return how much worse a figure is, in words."""
    if figure.shift is None:
        return figure.why or "no value"
    return _size(figure.shift.estimate, figure)


def _section(title: str, figures: Sequence[FigureVerdict], *, every: bool) -> Iterator[str]:
    shown = [each for each in figures if every or each.why or each.outcome != "fine"]
    yield f"{title + ':':<{_NAME + _SHIFT + 4}}│ as it was  ┆ it matters"
    for figure in shown:
        head = f"{_MARK[figure.outcome]} {_cut(figure.name, _NAME)} "
        yield f"{head}{_shift(figure):<{_SHIFT}} {bar(figure)}".rstrip()
        yield from (f"    {line}" for line in textwrap.wrap(_detail(figure), WIDTH - 4))
    n_hidden = len(figures) - len(shown)
    if n_hidden:
        rest = "others" if shown else "figures"
        yield f"{_MARK['fine']} {n_hidden} {rest} as they were (--all shows them)"


def _detail(figure: FigureVerdict) -> str:
    parts = [figure.why]
    if figure.baseline is not None and figure.new is not None:
        parts.append(
            f"{_plain(figure.baseline, figure.unit)} was, {_plain(figure.new, figure.unit)} is"
        )
    if figure.p is not None and figure.p_bound is not None:
        parts.append(f"p {figure.p:.2g}, counts from {figure.p_bound:.2g}")
    elif figure.noise is not None:
        known = f" ({figure.noise_known})" if figure.noise_known else ""
        parts.append(f"moves by itself up to {_size(figure.noise, figure)}{known}")
    if figure.shift is not None:
        parts.append(f"least visible {_size(figure.least_visible, figure)}")
    return "; ".join(filter(None, parts))


def _test(verdict: GateVerdict) -> str:
    if verdict.paired:
        return (
            "Test: pairs of runs with one seed; certain beyond what a change that does nothing "
            "may do. One pair is enough."
        )
    design = verdict.design
    return (
        f"Test: exact Mann-Whitney, one-sided, shift by Hodges-Lehmann; {design.n_first} new runs "
        f"against {design.n_baseline}, {design.n_more} more if one looks worse (p up to "
        f"{design.p_go_on:g}); Benjamini-Hochberg at {design.share:g} over the figures of a run."
    )


def _sentence(verdict: GateVerdict) -> str:
    worse, undecided = verdict.of("worse"), verdict.of("undecided")
    unseen = _unseen(verdict)
    if verdict.outcome == "worse":
        named = [
            f"{each.name} by {_size(each.shift.estimate, each)}"
            for each in worse
            if each.shift is not None
        ]
        return f"WORSE: {', '.join(dict.fromkeys(named))}."
    if verdict.outcome == "undecided":
        wants = []
        if verdict.wants_baseline:
            wants.append(f"{verdict.wants_baseline} more runs in the baseline")
        if verdict.wants_new:
            wants.append(f"{verdict.wants_new} more new runs")
        asked = f": take {' and '.join(wants)}, and give all of them" if wants else ""
        if not verdict.figures:
            return "UNDECIDED: there is nothing to judge."
        return f"UNDECIDED in {len(undecided)} of {len(verdict.figures)} figures{asked}."
    return f"FINE: no figure is worse. {unseen}"


def _unseen(verdict: GateVerdict) -> str:
    """Say what could not have been seen: of most figures, and of those that hide the most."""
    relative = sorted(
        (each.least_visible / each.reference, each.name)
        for each in verdict.figures
        if each.reference and each.shift is not None and each.against == "accepted"
    )
    if not relative:
        return ""
    middle = relative[len(relative) // 2][0]
    chance = "certain to be seen" if verdict.paired else "seen with a chance of 0.9"
    text = f"{_percent(middle, signed=False)} is {chance} in half of them"
    hidden = [
        f"{name} {_percent(least, signed=False)}"
        for least, name in reversed(relative[-3:])
        if least > 1.5 * middle
    ]
    return text + (f"; least visible are {', '.join(hidden)}." if hidden else ".")


def _left_out(verdict: GateVerdict) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, why in verdict.left_out.items():
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield from _wrapped(f"Not judged, {why}: {named}")


def _shift(figure: FigureVerdict) -> str:
    if figure.shift is None:
        return "no value"
    low, estimate, high = figure.shift
    if not low and not high:
        return "equal"
    if not figure.reference:
        return _plain(estimate, figure.unit, signed=True)
    if figure.n_new == 1 and low == high:
        return f"{_percent(estimate / figure.reference)}, one pair"
    numbers = [_signed(100 * each / figure.reference) for each in (low, high)]
    return f"{_percent(estimate / figure.reference)} [{', '.join(numbers)}]"


def _size(value: float, figure: FigureVerdict) -> str:
    if not math.isfinite(value):
        return "nothing at all"
    if figure.reference:
        return _percent(value / figure.reference, signed=False)
    return _plain(value, figure.unit)


def _percent(share: float, *, signed: bool = True) -> str:
    text = _signed(100 * share) if signed else _rounded(100 * share)
    return f"{text}{NO_BREAK}%"


def _signed(value: float) -> str:
    text = _rounded(value)
    return text if value <= 0 or text == "0" else f"+{text}"


def _rounded(value: float) -> str:
    return number(value, 2 if abs(value) < 100 else 3) if abs(value) >= 0.005 else "0"


def _plain(value: float, unit: str, *, signed: bool = False) -> str:
    text = str(quantity(value, unit))
    return f"+{text}" if signed and value > 0 else text


def _cut(name: str, width: int) -> str:
    return f"{name:<{width}}" if len(name) <= width else f"{name[: width - 1]}…"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=True)
