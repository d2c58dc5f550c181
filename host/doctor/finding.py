"""What a check found."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Finding", "Status"]

Status = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes
    ----------
    area : str
        What it belongs to: "eegrig", "probes" ...
    name : str
        What was looked at.
    status : {"ok", "warn", "fail"}
        "warn" limits what can be done, or does nothing yet; "fail" is broken.
    detail : str
        What was found.
    advice : str or None
        What to do about it.
    is_way : bool
        Whether this, when ok, is a way to a board, real or virtual.
    """

    area: str
    name: str
    status: Status
    detail: str
    advice: str | None = None
    is_way: bool = False
