"""Results files of earlier schemas, as the one of today has them."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["upgraded"]

_LOST = re.compile(r"computed over (\d+) lost samples")
_FAILED = "the test failed: "
# What the notes of schema 1 and 2 said of flaws, which had no field of their own.
_PHRASES = {
    "out of range during the measurement": "saturated",
    "the board does not run the firmware that was asked for": "other_firmware",
    "the window was too short": "short_window",
}
_SHARE = re.compile(r"(?P<text>.+): (?P<percent>[0-9.]+) ?% of the energy", re.DOTALL)


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a results file as one of today.

    A file of an earlier schema has the limits of those targets only that were taken; these are the
    targets of the run. It has no tests.

    Parameters
    ----------
    content : dict
        Decoded, of schema 1, 2 or 3, without the fields that are derived; is not changed.

    Raises
    ------
    ValueError
        If it is not of its schema.
    """
    if content["schema"] == 3:
        return content
    content = {**content, "schema": 3}
    try:
        content["assumptions"] = _assumptions(content.get("assumptions", []))
        content["figures"] = [
            {**figure, "flags": _flags(figure)} for figure in content.get("figures", [])
        ]
        content["targets"] = {
            figure["name"]: {key: figure[key] for key in ("limit", "kind", "unit", "reason")}
            for figure in content["figures"]
            if figure.get("limit") is not None
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not of its schema ({type(error).__name__}: {error})") from error
    return content


def _flags(figure: dict[str, Any]) -> dict[str, Any]:
    """Return the flags of a figure, told from the words of its note."""
    if figure["verdict"] != "inconclusive":
        return {}
    flags: dict[str, Any] = {}
    others = []
    for said in str(figure["note"]).split("; "):
        if match := _LOST.fullmatch(said):
            flags["lost"] = int(match[1])
        elif said in _PHRASES:
            flags[_PHRASES[said]] = True
        elif said.startswith(_FAILED):
            flags["failed_test"] = said.removeprefix(_FAILED)
        elif said != "no value was obtained":
            others.append(said)
    if others and not flags and figure["value"] is not None:
        flags["signal_fault"] = "; ".join(others)
    return flags


def _assumptions(assumptions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return assumptions as data; those of schema 1 were a sentence for each mode and share."""
    made: dict[tuple[str, str], dict[str, Any]] = {}
    for old in assumptions:
        if "text" not in old:
            return assumptions
        match = _SHARE.fullmatch(old["text"])
        text = old["text"] if match is None else match["text"]
        fact = made.setdefault(
            (text, old["source"]), {"part": "", "key": text, "source": old["source"], "shares": {}}
        )
        if match is not None:
            share = max(float(match["percent"]) / 100, fact["shares"].get("", 0.0))
            fact["shares"] = {"": share}
    return list(made.values())
