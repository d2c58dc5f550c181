"""Print branch coverage by package and room, and how many lines of test stand against the source.

``python ci/coverage_by_room.py coverage.json`` reads what ``coverage json`` wrote; `make coverage`
does both. Needs Python alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["by_room", "lines_of_code", "ratio", "table"]

ROOT = Path(__file__).parents[1]
PACKAGES = ("boards", "firmware", "hil", "host", "signal_sim")
SHIM = "hil/virtual/micropython/shim"

Counts = dict[str, tuple[int, int]]
"""By name: what ran, and what there is, in statements and branches."""


def by_room(files: Mapping[str, Any]) -> Counts:
    """Add up the files of each package and of each room in it.

    Parameters
    ----------
    files : mapping
        The part ``files`` of a report of coverage's.
    """
    found: Counts = {}
    for path, file in files.items():
        parts = Path(path).with_suffix("").parts
        depth = 3 if parts[:2] == ("hil", "virtual") else 2
        summary = file["summary"]
        ran = summary["covered_lines"] + summary["covered_branches"]
        there = summary["num_statements"] + summary["num_branches"]
        for n in range(1, min(depth, len(parts)) + 1):
            name = ".".join(parts[:n])
            if not name.endswith("__init__"):
                have = found.get(name, (0, 0))
                found[name] = (have[0] + ran, have[1] + there)
    return dict(sorted(found.items()))


def lines_of_code(paths: Iterable[Path]) -> int:
    """Count lines that are neither blank nor only a comment."""
    lines = (line.strip() for path in paths for line in path.read_text("utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def ratio(root: Path = ROOT) -> tuple[int, int]:
    """Return lines of test and lines of source, the shim left out."""
    sources = [p for package in PACKAGES for p in (root / package).rglob("*.py")]
    sources = [path for path in sources if not path.is_relative_to(root / SHIM)]
    return lines_of_code((root / "tests").rglob("*.py")), lines_of_code(sources)


def table(counts: Counts) -> str:
    """Return a line for each package and room: its part of statements and branches that ran."""
    lines = [f"{'package, room':<32} {'covered':>8}  {'of':>6}"]
    for name, (ran, there) in counts.items():
        indent = "  " * name.count(".")
        part = f"{100 * ran / there:.1f} %" if there else "-"
        lines.append(f"{indent + name.rpartition('.')[2]:<32} {part:>8}  {there:>6}")
    total = [sum(counts[name][at] for name in counts if "." not in name) for at in (0, 1)]
    if total[1]:
        lines.append(f"{'all':<32} {100 * total[0] / total[1]:.1f} %  {total[1]:>6}")
    return "\n".join(lines)


if __name__ == "__main__":
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tests, source = ratio()
    sys.stdout.write(
        f"{table(by_room(report['files']))}\n\n"
        f"{tests} lines of test to {source} of source: {tests / source:.2f}\n"
    )
