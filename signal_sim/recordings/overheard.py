"""What reading libraries say in passing, kept to be said as notes of ours."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

__all__ = ["overheard"]

_MOST = 3
_LONGEST = 160


class _Keeper(logging.Handler):
    def __init__(self, found: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        self._found.append(record.getMessage())


@contextlib.contextmanager
def overheard(
    library: str, logger_name: str, file_name: str, *, ignore: tuple[str, ...] = ()
) -> Iterator[list[str]]:
    """Catch a library's warnings and log messages; fill the list with notes at the end.

    Parameters
    ----------
    library : str
        Its name, for people.
    logger_name : str
        Where it logs.
    file_name : str
        What it is reading.
    ignore : tuple of str
        Parts of sentences that say nothing about the file.
    """
    notes: list[str] = []
    said: list[str] = []
    logger = logging.getLogger(logger_name)
    keeper, propagate = _Keeper(said), logger.propagate
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield notes
        said += [
            str(entry.message)
            for entry in caught
            if issubclass(entry.category, (UserWarning, RuntimeWarning))
        ]
    finally:
        logger.removeHandler(keeper)
        logger.propagate = propagate
    sentences = list(dict.fromkeys(" ".join(text.split()) for text in said))
    sentences = [text for text in sentences if not any(part in text for part in ignore)]
    notes += [f"{file_name}: {library} remarks: {text[:_LONGEST]}" for text in sentences[:_MOST]]
    if len(sentences) > _MOST:
        notes.append(f"{file_name}: {library} remarks {len(sentences) - _MOST} things more")
