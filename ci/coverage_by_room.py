"""Print branch coverage by package and room, and how many lines of test stand against the source.

``python ci/coverage_by_room.py coverage.json`` reads what ``coverage json`` wrote, and fails where
all of the packages are below `LEAST`; with ``--part``, after a part of the tests, it only prints.
`make coverage` does it all. Needs Python alone.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["LEAST", "Count", "by_room", "lines_of_code", "main", "ratio", "table", "whole"]

ROOT = Path(__file__).parents[1]
PACKAGES = ("boards", "firmware", "hil", "host", "signal_sim")
SHIM = "hil/virtual/micropython/shim"

LEAST = 0.90
"""The share of branches that tests take: a little under what they did when it was last set."""


class Count(NamedTuple):
    """What there is, and what of it ran.

    Attributes
    ----------
    statements_run, statements, branches_run, branches : int
    """

    statements_run: int = 0
    statements: int = 0
    branches_run: int = 0
    branches: int = 0

    def plus(self, other: Count) -> Count:
        """Add up."""
        return Count(*(a + b for a, b in zip(self, other, strict=True)))


def by_room(files: Mapping[str, Any]) -> dict[str, Count]:
    """Add up the files of each package and of each room in it.

    Parameters
    ----------
    files : mapping
        The part ``files`` of a report of coverage's.
    """
    found: dict[str, Count] = {}
    for path, file in files.items():
        parts = Path(path).with_suffix("").parts
        depth = 3 if parts[:2] == ("hil", "virtual") else 2
        keys = ("covered_lines", "num_statements", "covered_branches", "num_branches")
        count = Count(*(file["summary"][key] for key in keys))
        for n in range(1, min(depth, len(parts)) + 1):
            name = ".".join(parts[:n])
            if not name.endswith("__init__"):
                found[name] = found.get(name, Count()).plus(count)
    return dict(sorted(found.items()))


def whole(counts: Mapping[str, Count]) -> Count:
    """Add up the packages."""
    return functools.reduce(Count.plus, (counts[name] for name in counts if "." not in name))


def lines_of_code(paths: Iterable[Path]) -> int:
    """Count lines that are neither blank nor only a comment."""
    lines = (line.strip() for path in paths for line in path.read_text("utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def ratio(root: Path = ROOT) -> tuple[int, int]:
    """Return lines of test and lines of source, the shim left out."""
    sources = [p for package in PACKAGES for p in (root / package).rglob("*.py")]
    sources = [path for path in sources if not path.is_relative_to(root / SHIM)]
    return lines_of_code((root / "tests").rglob("*.py")), lines_of_code(sources)


def table(counts: Mapping[str, Count]) -> str:
    """Return a line for each package and room: the part of branches and statements that ran."""
    lines = [f"{'package, room':<32} {'branches':>8}  {'of':>6}  {'statements':>10}  {'of':>6}"]
    named = [("  " * name.count(".") + name.rpartition(".")[2], counts[name]) for name in counts]
    for name, count in [*named, ("all", whole(counts))]:
        branches = f"{_percent(count.branches_run, count.branches):>8}  {count.branches:>6}"
        statements = (
            f"{_percent(count.statements_run, count.statements):>10}  {count.statements:>6}"
        )
        lines.append(f"{name:<32} {branches}  {statements}")
    return "\n".join(lines)


def _percent(part: int, of: int) -> str:
    return f"{100 * part / of:.1f} %" if of else "-"


def main(path: Path, *, part: bool) -> int:
    """Print the table of a report and the lines of test to those of source.

    Parameters
    ----------
    path : Path
        What ``coverage json`` wrote.
    part : bool
        Whether only a part of the tests ran, so that no share is asked for.

    Returns
    -------
    int
        The exit code: 1 where the tests take less of all branches than `LEAST`.
    """
    counts = by_room(json.loads(path.read_text(encoding="utf-8"))["files"])
    tests, source = ratio()
    sys.stdout.write(
        f"{table(counts)}\n\n{tests} lines of test to {source} of source: {tests / source:.2f}\n"
    )
    reached = whole(counts)
    if part or reached.branches_run >= LEAST * reached.branches:
        return 0
    sys.stdout.write(f"The tests take less than {100 * LEAST:.0f} % of the branches.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), part="--part" in sys.argv[2:]))
