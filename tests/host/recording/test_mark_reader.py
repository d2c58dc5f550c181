"""Lines that become marks, each at the time it came."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator

import pytest

from eegrig.host.recording.mark_reader import read_marks

Marks = queue.SimpleQueue[tuple[str, int]]


@pytest.fixture
def pipe() -> Iterator[tuple[int, Marks, list[int]]]:
    """The writing end of a pipe, what is marked from it, and the clock's next readings."""
    reading, writing = os.pipe()
    marks: Marks = queue.SimpleQueue()
    times_ns = [10, 20, 30]
    lines = os.fdopen(reading)
    read_marks(lines, lambda: times_ns.pop(0), lambda text, at_ns: marks.put((text, at_ns)))
    yield writing, marks, times_ns
    os.close(writing)
    for thread in threading.enumerate():
        if thread.name == "marks":
            thread.join(30)  # the end of the lines is its end
    lines.close()


def test_a_line_is_a_mark_when_it_comes_and_not_before_it_is_whole(pipe) -> None:
    writing, marks, times_ns = pipe
    os.write(writing, b"stimulus A\nstim")
    assert marks.get(timeout=30) == ("stimulus A", 10)
    assert times_ns == [20, 30]  # nobody has asked for the time of half a line
    os.write(writing, b"ulus B\n")
    assert marks.get(timeout=30) == ("stimulus B", 20)


def test_an_empty_line_is_a_mark_without_a_name(pipe) -> None:
    writing, marks, _ = pipe
    os.write(writing, b"  \n")
    assert marks.get(timeout=30) == ("mark", 10)
