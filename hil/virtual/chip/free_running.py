"""A core that executes firmware by itself, in step with virtual time.

Virtual time stands still while the core executes; it never executes beyond the next thing that
happens anywhere, so whatever happens finds it where it is at that time. Inside such a stretch the
core is ahead of the loop, and `CoreClock` is what its peripherals go by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.chip.cortex_m.stops import Stop
from eegrig.hil.virtual.chip.cortex_m.systick import NEVER
from eegrig.hil.virtual.chip.cortex_m.tally import TICKS, Field
from eegrig.hil.virtual.chip.signals import PowerLost
from eegrig.hil.virtual.clock import NS_PER_S, Cancellable, OwnedClock, VirtualLoop

__all__ = ["CoreClock", "FreeRunning", "LowPower", "Wait"]

Wait = Literal["sleep", "stop", "standby"]
"""How deep a core waits: its clock alone stands, all fast clocks do, or nothing is left."""

SLEEPDEEP = 1 << 2
NO_PROGRAM = 0xFFFF_FFF0  # where erased memory says that a program begins
_MANY_BLOCKS = 1 << 60
LONGEST_NS = 10_000_000
"""The core executes no longer without a look at what is real: a program may loop for ever."""
RESET_NS = 20_000
"""Shortest reset: how long STM32 chips hold theirs, whatever asks for it; of ST's manuals,
from memory, assumed. Without it, firmware that only resets would take hardly any time."""
# An interrupt starts the clock of a core that sleeps within its latency (Arm DDI 0439, 3.9.1).
WAKE_CYCLES = 12


class CoreClock:
    """Time as the core sees it: the loop's, or ahead of it while it executes.

    Parameters
    ----------
    loop : VirtualLoop

    Attributes
    ----------
    executing : bool
        Whether the core is ahead of the loop.
    hz : int
        Frequency of the core.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._calls = OwnedClock(loop, self)  # what concerns this core
        self.executing = False
        self.hz = 4_000_000
        self._anchor = (0, loop.now_ns())  # a count of cycles, and when that was
        self._cycles: Callable[[], int] = lambda: 0
        self._hasten: Callable[[int], None] = lambda cycles: None

    def count(self, cycles: Callable[[], int], hasten: Callable[[int], None]) -> None:
        """Go by these from now on: the core's cycles, and what makes it stop at a count."""
        self._cycles = cycles
        self._hasten = hasten

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return self.ns_at(self._cycles()) if self.executing else self._loop.now_ns()

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: Any) -> Cancellable:
        """Call `callback` at a time; the core executes no further than to it."""
        if self.executing:
            self._hasten(self.cycles_at(when_ns))
        return self._calls.call_at_ns(when_ns, callback, *args)

    def ns_at(self, cycles: int) -> int:
        """Return when a count of cycles is reached."""
        at, ns = self._anchor
        return ns + (cycles - at) * NS_PER_S // self.hz

    def cycles_at(self, when_ns: int) -> int:
        """Return the first count of cycles that is not before a time."""
        at, ns = self._anchor
        return at - (ns - when_ns) * self.hz // NS_PER_S

    def anchor(self, when_ns: int) -> None:
        """Say that what is counted now is reached at that time."""
        self._anchor = (self._cycles(), when_ns)

    def set_frequency(self, hz: int) -> None:
        """Let the core run at another frequency from now on."""
        self.anchor(self.now_ns())
        self.hz = hz


class LowPower(Protocol):
    """What a chip does when its core waits."""

    def wait_mode(self, deep: bool) -> Wait:
        """Return how deep it waits, with SLEEPDEEP set or not."""
        ...

    def enter(self, mode: Wait) -> None:
        """Do what the chip does on the way there."""
        ...

    def leave(self, mode: Wait) -> int:
        """Do what it does on the way back; return what that takes, in nanoseconds."""
        ...


class FreeRunning:
    """Runs a chip's firmware on its own core.

    Parameters
    ----------
    chip : Chip
    clock : CoreClock
        The chip's.
    loop : VirtualLoop
    low_power : LowPower
    on_active : callable
        Called with start and end in nanoseconds of each stretch in which the core executed, at the
        clock's frequency.
    on_wait : callable
        Called with a `Wait` when the core waits, with None when it executes again, and with the
        time.
    on_fault : callable
        Called when the core has locked up.
    """

    def __init__(
        self,
        chip: Chip,
        clock: CoreClock,
        loop: VirtualLoop,
        *,
        low_power: LowPower,
        on_active: Callable[[int, int], None] = lambda start_ns, end_ns: None,
        on_wait: Callable[[Wait | None, int], None] = lambda mode, when_ns: None,
        on_fault: Callable[[], None] = lambda: None,
    ) -> None:
        self._chip = chip
        self._clock = clock
        self._loop = loop
        self._processor = chip.debug.processor
        self._low_power = low_power
        self._on_active = on_active
        self._on_wait = on_wait
        self._on_fault = on_fault
        self._planned: Cancellable | None = None
        self._waiting: Wait | None = None
        self._active_from_ns = self._since_ns = 0
        self._resumed = False
        self.powered = self._hung = False
        core = chip.core
        clock.count(lambda: core.cycles, self._processor.hasten)
        self._processor.on_urgent = self._wake
        chip.on_reset.append(self._was_reset)
        chip.on_held.append(self._is_held)

    # ---- start and stop

    def start(self, delay_ns: int = 0) -> None:
        """Execute from where the core is, after a delay."""
        self.powered = True
        self._hung = False
        self._rouse()
        self._clock.anchor(self._loop.now_ns() + delay_ns)
        self._plan(self._loop.now_ns() + delay_ns)

    def stop(self) -> None:
        """Stand still until started again."""
        self.powered = False
        self._cancel()

    def hang(self) -> None:
        """Stand still until a reset."""
        self._hung = True
        self._cancel()

    def frequency_changed(self, hz: int) -> None:
        """Take note of the core's new frequency, at once."""
        self._tell_active()
        self._clock.set_frequency(hz)
        if self._clock.executing:
            self._processor.deadline = NEVER
            self._processor.hasten(self._clock.cycles_at(self._until_ns))

    def skip(self) -> None:
        """Let the core be where the next thing happens, as if it had waited there in a loop."""
        if self._clock.executing:
            words = self._chip.core.tally.words
            words[Field.NOW] = max(words[Field.NOW], words[Field.ALARM])

    # ---- the memory of the program

    def keep_memory_busy(self, duration_ns: int, end: int) -> None:
        """Let the memory below the address `end` be busy: code from it stands meanwhile."""
        words = self._chip.core.tally.words
        begins = max(words[Field.NOW], words[Field.BUSY])
        words[Field.BUSY] = begins + duration_ns * self._clock.hz * TICKS // NS_PER_S
        words[Field.BUSY_END] = end

    def memory_is_busy(self) -> bool:
        """Say whether it is, and let whoever asks wait: until it is not, or something happens.

        Code in another memory that asks does so in a loop, of which nothing else comes.
        """
        words = self._chip.core.tally.words
        if words[Field.NOW] >= words[Field.BUSY]:
            return False
        until = min(words[Field.BUSY], words[Field.ALARM])
        words[Field.NOW] = max(words[Field.NOW], until)
        return True

    def _rouse(self) -> None:
        """End a wait, whatever ended it."""
        if self._waiting is not None:
            self._waiting = None
            self._on_wait(None, max(self._loop.now_ns(), self._since_ns))

    def _was_reset(self) -> None:
        self._rouse()
        self._hung = False
        self._chip.core.tally.words[Field.BUSY] = 0
        if not self._clock.executing and self.powered and not self._chip.held:
            self.start(RESET_NS)

    def _is_held(self, held: bool) -> None:
        if held:
            self._cancel()
        elif self.powered:
            self._resumed = True
            self.start()

    def _plan(self, when_ns: int) -> None:
        self._cancel()
        runs = self.powered and not self._hung and not self._chip.held
        if runs and self._chip.core.pc < NO_PROGRAM:
            self._planned = self._clock.call_at_ns(when_ns, self._run)

    def _reset_at(self, when_ns: int) -> None:
        self._cancel()
        self._planned = self._clock.call_at_ns(when_ns, self._reset)

    def _reset(self) -> None:
        self._planned = None
        self._chip.requested_reset()

    def _cancel(self) -> None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None

    # ---- execution

    def _tell_active(self) -> None:
        """Tell what the core executed at the frequency that it has, up to now."""
        if self._clock.executing:
            now_ns = self._clock.now_ns()
            if now_ns > self._active_from_ns:
                self._on_active(self._active_from_ns, now_ns)
            self._active_from_ns = now_ns

    def _run(self) -> None:
        self._planned = None
        now_ns = self._active_from_ns = self._loop.now_ns()
        if self._waiting is not None and not self._leave(self._waiting, now_ns):
            return
        self._until_ns = min(self._loop.next_event_ns(self._clock), now_ns + LONGEST_NS)
        if self._until_ns <= now_ns:
            self._plan(now_ns)
            return
        processor, clock = self._processor, self._clock
        processor.deadline = clock.cycles_at(self._until_ns)
        resumed, self._resumed = self._resumed, False
        clock.executing = True
        stop: Stop | None = None
        try:
            stop = processor.run(_MANY_BLOCKS, resumed=resumed)
        except PowerLost:  # in a store to flash memory: the supply tells who has to know
            self.powered = False
        finally:
            now_ns = clock.now_ns()
            self._tell_active()
            clock.executing = False
            processor.deadline = NEVER
        if stop is Stop.SLICE:
            self._plan(now_ns)
        elif stop is Stop.SLEEP:
            self._wait(now_ns)
        elif stop is Stop.RESET:
            self._reset_at(now_ns)
        elif stop is not None:
            self._chip.debug.stopped(stop)
            if stop is Stop.FAULT:
                self._on_fault()

    def _wait(self, now_ns: int) -> None:
        deep = bool(self._chip.nvic.scr & SLEEPDEEP)
        self._waiting = mode = self._low_power.wait_mode(deep)
        self._low_power.enter(mode)
        self._on_wait(mode, now_ns)
        if mode == "sleep" and self._processor.systick.alarm != NEVER:
            self._plan(self._clock.ns_at(self._processor.systick.alarm))
        self._since_ns = now_ns
        if self._processor.is_woken:  # by what came as it fell asleep
            self._wake()

    def _wake(self) -> None:
        """Look whether what has come up wakes the core."""
        if self._waiting is not None and not self._clock.executing:
            self._plan(max(self._loop.now_ns(), self._since_ns))

    def _leave(self, mode: Wait, now_ns: int) -> bool:
        """Say whether the core executes now; a deep wait takes its time to leave."""
        core, clock = self._chip.core, self._clock
        if mode == "sleep":
            core.cycles = max(core.cycles, clock.cycles_at(now_ns)) + WAKE_CYCLES
            self._rouse()
            return True
        if not self._processor.is_woken:
            return False
        self._rouse()
        ready_ns = now_ns + self._low_power.leave(mode)
        if mode == "standby":
            self._reset_at(ready_ns)
            return False
        clock.anchor(ready_ns)
        self._plan(ready_ns)
        return False
