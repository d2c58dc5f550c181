"""The MicroPython process of a virtual board, in lock-step with virtual time.

The process is always in one of two states. It runs, and the simulator waits for its next request
with time standing still; or it is held: it asked to sleep, or for something that takes time, and
its reply is kept back until then. A request carries the board's local time, which the CPU model
has moved on; it is answered when virtual time has got there.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path

from eegrig.boards.ports import MemoryFacts
from eegrig.hil.virtual.clock import Cancellable, OwnedClock, VirtualLoop
from eegrig.hil.virtual.micropython import rpc
from eegrig.hil.virtual.micropython.cpu_time.cpu import CpuModel
from eegrig.hil.virtual.micropython.heap.port_heap import PortHeap
from eegrig.hil.virtual.micropython.keyboard import Keyboard
from eegrig.hil.virtual.micropython.peripherals import Later, Peripherals
from eegrig.hil.virtual.micropython.process import Boot, Process
from eegrig.hil.virtual.micropython.reply import LONGEST_RUN_NS, Replies
from eegrig.hil.virtual.micropython.rpc import Op, Request

__all__ = ["Interpreter", "ResetCause"]

_ENODEV = 19
# Requests that the peripherals may hold back and that are tried again when something happens.
_BLOCKING = frozenset({Op.BLE_NOTIFY})
# A process that computes for so long on this computer without asking for anything is not waited for
# any longer: time goes on by a stride for each further look.
_PATIENCE_S = 5.0
_IMPATIENCE_S = 0.05
_STRIDE_NS = 250_000_000
# From the end of a process that nobody asked for to the reset that follows; assumed. It lets a
# board that ends so at every start take time for it.
_FAULT_NS = 100_000_000


class ResetCause:
    """Why a board starts; ``machine.reset_cause()`` in the port's own numbers."""

    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


class Interpreter:
    """Real MicroPython, running what is in a board's flash memory.

    Parameters
    ----------
    loop : VirtualLoop
    flash_path : Path
        File that backs the flash memory.
    filesystem : tuple of int
        Start, size and block size of the file system in it, in bytes.
    memory : MemoryFacts
        Of the board's runtime.
    on_console : callable
        Takes the bytes the firmware prints.
    port : dict
        What the shim is told of the board's runtime
        (`hil.virtual.micropython.runtime.figures_for_shim`).
    light_sleep_wake_ns : int
        From what ends a ``machine.lightsleep`` to the first instruction after it, in nanoseconds.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        *,
        flash_path: Path,
        filesystem: tuple[int, int, int],
        memory: MemoryFacts,
        on_console: Callable[[bytes], None],
        port: dict[str, object],
        light_sleep_wake_ns: int = 0,
    ) -> None:
        self._loop = loop
        self._clock = OwnedClock(loop, self)  # what happens to this board only
        self._flash_path = flash_path
        self._filesystem = filesystem
        self._memory = memory
        self._on_console = on_console
        self._light_sleep_wake_ns = light_sleep_wake_ns
        self._port = port
        self._process: Process | None = None
        self._peripherals: Peripherals | None = None
        self._replies = Replies(self._clock)
        self._keyboard = Keyboard()
        self._raw_repl = False
        self._clear()
        self.on_reset: Callable[[int], None] | None = None
        self.on_main_ended: Callable[[], None] | None = None

    def _clear(self) -> None:
        self._held: Request | None = None
        self._stopped = False
        self._deadline: Cancellable | None = None
        self._ahead: Cancellable | None = None
        self._waking: Cancellable | None = None
        self._replies.clear()
        self._absent = False  # it computes without an end in sight
        self._deadline_ns = 0
        self._paused = False
        self._parked: Callable[[], None] | None = None
        self._keyboard.reset()
        self._resumed_ns = 0
        self._began = False  # the shim has told that it is there
        self.requests = 0
        self.running_main = False

    # ------------------------------------------------------------------ life
    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start(
        self, peripherals: Peripherals, cpu: CpuModel, cause: int, *, safe_mode: bool = False
    ) -> None:
        """Boot: start the process and run it to its first sleep.

        Parameters
        ----------
        peripherals : Peripherals
        cpu : CpuModel
        cause : int
            Of `ResetCause`. After a soft reset in the raw REPL ``main.py`` does not run.
        safe_mode : bool
            Run neither ``boot.py`` nor ``main.py``.

        Raises
        ------
        InfrastructureError
            If there is no MicroPython to run.
        """
        self.stop()
        self._clear()
        self._peripherals = peripherals
        raw_repl = self._raw_repl and cause == ResetCause.SOFT
        self._raw_repl = False
        self._heap = PortHeap(self._memory, cpu.function_sizes)
        self._process = Process(
            Boot(
                self._flash_path,
                self._filesystem,
                self._heap.size_here,
                cpu,
                self._port,
                cause,
                2 if safe_mode else 1 if raw_repl else 0,
            )
        )
        self.running_main = True
        self._resumed_ns = self._loop.now_ns()
        self._run()

    def stop(self) -> None:
        """End the process, as taking the power away would."""
        self._keyboard.reset()
        process, self._process = self._process, None
        for timer in (self._deadline, self._ahead, self._waking):
            if timer is not None:
                timer.cancel()
        if process is None:
            return
        self._print(process.end())

    # ------------------------------------------------------------------ what happens to the board
    def interrupt(self, slot: int) -> None:
        """Raise the interrupt whose handler is in `slot`."""
        self._replies.irqs.append(slot)
        self._plan_wake()

    def _follow(self, skipped: list[tuple[int, int]]) -> None:
        """Take note of what the firmware did with the conversions it was told of in advance."""
        if self._peripherals is None:
            return
        for (slept_ns, _), woken_ns in zip(skipped, self._replies.told_ns, strict=False):
            if slept_ns > self._resumed_ns:
                self._peripherals.cpu_active(self._resumed_ns, slept_ns)
            self._resumed_ns = woken_ns
        self._peripherals.skip([read_end_ns for _, read_end_ns in skipped])

    def host_work(self) -> None:
        """Let the Bluetooth host take note of completed packets, in an interrupt of its own.

        It costs its time with the next notification, for all that were completed until then; what
        its waking of the CPU costs beyond is not modelled. So it does not matter how far the
        process has got on its own.
        """
        self._replies.host_works = True

    def ble_event(self, event: bytes) -> None:
        """Queue an event for the firmware's BLE handler."""
        self._replies.events.append(event)
        self._plan_wake()

    def release(self) -> None:
        """Try again what the peripherals held back (a notification that found no buffer)."""
        self._plan_wake()

    def _plan_wake(self) -> None:
        # In a callback of its own: the process may make time pass, which no caller expects.
        if self._held is not None:
            self._loop.call_next(self._wake)

    def _wake(self) -> None:
        """Let the held process go on if there is a reason to."""
        request = self._held
        if request is None or self._process is None:
            return
        if request.op == Op.WAIT:
            if self._called(request):
                self._resume(0)
        elif request.op in _BLOCKING:
            # Interrupts go first, then it is tried again.
            answer = rpc.INTERRUPTED if self._interrupts_wait() else self._ask(request)
            if answer is not None:
                self._resume(answer)

    def _on_deadline(self) -> None:
        self._deadline = None
        if (
            self._held is not None
            and self._held.op == Op.WAIT
            and self._held.a == self._deadline_ns
        ):
            self._resume(0)

    def pause(self, paused: bool) -> None:
        """Stop the process where it is, as a debugger that halts the core; or let it go on."""
        self._paused = paused
        parked, self._parked = self._parked, None
        if not paused and parked is not None:
            self._loop.call_soon(parked)

    def _resume(self, answer: int | bytes) -> None:
        """Let the held process go on."""
        if self._paused:
            self._parked = lambda: self._resume(answer)
            return
        if self._process is None or self._held is None or self._waking is not None:
            return
        if self._stopped:
            ready_ns = self._loop.now_ns() + self._light_sleep_wake_ns
            if self._light_sleep_wake_ns and not self._loop.skip_to(ready_ns):
                self._waking = self._clock.call_at_ns(ready_ns, self._woken, answer)
                return
            self._clocks_run()
        notifies = self._held.op == Op.BLE_NOTIFY
        self._held = None
        self._resumed_ns = self._loop.now_ns()
        self._send(answer, notifies=notifies)
        self._run()

    def _woken(self, answer: int | bytes) -> None:
        """Let the process go on when its clocks run again."""
        self._waking = None
        self._clocks_run()
        self._resume(answer)

    def _clocks_run(self) -> None:
        self._stopped = False
        if self._peripherals is not None:
            self._peripherals.cpu_stopped(stopped=False)

    # ------------------------------------------------------------------ requests
    def _run(self) -> None:
        """Serve the running process until it is held or ahead of virtual time."""
        until_ns = self._loop.now_ns() + LONGEST_RUN_NS
        while self._process is not None:
            frame = self._process.request(_IMPATIENCE_S if self._absent else _PATIENCE_S)
            if frame is None:
                self._died()
                return
            if not frame:
                self._go_on_without_it()
                return
            self._absent = False
            request = rpc.parse_request(frame)
            self.requests += 1
            read_end_ns = request.read_end_ns
            skipped: list[tuple[int, int]] = []
            if request.skipped:
                read_end_ns, skipped = rpc.parse_skipped(request)
            if read_end_ns and self._peripherals is not None:
                self._peripherals.was_read(read_end_ns)
            if skipped:
                self._follow(skipped)
            ahead_ns = request.time_ns - self._loop.now_ns()
            if ahead_ns > 0 and (
                request.time_ns >= until_ns or not self._loop.skip_to(request.time_ns)
            ):
                self._ahead = self._clock.call_at_ns(request.time_ns, self._catch_up, request)
                return
            if not self._serve(request):
                return

    def _go_on_without_it(self) -> None:
        """Let some time pass: it computes and may never come back, as endless native code."""
        now_ns = self._loop.now_ns()
        if self._peripherals is not None and now_ns > self._resumed_ns:
            self._peripherals.cpu_active(self._resumed_ns, now_ns)
            self._resumed_ns = now_ns
        self._absent = True
        self._ahead = self._clock.call_at_ns(now_ns + _STRIDE_NS, self._look_again)

    def _look_again(self) -> None:
        self._ahead = None
        if self._paused:
            self._parked = self._look_again
        else:
            self._run()

    def _catch_up(self, request: Request) -> None:
        self._ahead = None
        if self._paused:
            self._parked = lambda: self._catch_up(request)
        elif self._process is not None and self._serve(request):
            self._run()

    def _called(self, request: Request) -> bool:
        """Say whether there is a reason to end a wait before its time."""
        keyboard = self._keyboard
        return bool(
            self._replies.irqs
            or self._replies.events
            or keyboard.interrupts
            or (request.c and keyboard.unread)
        )

    def _serve(self, request: Request) -> bool:
        """Answer one request; say whether the process goes on."""
        op = request.op
        if op == Op.WAIT:
            if self._called(request):
                self._send(0)
                return True
            now_ns = self._loop.now_ns()
            if 0 <= request.a <= now_ns:
                self._send(0)
                return True
            self._hold(request)
            if request.a >= 0 and (self._deadline is None or self._deadline_ns != request.a):
                if self._deadline is not None:
                    self._deadline.cancel()
                self._deadline_ns = request.a
                self._deadline = self._clock.call_at_ns(request.a, self._on_deadline)
            return False
        if op == Op.SYNC:
            self._drain()
            self._send(0)
            return True
        if op == Op.CONSOLE_READ:
            self._drain()
            self._send(self._console_read(request))
            return True
        if op == Op.CONSOLE_WRITE:
            self._drain()
            self._on_console(request.payload)
            self._send(0)
            return True
        if op == Op.CONSOLE_INTERRUPT_CHAR:
            self._keyboard.interrupt_char = request.a
            self._send(0)
            return True
        if op == Op.HELLO:
            self._began = True
        if op in (Op.HELLO, Op.HEAP):
            self._send(self._look_at_heap(request))
            return True
        if op == Op.REPL:
            self.running_main = False
            self._send(0)
            if self.on_main_ended is not None:
                self.on_main_ended()
            return True
        if op == Op.RESET:
            cause = ResetCause.HARD if request.a else ResetCause.SOFT
            self._raw_repl = bool(request.b)
            if self.on_reset is not None:
                self._loop.call_soon(self.on_reset, cause)
            self._hold(request)
            return False
        answer = self._ask(request)
        if answer is None and op in _BLOCKING and self._interrupts_wait():
            answer = rpc.INTERRUPTED  # it came before there was anything to wake
        if answer is None:
            self._hold(request)
            return False
        self._send(answer, notifies=op == Op.BLE_NOTIFY)
        return True

    def _look_at_heap(self, request: Request) -> bytes:
        """Find the heap in the process (`Op.HELLO`), or say what it would be on the board."""
        assert self._process is not None
        if request.op == Op.HELLO:
            return self._heap.find(self._process.output(), request.payload)
        held_bytes = 0 if self._peripherals is None else self._peripherals.heap_bytes
        image = self._process.heap()
        return self._heap.figures(image, request.a, request.b, request.c, held_bytes)

    def _interrupts_wait(self) -> bool:
        return bool(self._replies.irqs or self._keyboard.interrupts)

    def _ask(self, request: Request) -> int | bytes | None:
        """Return the hardware's answer, or None if the process has to wait for it."""
        if self._peripherals is None:
            return -_ENODEV
        answer = self._peripherals.request(request)
        if isinstance(answer, Later):
            when_ns = self._loop.now_ns() + answer.delay_ns
            if self._loop.skip_to(when_ns):
                return answer.answer
            self._clock.call_at_ns(when_ns, self._finished, self._process, answer.answer)
            return None
        if isinstance(answer, Coroutine):
            process = self._process
            task = self._loop.create_task(answer)
            task.add_done_callback(lambda done: self._finished(process, done.result()))
            return None
        return answer

    def _finished(self, process: Process | None, answer: int | bytes) -> None:
        if process is self._process and self._held is not None:
            self._resume(answer)

    def _hold(self, request: Request) -> None:
        now_ns = self._loop.now_ns()
        if self._peripherals is not None and now_ns > self._resumed_ns:
            self._peripherals.cpu_active(self._resumed_ns, now_ns)
        self._held = request
        if request.op == Op.WAIT and request.b and self._peripherals is not None:
            self._stopped = True
            self._peripherals.cpu_stopped(stopped=True)
        self._drain()

    def _send(self, answer: int | bytes, *, notifies: bool = False) -> None:
        frame = self._replies.reply(
            answer,
            self._loop.now_ns(),
            self._peripherals,
            notifies=notifies,
            keyboard_interrupt=self._keyboard.interrupts,
        )
        self._keyboard.interrupts = False
        if self._process is not None:
            self._process.reply(frame)

    # ------------------------------------------------------------------ console
    def console_input(self, data: bytes) -> int:
        """Take what arrives at the console; return how many bytes there was room for.

        While the firmware's code runs the interrupt character is no data (``kbd_intr``).
        """
        taken = self._keyboard.take(data)
        self._plan_wake()
        return taken

    @property
    def console_room(self) -> int:
        """How many bytes `console_input` takes."""
        return self._keyboard.room

    def forget_input(self) -> None:
        """Forget what has not been read, as a reset of the chip does."""
        self._keyboard.clear()

    def _console_read(self, request: Request) -> int | bytes:
        if not request.a:
            return self._keyboard.unread
        return self._keyboard.read(request.a, line=bool(request.b))

    def _drain(self) -> None:
        if self._process is not None:
            self._print(self._process.output())

    def _print(self, data: bytes) -> None:
        if data:
            self._on_console(data.replace(b"\n", b"\r\n"))

    def _died(self) -> None:
        self.running_main = False
        self.stop()
        self._on_console(b"\r\nMicroPython ended unexpectedly\r\n")
        # A chip resets itself after a fault; what never began would not begin the next time either.
        if self._began and self.on_reset is not None:
            when_ns = self._loop.now_ns() + _FAULT_NS
            self._ahead = self._clock.call_at_ns(when_ns, self._reset_after_fault)

    def _reset_after_fault(self) -> None:
        self._ahead = None
        if self._process is None and self.on_reset is not None:
            self.on_reset(ResetCause.HARD)
