"""Units of voltage, in the spellings that recordings have."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["text", "volts_per_unit"]

_SCALE = {"": 1.0} | dict.fromkeys(("m", "milli"), 1e-3)
_SCALE |= dict.fromkeys(("u", "micro", "mk", "mc"), 1e-6) | dict.fromkeys(("n", "nano"), 1e-9)
_UNIT = re.compile(rf"({'|'.join(_SCALE)})(?:v|volts?)")
_LETTERS = str.maketrans(
    {
        "\u03bc": "u",  # Greek small letter mu; the micro sign becomes it in NFKC
        # The Russian short form of microvolt.
        "\u043c": "m",
        "\u043a": "k",
        "\u0432": "v",
        # The micro sign of the code pages 437 and 850, and mu of ISO 8859-7, read as Latin-1.
        "\u00e6": "u",
        "\u00ec": "u",
        "\u00e2": None,  # what is left of UTF-8 that was read as Latin-1 and written as UTF-8
    }
)


def text(field: bytes) -> str:
    """Return a field of a header as text: UTF-8 where it is that, else Latin-1, without padding."""
    try:
        decoded = field.decode("utf-8")
    except UnicodeDecodeError:
        decoded = field.decode("latin-1")
    return decoded.strip(" \x00\t\r\n")


def volts_per_unit(unit: str) -> float | None:
    """Return the volts in one `unit`, or None where it is no voltage."""
    plain = unicodedata.normalize("NFKC", unit).lower().translate(_LETTERS)
    found = _UNIT.fullmatch(re.sub(r"[\s._\[\]()]", "", plain))
    return None if found is None else _SCALE[found[1]]
