"""Say whether a tag may be released: ``python ci/check_tag.py v1.2.3`` or ``firmware-1.2.3``.

It names the version that the tree says, and the changelog has a section of it. Needs Python alone.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

__all__ = ["mistakes"]

ROOT = Path(__file__).parents[1]
FIRMWARE = "firmware-"


def mistakes(tag: str, root: Path = ROOT) -> list[str]:
    """Return what keeps a tag from being released, a line each.

    Parameters
    ----------
    tag : str
        ``v`` or ``firmware-``, and a version.
    root : Path
        The tree.
    """
    if tag.startswith(FIRMWARE):
        version = tag.removeprefix(FIRMWARE)
        says = (root / "firmware" / "VERSION").read_text(encoding="utf-8").strip()
        where, title = "firmware/VERSION", f"## firmware {version}"
    elif tag.startswith("v"):
        version = tag.removeprefix("v")
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        says = content["project"]["version"]
        where, title = "pyproject.toml", f"## {version}"
    else:
        return [f"{tag} is neither v... nor {FIRMWARE}..."]
    found = []
    if says != version:
        found.append(f"{tag}: {where} says {says}")
    lines = (root / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    if not any(line == title or line.startswith(f"{title} ") for line in lines):
        found.append(f"{tag}: CHANGELOG.md has no section that begins with {title!r}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(mistakes(sys.argv[1])) or 0)
