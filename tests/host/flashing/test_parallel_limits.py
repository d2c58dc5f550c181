"""Boards flashed side by side: one whose process hangs does not keep the others."""

from __future__ import annotations

import multiprocessing

import pytest

from eegrig.host.flashing import parallel
from eegrig.host.flashing.production import Outcome


@pytest.mark.timeout(30)
def test_a_process_that_says_nothing_is_given_up_and_the_others_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parallel, "_SILENCE_S", 0.2)
    monkeypatch.setattr(parallel, "_LOOK_S", 0.05)
    silent, _kept_open = multiprocessing.Pipe(duplex=False)
    talks, says = multiprocessing.Pipe(duplex=False)
    says.send(0.5)
    says.send(Outcome("probe"))
    says.close()
    fractions: list[float] = []
    outcomes: dict[int, Outcome] = {}
    given_up = parallel._listen([silent, talks], [None, fractions.append], outcomes)
    assert given_up == {0}
    assert fractions == [0.5]
    assert set(outcomes) == {1}
    assert "nothing was heard of it for 0.2 s" in parallel._why(silent=True)
