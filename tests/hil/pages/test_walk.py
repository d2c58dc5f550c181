"""What a page shows of a command is what it says now, but for what no two runs say alike."""

from __future__ import annotations

import pytest

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.pages.runs.walk import Heard, commands, written
from eegrig.hil.pages.stored import Step

PAGE = """
```console
$ make .venv/.installed
```
```console
$ up
up, process 12
$ quiet
```
"""


def test_commands_come_with_the_lines_shown_under_them() -> None:
    assert commands(PAGE) == [
        Step(command="up", shown=["up, process 12"]),
        Step(command="quiet", shown=[]),
    ]


def test_hashes_and_sizes_are_taken_over_and_process_numbers_are_not() -> None:
    shown = [
        "band is up, process 12",
        "21 files, 124 KiB; image 983deac630a9, sources 350e58571498",
    ]
    said = (
        "something else\n"
        "22 files, 130 KiB; image 000011112222, sources aaaabbbbcccc-dirty\n"
        "band is up, process 999\n"
    )
    assert written(Heard(Step(command="up", shown=shown), said)).shown == [
        "band is up, process 12",
        "22 files, 130 KiB; image 000011112222, sources 350e58571498",
    ]


def test_a_line_that_is_not_said_any_more_is_named() -> None:
    step = Step(command="up", shown=["band is up"])
    with pytest.raises(InfrastructureError, match="`up` does not say what the page shows"):
        written(Heard(step, "band is down\n"))
