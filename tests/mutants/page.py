"""The survivors that docs/mutants.md explains.

A heading in back ticks names a source file; below it a point a reason: the function, the changes
as the run prints them, and why no test can tell them from the original::

    ### `hil/measure/noise.py`

    - `shorted_noise`: `n > 1 → n >= 1`, `1 → 2 (3)`: why nobody can see it.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["PAGE", "explained", "explained_on"]

PAGE = "docs/mutants.md"

Key = tuple[str, str, str]
"""File, function and change."""


def explained(text: str) -> dict[Key, str]:
    """Return the explained survivors of the page's text, each with its reason.

    Raises
    ------
    ValueError
        If a point is not as above, or a change is explained twice.
    """
    found: dict[Key, str] = {}
    path = ""
    for block in re.split(r"\n(?=[-#])|\n\n", text):
        line = " ".join(block.split())
        if heading := re.fullmatch(r"### `(.+)`", line):
            path = heading[1]
        elif line.startswith("#"):
            path = ""
        elif path and line.startswith("- "):
            point = re.fullmatch(r"- `([^`]+)`: ((?:`[^`]+`,? ?)+): (.+)", line)
            if point is None:
                raise ValueError(f"{path}: not `function`: `change`, ...: reason: {line!r}")
            for change in re.findall(r"`([^`]+)`", point[2]):
                key = (path, point[1], change)
                if key in found:
                    raise ValueError(f"{path}: {point[1]}: {change!r} is explained twice")
                found[key] = point[3]
    return found


def explained_on(root: Path) -> dict[Key, str]:
    """Return the explained survivors of a tree's page."""
    return explained((root / PAGE).read_text(encoding="utf-8"))
