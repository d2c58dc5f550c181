"""What a run has to account for besides figures: its tests, what it left out, and an early end."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

import msgspec

from eegrig.hil.figures.verdict import Verdict

__all__ = ["Attempt", "Because", "NotMeasured", "Outcome", "RunTest", "Stop", "words"]

Because = Literal["not selected", "skipped", "stopped", ""]
"""Why a target has no figure; empty for what is no target."""


Outcome = Literal["through", "refused", "ignored", "recovered", "harm"]
"""What came of an attempt: it got through, the board refused it or gave no answer, recovered from
it, or was not what it had been afterwards."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that somebody tried with a board, and what came of it.

    Attributes
    ----------
    suite : str
        That tried it.
    group : str
        What it belongs to, in words.
    name : str
        What was tried, in words.
    outcome : Outcome
    said : str
        What the board did.
    meaning : str
        What that means for the board's wearer.
    """

    suite: str
    group: str
    name: str
    outcome: Outcome
    said: str = ""
    meaning: str = ""


class NotMeasured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something a reader might expect, and why it is not there.

    Attributes
    ----------
    what : str
        Name of a target, or words.
    why : str
        In a sentence.
    because : {"not selected", "skipped", "stopped", ""}
        The same of a target, in one word: the selection of tests left it out, its test was skipped,
        or the run ended before.
    """

    what: str
    why: str
    because: Because = ""


class Stop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a run ended before its tests did.

    Attributes
    ----------
    reason : str
        In one line.
    exit_code : int
        Of the command; never 0.
    """

    reason: str
    exit_code: int = 1


class RunTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a test.

    Attributes
    ----------
    id : str
        As pytest and ``junit.xml`` name it.
    suite : str
        The file it is in, without ``test_``.
    outcome : {"passed", "failed", "skipped", "error"}
        As in ``junit.xml``: ``error`` is one of what the test needs, before or after it.
    reason : str
        Why it did not pass, in one line.
    verdict : {"fail", "inconclusive"} or None
        What it adds to the run's verdict: the board is not what the test asserts, or it could not
        be told; None where the test passed or was skipped, or failed because of its figures.
    figures : list of str
        What it took, or was there to take.
    seconds : float
        It lasted on the clock of the wall; no part of a digest.
    """

    id: str
    suite: str
    outcome: Literal["passed", "failed", "skipped", "error"]
    reason: str = ""
    verdict: Verdict | None = None
    figures: list[str] = []
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """Suite and name in words: ``power: sleeping``."""
        return ": ".join(words(self.id))


def words(test_id: str) -> tuple[str, str]:
    """Return suite and name of a test, as people read them."""
    suite, _, name = test_id.partition("::")
    plain, bracket, parameter = name.partition("[")
    topic = PurePosixPath(suite).stem.removeprefix("test_").replace("_", " ")
    return topic, plain.removeprefix("test_").replace("_", " ") + bracket + parameter
