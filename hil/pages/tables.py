"""Whole tables of a page, made of what is stored and of what boards promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eegrig.boards import Board, load_board, load_part
from eegrig.boards.errors import ConfigError
from eegrig.hil.figures.figure import Figure
from eegrig.hil.figures.verdict import Flags, judge
from eegrig.hil.pages.modes import modes_table
from eegrig.hil.pages.runs.larger_build import LARGER_INTERVAL_MS
from eegrig.hil.pages.runs.published import RADIO_ROWS
from eegrig.hil.pages.runs.rates import OWN, links, tried_rates
from eegrig.hil.pages.seeds import seeds_table
from eegrig.hil.pages.stored import Stored, StoredFigure
from eegrig.hil.pages.text import figure_text, plain, share, table
from eegrig.hil.report.vocabulary import POWER_GROUPS, by_topic, limit_text, shown, word

__all__ = ["TABLES", "Table"]

_VERDICTS = {
    "pass": "met",
    "marginal": "met, but not with its uncertainty",
    "fail": "**missed**",
    "inconclusive": "not determined",
}
_UNPROMISED = ("bandwidth.frame_loss_fastest", "power.per_channel", "energy.per_sample")
"""Figures without a target that pages show all the same."""

Table = Callable[[Mapping[str, Stored], Sequence[str]], str]


def _targets(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Hold a board's figures against its targets, and split its streaming power."""
    board, figures = _of_one(stored, boards)
    judged = [name for name in figures if name in board.targets]
    others = [name for name in _UNPROMISED if name in figures and name not in board.targets]
    topics = by_topic(_judged(board, name, figures[name]) for name in [*judged, *others])
    rows = []
    for figure in (figure for _, members in topics for figure in members):
        value = plain(str(shown(figure) or "—"))
        verdict = _VERDICTS[figure.verdict] if figure.verdict else ""
        rows.append([word(figure.name).label, value, plain(limit_text(figure)), verdict])
        if figure.name == "power.streaming":
            for group, label in POWER_GROUPS.items():
                part = figures.get(f"power.streaming.{group}")
                if part is not None and part.value:
                    rows.append([f"of it: {label}", f"{figure_text(part, 'mW ±')} mW", "", ""])
    return table(["", "simulated", "target", ""], rows)


def _judged(board: Board, name: str, figure: StoredFigure) -> Figure:
    target = board.targets.get(name)
    flags = Flags(short_window=not figure.sound)
    verdict, _ = judge(target, figure.value, figure.uncertainty, 1, flags)
    return Figure(
        name=name,
        value=figure.value,
        unit=figure.unit,
        uncertainty=figure.uncertainty,
        n=1,
        provenance="simulated",
        limit=target.limit if target else None,
        kind=target.kind if target else None,
        verdict=verdict,
        flags=flags,
    )


def _rates(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Say how a board bears its rates, and the one above."""
    board, figures = _of_one(stored, boards)
    afe = board.afe
    heads = ["rate", "SPI, of the time", "samples", "processor, of the time", "asks for"]
    for link in links(board, afe.default_rate_sps):
        profile = "low latency, " if link.key == "low_latency" else ""
        heads.append(
            f"frames lost: {'at that' if link.key == OWN else f'{profile}{link.interval_ms:g} ms'}"
        )
    frame_bits = 8 * 3 * (1 + load_part(afe.part)["channels"].si)  # a status word, then channels
    rows = []
    for rate_sps in tried_rates(board):
        key = f"rates.{rate_sps}"
        tried = links(board, rate_sps)
        lost = [_figure(figures, f"{key}.{link.key}.loss").value for link in tried]
        rows.append(
            [
                f"{rate_sps} SPS{'' if rate_sps in afe.rates_sps else ', not offered'}",
                share(rate_sps * frame_bits / afe.spi_hz, "none"),
                f"{len(afe.channels) * 24 * rate_sps / 1000:g} kbit/s",
                share(_figure(figures, f"{key}.{OWN}.processor").value, "none"),
                f"{tried[0].interval_ms:g} ms",
                *(share(value, "none") for value in lost),
            ]
        )
    return table(heads, rows)


def _larger_build(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Put what a board does on its stock runtime beside what a larger build would make of it."""
    board, figures = _of_one(stored, boards)
    rows = [
        [
            "asks for an interval of",
            f"{board.radio.efficient_interval_ms:g} ms",
            f"{LARGER_INTERVAL_MS:g} ms",
        ]
    ]
    for name, label, how in _LARGER_ROWS:
        unit = how.split()[0]
        rows.append(
            [
                label,
                f"{figure_text(_figure(figures, name), how)} {unit}",
                f"{figure_text(_figure(figures, f'larger_build.{name}'), how)} {unit}",
            ]
        )
    return table(["", "stock build", "with these options"], rows)


_LARGER_ROWS = (
    ("bandwidth.goodput", "goodput", "kbit/s"),
    ("power.streaming", "power while streaming", "mW ±"),
    ("power.streaming.radio", "of it: radio", "mW ±"),
    ("power.streaming_low_latency", "power, low-latency profile", "mW ±"),
    ("latency.mean", "latency, low-latency profile", "ms"),
    ("latency.efficient.mean", "latency, efficient profile", "ms"),
)


def _converter(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Say what the step-down converters of several boards would save."""
    heads = [
        "board",
        "as MicroPython leaves it, waiting",
        "waiting in `lightsleep`",
        "converter on, waiting",
        "converter on, `lightsleep`",
    ]
    rows = []
    for name in boards:
        _, figures = _of_one(stored, [name])
        keys = [
            f"converter.{on}.{how}" for on in ("off", "on") for how in ("waiting", "light_sleep")
        ]
        rows.append([name, *(f"{figure_text(_figure(figures, key), 'mW 3')} mW" for key in keys)])
    return table(heads, rows)


def _updates(stored: Mapping[str, Stored], boards: Sequence[str]) -> str:
    """Say how long updates take, with a column for each board."""
    columns = [_of_one(stored, [name]) for name in boards]

    def row(label: str, *keys: str) -> list[str]:
        cells = []
        for _, figures in columns:
            texts = [figure_text(_figure(figures, f"update.{key}"), "s 3") for key in keys]
            low, high = min(texts, key=float), max(texts, key=float)
            cells.append(f"{low} s" if low == high else f"{low} to {high} s")
        return [label, *cells]

    def sent(key: str) -> list[str]:
        return [
            f"{figure_text(_figure(figures, f'update.{key}.sent'), 'kB 3')} of "
            f"{figure_text(_figure(figures, f'update.{key}.total'), 'kB 3')} kB"
            for _, figures in columns
        ]

    heads = ["", *(f"{board.name} (`{board.mcu.part}`)" for board, _ in columns)]
    return table(
        heads,
        [
            ["two modules differ: sent", *sent("little")],
            row("until the board has everything and has checked it", "little.transfer"),
            row("the same, with a signature", "signed.transfer"),
            ["no file in common: sent", *sent("all")],
            row("until the board has everything and has checked it", "all.transfer"),
            row(
                "from then until it runs for good: trial, confirmation, two restarts",
                "little.trial",
                "signed.trial",
                "all.trial",
            ),
        ],
    )


def _radio(stored: Mapping[str, Stored], names: Sequence[str]) -> str:
    """Put the model beside published measurements of radios."""
    figures = stored[names[0]].figures
    rows = []
    for row in RADIO_ROWS:
        value = _figure(figures, f"radio.{row.name}")
        unit = f"µ{row.unit}"
        difference = "" if value.value is None else _difference(value.value / row.measured - 1)
        held = f"{100 * row.tolerance:.0f} %"
        if row.is_range:
            difference, held = "", f"{held} of {row.measured * 1e6:g}"
        rows.append(
            [
                row.row,
                row.conditions,
                row.published,
                f"{figure_text(value, f'{unit} 3')} {unit}",
                difference,
                held,
                "fitted to it" if row.fitted else "independent",
            ]
        )
    heads = ["row", "conditions", "published", "model", "difference", "held to", "the model is"]
    return table(heads, rows)


def _difference(relative: float) -> str:
    text = f"{100 * relative:+.0f} %"
    return "0 %" if text in ("+0 %", "-0 %") else text


TABLES: dict[str, Table] = {
    "targets": _targets,
    "rates": _rates,
    "converter": _converter,
    "larger_build": _larger_build,
    "updates": _updates,
    "radio": _radio,
    "modes": modes_table,
    "seeds": seeds_table,
}
"""By the name that a page asks for them with; the rest of the mark says of which boards."""


def _of_one(
    stored: Mapping[str, Stored], boards: Sequence[str]
) -> tuple[Board, Mapping[str, StoredFigure]]:
    if len(boards) != 1 or boards[0] not in stored:
        raise ConfigError(f"{' '.join(boards)!r} is not one board that was run")
    return load_board(boards[0]), stored[boards[0]].figures


def _figure(figures: Mapping[str, StoredFigure], name: str) -> StoredFigure:
    if name not in figures:
        raise ConfigError(f"{name} was not run; run `make figures`")
    return figures[name]
