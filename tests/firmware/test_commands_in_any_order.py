"""Commands in any order and at any moment: the board answers, and streams, what the page says.

The real firmware, on a board that is played (`moments_on_micropython`), and a model of the page
(`board_model`). Which cases there were is counted, and none may be missing.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from .board_model import (
    AFE_LOST,
    COMMANDS,
    COUNTER,
    EEG,
    EIO,
    IMPEDANCE,
    LARGEST,
    LINK_ERROR,
    OVERRUN,
    PING,
    RATES,
    SET_RATE,
    SLEEP,
    SMALLEST,
    START,
    STOP,
    TEST_SIGNAL,
    THROUGHPUT,
    Board,
)
from .conftest import MicroPython
from .protocol_page import PHASES

GOOD_START = st.builds(
    lambda *arguments: struct.pack("<BHBB", START, *arguments),
    st.sampled_from([LARGEST, LARGEST, 512, SMALLEST]),
    st.integers(0, 1),
    st.sampled_from([EEG, EEG, EEG, COUNTER, THROUGHPUT]),
)
GOOD = st.one_of(
    GOOD_START,
    st.just(bytes([STOP])),
    st.builds(lambda rate: struct.pack("<BH", SET_RATE, rate), st.sampled_from(RATES)),
    st.builds(lambda signal: bytes([TEST_SIGNAL, signal]), st.integers(0, 2)),
    st.just(bytes([PING])),
    st.just(struct.pack("<BH", SLEEP, 1)),
    st.builds(lambda bits: bytes([IMPEDANCE, bits]), st.sampled_from([0, 3, 255])),
)
BAD = st.one_of(
    st.builds(
        lambda *arguments: struct.pack("<BHBB", START, *arguments),
        st.sampled_from([0, SMALLEST - 1, LARGEST]),
        st.integers(0, 2),
        st.integers(0, 3),
    ),
    st.sampled_from([struct.pack("<BH", SET_RATE, 333), bytes([TEST_SIGNAL, 3]), b"\6\0\0"]),
    st.binary(min_size=1, max_size=6),
)
# Weighted: in most cases something that could be done, were it the time for it.
HAPPENING = st.integers(0, 19).flatmap(
    lambda n: (
        st.tuples(st.just("command"), GOOD if n < 15 else BAD)
        if n < 17
        else st.tuples(st.just("message"), st.sampled_from([b"\1", b"\2"]))
        if n < 19
        else st.tuples(st.just("leave"), st.just(b""))
    )
)
# Several at once or close to each other, from a moment in a pass of the main loop on. A pass that
# begins a stream has some hundred moments.
BURST = st.tuples(
    st.one_of(st.integers(0, 3), st.integers(0, 120)),
    st.lists(st.tuples(st.integers(0, 2), HAPPENING), min_size=1, max_size=3),
)


class AnyOrder(RuleBasedStateMachine):
    """A host that does not wait, on a board whose surroundings are not always kind."""

    whole_board: MicroPython
    light: bool
    on_trial: bool
    seen: Counter[str]

    @initialize()
    def boot(self) -> None:
        self.whole_board("boot({})", self.on_trial)
        self.board = Board(self.seen, light=self.light, on_trial=self.on_trial)
        self.tag = 0
        self.connected = True

    @rule(bursts=st.lists(BURST, min_size=1, max_size=2))
    def things_happen(self, bursts: list[tuple[int, list[tuple[int, tuple[str, bytes]]]]]) -> None:
        plan = []
        for moment, burst in bursts:
            for gap, (what, data) in burst:
                moment += gap
                plan.append((moment, what, data))
        self.run_once(sorted(plan, key=lambda step: step[0]))

    @rule(
        phase=st.sampled_from(PHASES),
        start=GOOD_START,
        full=st.booleans(),
        departs=st.sampled_from([False, False, True]),
        commands=st.lists(st.tuples(st.integers(0, 1), GOOD), min_size=2, max_size=6),
        behind=st.lists(st.one_of(st.just(bytes([STOP])), GOOD), max_size=3),
    )
    def a_host_does_not_wait(
        self,
        phase: str,
        start: bytes,
        full: bool,
        departs: bool,
        commands: list[tuple[int, bytes]],
        behind: list[bytes],
    ) -> None:
        """It brings the board into a phase, if it may, and asks for more at once."""
        self.run_once([(0, "command", bytes([STOP])), (0, "message", b"\2")])
        moment = 0
        before: list[tuple[int, str, bytes]] = []
        if phase == "starting":
            before = [(0, "command", start)]
            moment = 10
        elif phase in ("streaming", "stopping"):
            if phase == "stopping":  # which takes something that is not sent yet
                start = struct.pack("<BHBB", START, LARGEST, 0, EEG)
                before = [(0, "command", bytes([STOP]))]
            self.run_once([(0, "command", start)])
            self.time_passes(2)
            if full or phase == "stopping":
                self.change("refusals")
        elif phase == "updating":
            self.run_once([(0, "message", b"\1")])
        elif phase == "leaving":
            before = [(0, "command", struct.pack("<BH", SLEEP, 1))]
        if departs:  # and another one comes
            before += [(moment, "leave", b""), (moment, "arrive", b"")]
        for gap, command in commands:
            moment += gap
            before.append((moment, "command", command))
        self.run_once(before, behind)

    @rule(n=st.integers(1, 3))
    def time_passes(self, n: int) -> None:
        for _ in range(n):
            self.run_once([])

    def tagged(self, command: bytes) -> bytes:
        """Give a command a tag of its own."""
        self.tag = (self.tag + 1) % 256
        return command[:1] + bytes([self.tag]) + command[1:]

    def run_once(self, plan: list[tuple[int, str, bytes]], behind: Sequence[bytes] = ()) -> None:
        happenings = [(0, "arrive", b"")]
        for moment, what, data in plan:
            happenings.append((moment, what, self.tagged(data) if what == "command" else data))
        log, connected, to_be_found, lines, info = self.whole_board(
            "run_once({}, {})", happenings, [("command", self.tagged(data)) for data in behind]
        )
        for what, data in log:
            note(f"{self.board.phase()}: {what} {data[:16].hex(' ')}")
            self.board.happens(what, data)
        assert connected or to_be_found or self.board.asleep
        self.board.check(info, lines)

    @rule(
        start=GOOD_START,
        change=st.sampled_from(["identity", "silent", "errno", "refusals"]),
        first=st.booleans(),
    )
    def something_is_wrong(self, start: bytes, change: str, first: bool) -> None:
        """For a while, before a START or after it; then all is well."""
        if first:
            self.change(change)
        self.run_once([(0, "command", start)])
        self.change(change)
        self.time_passes(3)
        self.change("nothing")

    def change(self, change: str) -> None:
        board = self.board
        if change == "refusals" and self.light:  # that port waits
            return
        board.wrong_part = change == "identity"
        self.surround("identity", 0x11 if board.wrong_part else 0x3E)
        self.surround("silent", change == "silent")
        self.surround("errno", EIO if change == "errno" else 0)
        self.surround("refusals", 20 if change == "refusals" else 0)
        event = {"silent": AFE_LOST, "errno": LINK_ERROR, "refusals": OVERRUN}.get(change)
        if event is not None:
            board.events.add(event)

    def surround(self, what: str, value: object) -> None:
        self.whole_board("surround({}, {})", what, value)


def test_whatever_comes_when_the_board_says_and_streams_what_it_was_asked_for(
    moments: MicroPython, port: str
) -> None:
    counts: Counter[str] = Counter()
    # So many that all of it is there, whichever they are: Hypothesis makes other ones where eegrig
    # is installed, since it takes values from the sources of what is not.
    for on_trial, n_examples in ((False, 60), (True, 20)):
        machine: Any = type(
            "Machine",
            (AnyOrder,),
            {
                "whole_board": moments,
                "light": port == "zephyr",
                "on_trial": on_trial,
                "seen": counts,
            },
        )
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=n_examples,
                stateful_step_count=25,
                phases=[Phase.generate],  # to make an example smaller takes minutes
            ),
        )
    # It was all there: every command in every phase, and every kind of stream.
    for row in COMMANDS.values():
        for phase in PHASES:
            assert counts[f"{row.name} while {phase}"], (row.name, phase)
    flags = dict.fromkeys((0x02, 0x04, 0x08, 0x10), 0)
    for what, n in counts.items():
        if what.startswith("packet"):
            flags = {f: v + n * bool(int(what.split()[-1], 16) & f) for f, v in flags.items()}
    assert all(flags.values()), flags
    for what in ("a START that is stopped", "an update that is refused", "event 1", "event 3"):
        assert counts[what], what
    assert counts[f"packet of stream {0x7F} with flags 0x0"]
    if port == "stm32":
        assert counts["event 4"]
