"""Virtual time: an asyncio event loop that jumps to the next event when nothing is ready.

bleak, Bumble, the suites and every model run on one `VirtualLoop`. Time is an integer number of
nanoseconds; it stands still while callbacks run and jumps to the next timer once nothing is left to
run, so a minute of streaming takes as long as its callbacks take. Timers due at the same instant
run in the order in which they were made: the same program gives the same trace.

What is real stays real. Executor jobs freeze time until they are done, `VirtualLoop.hold` does the
same for anything else, and file descriptors are served. A blocking exchange with a child process
inside an ordinary callback needs nothing special: time stands still meanwhile.

The class replaces ``BaseEventLoop._run_once`` and the timer heap of CPython 3.11 to 3.13 (instead
of steering them through a fake selector) because a timer then costs 1 µs less and ties keep their
order; ``tests/hil/virtual/test_clock.py`` names what is leaned on.

Over 500 lines: an event loop is one class to asyncio, and so it is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from eegrig.boards.errors import InfrastructureError

__all__ = [
    "NS_PER_S",
    "Cancellable",
    "Clock",
    "OwnedClock",
    "VirtualDeadlock",
    "VirtualLoop",
    "run",
]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NS_PER_S = 1_000_000_000
# Stands for a timer at infinity: the largest integer MicroPython has without allocating.
_NEVER_NS = (1 << 62) - 1
_POLL_EVERY = 64  # passes between two looks at the operating system while callbacks are ready


class Cancellable(Protocol):
    """A scheduled call that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has run already."""
        ...


class Clock(Protocol):
    """What a model needs of time; `VirtualLoop` is one, a test may pass its own."""

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        ...

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: Any) -> Cancellable:
        """Call `callback` at a time; one that has passed means as soon as possible."""
        ...


class VirtualDeadlock(InfrastructureError):
    """Virtual time cannot go on: everything waits and nothing is scheduled."""


class _Call:
    """A model's scheduled call: an `asyncio.Handle` without what models do not need.

    A context of its own and the text for debugging cost two thirds of a handle's time, and models
    make some thousands of calls per virtual second.
    """

    __slots__ = ("_args", "_callback", "_cancelled", "_loop", "_scheduled", "owner")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: VirtualLoop,
        owner: object = None,
    ) -> None:
        self.owner = owner
        self._callback = callback
        self._args = args
        self._loop = loop
        self._cancelled = False
        self._scheduled = False

    def cancel(self) -> None:
        """Call it off."""
        if not self._cancelled:
            self._cancelled = True
            self._loop._timer_handle_cancelled(self)

    def cancelled(self) -> bool:
        """Return whether it was called off."""
        return self._cancelled

    def _run(self) -> None:
        try:
            self._callback(*self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._loop.call_exception_handler(
                {"message": f"exception in scheduled call {self._callback!r}", "exception": error}
            )


_Timer = tuple[int, int, "asyncio.TimerHandle | _Call"]
"""When a call is due, its number among all calls, and the call."""


class OwnedClock:
    """The loop's clock for models that concern one owner only (a board's front end, say).

    Parameters
    ----------
    loop : VirtualLoop
    owner : object
        Whom the calls concern; `VirtualLoop.next_event_ns` can leave out those of others.
    """

    def __init__(self, loop: VirtualLoop, owner: object) -> None:
        self._loop = loop
        self._owner = owner

    def now_ns(self) -> int:
        """Return the time in nanoseconds."""
        return self._loop.now_ns()

    def call_at_ns(self, when_ns: int, callback: Callable[..., object], *args: Any) -> Cancellable:
        """Call `callback` at a time."""
        return self._loop.schedule(when_ns, _Call(callback, args, self._loop, self._owner))

    def next_event_ns(self) -> int:
        """Return the earliest time at which anything can happen to the owner."""
        return self._loop.next_event_ns(self._owner)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop in virtual time.

    Parameters
    ----------
    start_ns : int
        Time at the start, in nanoseconds.
    pace : float or None
        Virtual seconds per real second: 1.0 is real time, None as fast as possible.

    Attributes
    ----------
    hold_limit_s : float
        Real seconds that `hold` or an executor job may freeze time before `VirtualDeadlock`.
    lag_limit_s : float
        Real seconds that paced time may be late and still catch up; beyond, it goes on from where
        it is.
    lost_s : float
        Real seconds that paced time was late and has not caught up with, in total.
    """

    hold_limit_s = 60.0
    lag_limit_s = 0.5

    _ready: deque[asyncio.Handle | _Call]
    _selector: Any
    _stopping: bool

    def __init__(self, start_ns: int = 0, pace: float | None = None) -> None:
        self._now_ns = start_ns
        self._timers: list[_Timer] = []
        # The same timers by whom they concern; one that is over leaves when it is the first.
        self._by_owner: dict[object, list[_Timer]] = {None: []}
        self._timer_serial = 0
        self._cancelled_timers = 0
        self._holds = 0
        self._passes = 0
        self._skips = 0
        self.lost_s = 0.0
        self._pace = pace
        self._pace_origin = (start_ns, time.perf_counter())
        super().__init__()

    # ------------------------------------------------------------------ time
    def now_ns(self) -> int:
        """Return the virtual time in nanoseconds."""
        return self._now_ns

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now_ns / NS_PER_S

    def next_event_ns(self, owner: object = None) -> int:
        """Return the earliest time at which anything can happen, in nanoseconds.

        With `owner`, calls that concern another owner only (`OwnedClock`) do not count.
        """
        if self._ready:
            return self._now_ns
        if owner is None:
            return self._timers[0][0] if self._timers else _NEVER_NS
        of_all, own = _first_ns(self._by_owner[None]), _first_ns(self._by_owner.get(owner))
        return of_all if of_all < own else own

    def skip_to(self, when_ns: int) -> bool:
        """Let time pass inside a callback, if nothing else happens before `when_ns`.

        Returns
        -------
        bool
            False if something does, or if time is paced or held: then use `call_at_ns`. Also now
            and then where files are served, which they are between callbacks only.
        """
        if self._ready or self._holds or self._pace is not None or self._stopping:
            return False
        self._skips += 1
        if self._skips % _POLL_EVERY == 0 and len(self._selector.get_map()) > 1:
            return False
        if self._timers and self._timers[0][0] <= when_ns:
            return False
        self._now_ns = when_ns
        return True

    @property
    def pace(self) -> float | None:
        """Virtual seconds per real second; None as fast as possible."""
        return self._pace

    @pace.setter
    def pace(self, pace: float | None) -> None:
        self._pace = pace
        self._pace_origin = (self._now_ns, time.perf_counter())

    # ------------------------------------------------------------------ timers
    def call_at_ns(
        self, when_ns: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> Cancellable:
        """Call `callback` at virtual time `when_ns`; one that has passed means on the next pass."""
        return self.schedule(when_ns, _Call(callback, args, self))

    def schedule(self, when_ns: int, call: _Call) -> Cancellable:
        """Run `call` at virtual time `when_ns`."""
        call._scheduled = True
        self._push(when_ns, call, call.owner)
        return call

    def _push(self, when_ns: int, call: asyncio.TimerHandle | _Call, owner: object) -> None:
        self._timer_serial += 1
        timer = (when_ns, self._timer_serial, call)
        heapq.heappush(self._timers, timer)
        queue = self._by_owner.get(owner)
        if queue is None:
            queue = self._by_owner[owner] = []
        while queue and _is_over(queue[0][2]):
            heapq.heappop(queue)
        heapq.heappush(queue, timer)

    def call_next(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> Cancellable:
        """Call `callback` after what is ready now, without time passing."""
        call = _Call(callback, args, self)
        self._ready.append(call)
        return call

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` at `when` seconds, rounded up so that it never runs early."""
        self._check_closed()  # type: ignore[attr-defined]
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        return self._schedule(_ceil_ns(when), handle)

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` after `delay` seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _schedule(self, when_ns: int, handle: asyncio.TimerHandle) -> asyncio.TimerHandle:
        handle._scheduled = True  # type: ignore[attr-defined]
        self._push(when_ns, handle, None)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle | _Call) -> None:
        if not handle._scheduled:  # type: ignore[union-attr]
            return
        # Time-outs that did not strike (a GATT request has one of 30 s) must not fill the heap.
        self._cancelled_timers += 1
        if self._cancelled_timers > 64 and self._cancelled_timers * 2 > len(self._timers):
            self._timers = _swept(self._timers)
            self._by_owner = {who: _swept(queue) for who, queue in self._by_owner.items()}
            self._cancelled_timers = 0

    # ------------------------------------------------------------------ the real world
    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Freeze virtual time while something real is outstanding.

        Its answer must come through a file descriptor or `call_soon_threadsafe`.
        """
        self._holds += 1
        try:
            yield
        finally:
            self._release()

    def _release(self, _future: object = None) -> None:
        self._holds -= 1
        if self._holds == 0 and self._pace is not None:
            self.pace = self._pace  # time that stood still is not caught up with

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run `func` in a thread or process; virtual time stands still until it has finished."""
        future = super().run_in_executor(executor, func, *args)
        self._holds += 1
        future.add_done_callback(self._release)
        return future

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        """Wait for the executor's threads, with time standing still."""
        with self.hold():
            await super().shutdown_default_executor(*args, **kwargs)

    def _poll(self, timeout_s: float | None) -> bool:
        events = self._selector.select(timeout_s)
        self._process_events(events)  # type: ignore[attr-defined]
        return bool(events) or bool(self._ready)

    # ------------------------------------------------------------------ one pass
    def _run_once(self) -> None:
        ready = self._ready
        self._passes += 1
        idle = not ready and not self._stopping
        if idle and self._alone():
            self._run_timers()
            return
        if idle and (not self._timers or self._timers[0][0] > self._now_ns):
            self._advance()
        elif self._passes % _POLL_EVERY == 0:
            self._poll(0)  # neither callbacks nor timers that are due may starve files
        self._collect_due()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _alone(self) -> bool:
        """Say whether there is nothing but timers: nothing real, nothing paced, something due."""
        return (
            self._pace is None
            and not self._holds
            and bool(self._timers)
            and self._timers[0][0] < _NEVER_NS
            and len(self._selector.get_map()) <= 1  # the loop's own wake-up pipe
        )

    def _run_timers(self) -> None:
        """Run timers one after the other until one leaves something else to do."""
        timers, ready = self._timers, self._ready
        for _ in range(_POLL_EVERY):
            when_ns, _, handle = heapq.heappop(timers)
            handle._scheduled = False  # type: ignore[union-attr]
            if handle._cancelled:
                self._cancelled_timers -= 1
            else:
                if when_ns > self._now_ns:
                    self._now_ns = when_ns
                handle._run()
                timers = self._timers  # a cancellation may have swept it
            if ready or self._stopping or not self._alone():
                return

    def _collect_due(self) -> None:
        timers, now_ns = self._timers, self._now_ns
        while timers and timers[0][0] <= now_ns:
            handle = heapq.heappop(timers)[2]
            handle._scheduled = False  # type: ignore[union-attr]
            if handle._cancelled:
                self._cancelled_timers -= 1
            else:
                self._ready.append(handle)

    def _advance(self) -> None:
        """Nothing is ready: serve the real world, or jump to the next timer."""
        if self._holds:
            if not self._poll(self.hold_limit_s):
                raise VirtualDeadlock(
                    f"virtual time was held for {self.hold_limit_s:g} s of real time: "
                    f"a thread or a process did not answer{self._waiting()}"
                )
            return
        has_files = len(self._selector.get_map()) > 1  # more than the loop's own wake-up pipe
        if has_files and self._poll(0):
            self._follow_real_time()
            return
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)[2]._scheduled = False  # type: ignore[union-attr]
            self._cancelled_timers -= 1
        if not timers or timers[0][0] >= _NEVER_NS:
            if self._poll(None if has_files else 0):
                return
            raise VirtualDeadlock(
                f"virtual time cannot go on at {self.time():.6f} s: nothing is scheduled and "
                f"nothing real is awaited{self._waiting()}"
            )
        when_ns = timers[0][0]
        if self._pace is not None and self._interrupted_before(when_ns, self._pace):
            return
        self._now_ns = when_ns

    def _interrupted_before(self, when_ns: int, pace: float) -> bool:
        """Wait in real time for `when_ns`; say whether something real came first."""
        origin_ns, origin_s = self._pace_origin
        wait_s = origin_s + (when_ns - origin_ns) / NS_PER_S / pace - time.perf_counter()
        if wait_s < -self.lag_limit_s:
            self.lost_s -= wait_s
            self.pace = pace
        if wait_s <= 0 or not self._poll(wait_s):
            return False
        self._follow_real_time()
        return True

    def _follow_real_time(self) -> None:
        """Let paced time go to where real time is, though not beyond the next timer."""
        if self._pace is None:
            return
        origin_ns, origin_s = self._pace_origin
        elapsed_s = (time.perf_counter() - origin_s) * self._pace
        now_ns = origin_ns + int(elapsed_s * NS_PER_S)
        if self._timers:
            now_ns = min(now_ns, self._timers[0][0])
        self._now_ns = max(self._now_ns, now_ns)

    def _waiting(self) -> str:
        names = sorted(task.get_name() for task in asyncio.all_tasks(self))
        return f"; waiting: {', '.join(names)}" if names else ""


def _is_over(call: asyncio.TimerHandle | _Call) -> bool:
    """Say whether a call has run or was called off."""
    return call._cancelled or not call._scheduled  # type: ignore[union-attr]


def _first_ns(queue: list[_Timer] | None) -> int:
    while queue:
        when_ns, _, call = queue[0]
        if not _is_over(call):
            return when_ns
        heapq.heappop(queue)
    return _NEVER_NS


def _swept(queue: list[_Timer]) -> list[_Timer]:
    kept = [timer for timer in queue if not _is_over(timer[2])]
    heapq.heapify(kept)
    return kept


def _ceil_ns(when_s: float) -> int:
    """Return the first nanosecond whose time in seconds is not before `when_s`."""
    if when_s == math.inf:
        return _NEVER_NS
    when_ns = round(when_s * NS_PER_S)
    return when_ns + 1 if when_ns / NS_PER_S < when_s else when_ns


def run(
    main: Coroutine[Any, Any, T],
    *,
    start_ns: int = 0,
    pace: float | None = None,
    debug: bool | None = None,
) -> T:
    """Run a coroutine to its end in virtual time, as `asyncio.run` does in real time.

    Parameters
    ----------
    main : coroutine
    start_ns : int
        Virtual time at the start, in nanoseconds.
    pace : float or None
        Virtual seconds per real second; None as fast as possible.
    debug : bool or None
        Passed on to `asyncio.Runner`.

    Returns
    -------
    object
        What the coroutine returned.

    Raises
    ------
    VirtualDeadlock
        If everything waits and nothing is scheduled.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_ns, pace), debug=debug) as runner:
        return runner.run(main)
