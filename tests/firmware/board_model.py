"""A board's answers and streams, as docs/protocol.md has them: a model to hold a firmware against.

Sizes and phases of commands are those of the page's tables, the rest is from its text. The model is
told what happens, in the words of `moments_on_micropython`'s log, and asserts that it may.
"""

from __future__ import annotations

import struct
from collections import Counter

from .protocol_page import commands_of_page

COMMANDS = commands_of_page()
START, STOP, SET_RATE, TEST_SIGNAL, PING, SLEEP, IMPEDANCE = 1, 2, 3, 4, 5, 6, 0x10
OK, UNKNOWN_COMMAND, BAD_LENGTH, BAD_RATE, BUSY, AFE_FAULT, TOO_SMALL, _, BAD_ARGUMENT = range(9)
AFE_LOST, AFE_BAD_ID, LINK_ERROR, OVERRUN = 1, 2, 3, 4
EEG, COUNTER, THROUGHPUT = 0, 1, 2
RATES = (250, 500, 1000)
LARGEST = 244
SMALLEST = 16 + 3 * 8
EIO = 5


class Stream:
    """What a START that was answered OK asked for, and how far its packets are."""

    def __init__(self, command: bytes, settings: dict[str, int]) -> None:
        payload, self.profile, self.pattern = struct.unpack_from("<HBB", command, 2)
        self.payload = min(payload, LARGEST)
        self.settings = dict(settings)
        self.next: dict[int, tuple[int, int]] = {}  # by stream: sequence and index

    def flags(self) -> int:
        if self.pattern == THROUGHPUT:
            return 0
        found = 0x02 if self.pattern == COUNTER else 0
        found |= 0x04 if self.profile else 0
        found |= 0x08 if self.settings["signal"] else 0
        return found | (0x10 if self.settings["driven"] else 0)

    def streams(self, *, light: bool) -> set[int]:
        if self.pattern == THROUGHPUT:
            return {0x7F}
        return {0, 1} if self.pattern == EEG and light else {0}


class Board:
    """The page, read once more: what a board has been asked for, and what it is to say."""

    def __init__(self, seen: Counter[str], *, light: bool, on_trial: bool) -> None:
        self.seen = seen
        self.light = light
        self.rest = "on trial" if on_trial else "idle"
        self.settings = {"rate": 250, "signal": 0, "driven": 0}
        self.fault = 0
        self.may_fault: set[int] = set()  # what a START that is over may have found, besides
        self.wrong_part = False
        self.events: set[int] = set()  # those that may come
        self.updating = False
        self.waited: set[int | None] = set()  # tags that waited when the last pass ended
        self.just_stopped = False
        self.asleep = 0  # passes until it can be found again
        self.starting: bytes | None = None  # the START that waits for its answer
        self.host_left()

    def host_left(self) -> None:
        """Nothing that one host asked for matters to the next."""
        self.owed: list[tuple[int, int, int]] = []  # opcode, tag, status of what comes at once
        self.forget_start()
        self.stopping: int | None = None  # tag of the STOP
        self.stream: Stream | None = None
        self.leaving = False
        self.settings["driven"] = 0  # no current into anybody's skin without a host

    def phase(self) -> str:
        """Return what it is doing."""
        if self.leaving:
            return "leaving"
        if self.stopping is not None:
            return "stopping"
        if self.starting is not None:
            return "starting"
        if self.stream is not None:
            return "streaming"
        return "updating" if self.updating else self.rest

    # --- what happens, as it is in the log

    def happens(self, what: str, data: bytes) -> None:
        getattr(self, f"on_{what}")(data)

    def on_command(self, command: bytes) -> None:
        opcode, tag = command[:2]
        row = COMMANDS.get(opcode)
        if row is None:
            status = UNKNOWN_COMMAND
        elif len(command) != row.size + 2:
            status = BAD_LENGTH
        else:
            phase = self.phase()
            self.seen[f"{row.name} while {phase}"] += 1
            status = self.by_arguments(command) if phase in row.phases else BUSY
        if status == OK and opcode in (START, STOP):
            self.start_or_stop(command)
            return
        self.owed.append((opcode & 0x7F, tag, status))
        if status == OK:
            self.set(opcode, command[2:])

    def by_arguments(self, command: bytes) -> int:
        """Return the status of a command that may come now."""
        opcode = command[0]
        if opcode == START:
            payload, profile, pattern = struct.unpack_from("<HBB", command, 2)
            if profile > 1 or pattern > THROUGHPUT:
                return BAD_ARGUMENT
            return OK if payload >= SMALLEST else TOO_SMALL
        if opcode == SET_RATE:
            return OK if int.from_bytes(command[2:], "little") in RATES else BAD_RATE
        if opcode == TEST_SIGNAL:
            return OK if command[2] <= 2 else BAD_ARGUMENT
        if opcode == SLEEP:
            return OK if any(command[2:]) else BAD_ARGUMENT
        return OK

    def set(self, opcode: int, arguments: bytes) -> None:
        name = {SET_RATE: "rate", TEST_SIGNAL: "signal", IMPEDANCE: "driven"}.get(opcode)
        if name is not None:
            self.settings[name] = int.from_bytes(arguments, "little")
        self.leaving = self.leaving or opcode == SLEEP

    def start_or_stop(self, command: bytes) -> None:
        opcode, tag = command[:2]
        if opcode == START:
            self.starting = command
            return
        self.stopping = tag
        if self.starting is not None:
            self.seen["a START that is stopped"] += 1
            self.owed.append((START, self.starting[1], BUSY))
            self.forget_start()

    def forget_start(self) -> None:
        """It is over, and may have found out whether its front end is right, or not."""
        if self.starting is not None:
            self.may_fault.add(AFE_BAD_ID if self.wrong_part else 0)
        self.starting = None

    def on_control(self, data: bytes) -> None:
        if len(data) == 6:
            assert data[0] == 0xE0
            self.on_event(data[1])
            return
        assert data[0] & 0x80
        opcode, tag, status = data[0] & 0x7F, data[1], data[2]
        if opcode == STOP and tag == self.stopping:
            assert status == OK
            self.just_stopped = self.stream is not None  # what ends it may be told yet
            self.stopping = self.stream = None
        elif self.owed and (opcode, tag) == self.owed[0][:2]:
            assert status == self.owed.pop(0)[2]
        else:
            assert self.starting is not None, f"nobody waits for {data.hex()}"
            assert (opcode, tag) == (START, self.starting[1])
            self.on_started(self.starting, status)

    def on_started(self, command: bytes, status: int) -> None:
        if self.wrong_part and command[5] != THROUGHPUT:
            assert status == AFE_FAULT
            self.fault = AFE_BAD_ID
        else:
            assert status == OK
            self.fault = 0
            self.may_fault = set()
            self.stream = Stream(command, self.settings)
        self.starting = None

    def on_event(self, code: int) -> None:
        assert code in self.events
        self.seen[f"event {code}"] += 1
        if code != OVERRUN:
            assert self.stream is not None or self.stopping is not None or self.just_stopped
            self.stream = None
        if code == AFE_LOST:
            self.fault = code

    def on_converts(self, registers: bytes) -> None:
        """The front end begins to, set up as its data sheet says (SBAS499C 9.6.1)."""
        if self.stream is None:  # stopped while it begins to: it is off when that is over
            assert self.just_stopped
            return
        assert self.stream.pattern != THROUGHPUT
        asked = self.stream.settings
        assert registers[1] & 7 == {250: 6, 500: 5, 1000: 4}[asked["rate"]]
        assert [r & 7 for r in registers[5:13]] == [{0: 0, 1: 5, 2: 1}[asked["signal"]]] * 8
        assert registers[0x0F] == asked["driven"]

    def on_packet(self, data: bytes) -> None:
        stream = self.stream
        assert stream is not None, "a packet that nobody asked for"
        sequence, of, flags, first, _, n, *_ = struct.unpack_from("<HBBIIBBBB", data)
        asked_flags = stream.flags()
        assert of in stream.streams(light=self.light)
        assert flags & ~1 == asked_flags
        assert len(data) <= stream.payload
        if of == 0x7F:
            assert len(data) == stream.payload
        next_sequence, next_first = stream.next.get(of, (0, 0))
        # A packet that failed is followed by others until the main loop takes note.
        failed = LINK_ERROR in self.events and sequence == next_sequence + 1
        assert sequence == next_sequence or failed
        assert first == next_first or ((flags & 1 or failed) and first > next_first)
        stream.next[of] = sequence + 1, first + n
        if stream.pattern == COUNTER:
            codes = [(8 * (first + i) + c) % 2**24 for i in range(n) for c in range(8)]
            assert data[16:] == b"".join(code.to_bytes(3, "big") for code in codes)
        self.seen[f"packet of stream {of} with flags {asked_flags:#x}"] += 1

    def on_message(self, data: bytes) -> None:
        """A message of an update: it is answered when the main loop finds it."""

    def on_update(self, data: bytes) -> None:
        if data[1]:  # not the updater's
            assert self.phase() not in (self.rest, "updating")
            self.seen["an update that is refused"] += 1
        else:
            assert self.phase() in (self.rest, "updating")
            self.updating = True

    def on_updated(self, _: bytes) -> None:
        self.updating = False

    def on_gone(self, _: bytes) -> None:
        self.asleep = 2 if self.leaving else 0
        self.host_left()

    def on_here(self, _: bytes) -> None:
        pass

    def on_passed(self, _: bytes) -> None:
        """The main loop has looked after everything that came before it began to."""
        assert not self.owed
        waits = {self.stopping, None if self.starting is None else self.starting[1]} - {None}
        assert not waits & self.waited
        self.waited = waits
        self.just_stopped = False
        self.asleep = max(0, self.asleep - 1)

    def check(self, info: bytes, lines: tuple[bool, bool]) -> None:
        """Hold what the board says of itself, and does, against what it was asked for."""
        assert not self.owed
        if info[18] != self.fault:
            assert info[18] in self.may_fault
            self.fault = info[18]
        state = 2 if self.fault else 1 if self.stream is not None else 0
        if self.stopping is None:
            assert info[1] == state
        assert int.from_bytes(info[2:4], "little") == self.settings["rate"]
        if self.stopping is None and self.starting is None:
            # Powered and started for a stream that needs it, and for nothing else.
            needs = self.stream is not None and self.stream.pattern != THROUGHPUT
            assert lines == (needs, needs)
