"""What pages look like: one style sheet for all of them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["style_sheet"]


def style_sheet() -> str:
    """Return the style sheet, to be put into a page."""
    return (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
