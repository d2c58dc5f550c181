"""The facts of all stock builds side by side, as ``docs/`` shows them.

``python -m eegrig.boards.ports.table`` writes them into the pages again; a test compares.
"""

from __future__ import annotations

from pathlib import Path

from eegrig.boards.ports.port import list_ports, load_port
from eegrig.boards.ports.rows import Row
from eegrig.boards.ports.runtime import Runtime, stock_runtime

__all__ = ["facts_table", "prices_table", "with_table"]

_BEGIN = "<!-- {}: python -m eegrig.boards.ports.table -->\n"
_END = "<!-- end of {} -->\n"
_PAGES = (Path("docs") / "ports.md", Path("docs") / "cpu-time.md")
_PRICES = {"prices": "instructions", "calls": "cycles"}  # sections, and what their rows count
# Not among the facts: lists of names, which are in the files themselves, and prices.
_SKIPPED = ("names", *_PRICES)


def facts_table() -> str:
    """Return the tables: facts by build, what is assumed of them, and options beyond stock."""
    runtimes = [
        stock_runtime(port, build) for port in list_ports() for build in load_port(port).builds
    ]
    keys = dict.fromkeys(
        f"{section}.{key}"
        for runtime in runtimes
        for section, rows in runtime.rows.items()
        if section not in _SKIPPED
        for key in rows
    )
    lines = _row("fact", *(f"`{runtime.build}` ({runtime.port})" for runtime in runtimes))
    lines += "|---" * (len(runtimes) + 1) + "|\n"
    for key in keys:
        lines += _row(f"`{key}`", *(_cell(runtime.row(key)) for runtime in runtimes))
    return f"{lines}\n{_assumptions(runtimes)}\n{_options()}"


def prices_table() -> str:
    """Return the table of what code costs: by port, with spread and source."""
    runtimes = [stock_runtime(port, next(iter(load_port(port).builds))) for port in list_ports()]
    lines = _row("row", "unit", *(runtime.port for runtime in runtimes), "x/÷", "source")
    lines += "|---" * (len(runtimes) + 4) + "|\n"
    first = runtimes[0]
    for section, unit in _PRICES.items():
        for key, row in first.rows[section].items():
            cells = (_cell(runtime.rows[section][key]) for runtime in runtimes)
            source = row.source or row.assumed or ""
            lines += _row(
                f"`{section}.{key}`", _UNITS.get(key, unit), *cells, f"{row.spread:g}", source
            )
    return lines


_UNITS = {"cycles_per_instruction": "cycles", "spread": "factor"}


def with_table(page: str) -> str:
    """Return the page with the tables of now between the marks it has."""
    for name, table in (("facts", facts_table), ("prices", prices_table)):
        before, begin, rest = page.partition(_BEGIN.format(name))
        if begin:
            _, end, after = rest.partition(_END.format(name))
            page = before + begin + table() + end + after
    return page


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _cell(row: Row) -> str:
    value = row.value
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, list):
        text = ", ".join(value) or "none"
    else:
        text = f"{value}" or "none"
        if "\\" in text:  # a pattern: Markdown would take a part of it for a link
            text = f"`{text}`"
    return text + (" *assumed*" if row.assumed is not None else "")


def _assumptions(runtimes: list[Runtime]) -> str:
    reasons: dict[tuple[str, str], None] = {}
    for runtime in runtimes:
        for key, row in runtime.assumed().items():
            if key.partition(".")[0] in _PRICES:
                continue
            reasons[key, f"{runtime.port}: {row.assumed}"] = None
    lines = _row("assumed", "why, and from where") + "|---|---|\n"
    return lines + "".join(_row(f"`{key}`", reason) for key, reason in reasons)


def _options() -> str:
    lines = _row("option beyond stock", "what it buys", "facts", "values") + "|---|---|---|---|\n"
    for port in map(load_port, list_ports()):
        for name, option in port.options.items():
            whole = (option.least, option.most) != (0, 1)
            lines += _row(
                f"`{name}` ({port.name})",
                option.meaning,
                ", ".join(f"`{key}`" for key in option.sets),
                f"{option.least} to {option.most}" if whole else "true",
            )
    return lines


if __name__ == "__main__":
    for path in _PAGES:
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
