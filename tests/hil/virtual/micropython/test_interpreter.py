"""The MicroPython process: boot, console, time, interrupts, resets, the debugger, and its end."""

import os
import re
import signal
from pathlib import Path

import pytest

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual.micropython import interpreter as interpreter_module
from eegrig.hil.virtual.micropython import rpc
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.hil.virtual.micropython.peripherals import Later
from eegrig.hil.virtual.micropython.rpc import Op

MS = 1_000_000

# ---- boot and console


def test_boot_py_runs_before_main_py_and_the_console_is_a_boards(machine):
    machine.boot(boot="print('boot')", main="print('main')")
    assert machine.lines[:2] == ["boot", "main"]
    assert machine.output.startswith(b"boot\r\nmain\r\n")
    banner = r"MicroPython v\d+\.\d+\.\d+ on [-\d]+; zephyr-board with cpu$"
    assert re.match(banner, machine.lines[2])
    assert machine.lines[3:] == ['Type "help()" for more information.', ">>> "]
    assert not machine.interpreter.running_main


def test_modules_come_from_the_boards_flash_memory_only(machine):
    machine.boot("import helper, os\nprint(helper.X, sorted(os.listdir()))", helper="X = 5")
    assert machine.lines[0] == "5 ['helper.py', 'main.py']"


def test_a_program_that_fails_leaves_its_traceback_and_a_prompt(machine):
    ended = []
    machine.interpreter.on_main_ended = lambda: ended.append(True)
    machine.boot("def f():\n    raise ValueError('wrong')\nf()")
    text = machine.text
    assert "Traceback (most recent call last):" in text
    assert 'File "main.py", line 2, in f' in text
    assert "ValueError: wrong" in text
    assert text.rstrip().endswith(">>>")
    assert ended == [True]
    assert machine.interpreter.alive


def test_a_syntax_error_is_shown_with_its_line(machine):
    machine.boot("x = 1\nif x\n    pass\n")
    assert 'File "main.py", line 2' in machine.text
    assert "SyntaxError" in machine.text


def test_flash_memory_that_takes_no_file_system_says_so(machine):
    machine.path.write_bytes(b"\xff" * 65536)
    machine.start()
    assert machine.lines[0] == "Error formatting flash partition"
    assert machine.lines[-1] == ">>> "


def test_the_heap_is_limited(machine):
    machine.boot("blocks = []\nwhile True:\n    blocks.append(bytearray(4096))")
    machine.run(1)
    assert "MemoryError" in machine.text


# ---- time


def test_sleeping_takes_virtual_time_and_nothing_else(machine):
    machine.boot(
        "import time\n"
        "for i in range(3):\n"
        "    time.sleep_ms(100)\n"
        "    print(time.ticks_ms() // 10)\n"
    )
    assert machine.lines == []
    machine.run(0.25)
    assert machine.lines == ["10", "20"]
    machine.run(0.1)
    assert machine.lines[2] == "30"


def test_ticks_are_30_bits_and_wrap_as_on_the_port(machine):
    machine.loop.run_until_complete(_sleep(1073.0))
    machine.boot(
        "import time\n"
        "a = time.ticks_us()\n"
        "time.sleep_ms(2000)\n"
        "b = time.ticks_us()\n"
        "print(a > b, time.ticks_diff(b, a) // 1000, time.ticks_add(b, -5) - b)\n"
    )
    machine.run(3)
    assert machine.lines[0] == "True 2000 -5"


async def _sleep(seconds):
    import asyncio

    await asyncio.sleep(seconds)


def test_instructions_take_time_by_their_jumps(machine):
    code = "import time\na = time.ticks_us()\nfor i in range(1000):\n    pass\n"
    code += "print(time.ticks_diff(time.ticks_us(), a))"
    machine.boot(code)
    machine.run(1)
    assert 10_000 <= int(machine.lines[0]) <= 10_200


def test_a_busy_loop_lets_the_world_go_on(machine):
    """`while not flag: pass` ends when an interrupt sets the flag."""
    machine.loop.call_at_ns(50 * MS, machine.interpreter.interrupt, 0)
    machine.boot(
        "from machine import Pin\n"
        "flag = False\n"
        "def on_edge(pin):\n"
        "    global flag\n"
        "    flag = True\n"
        "Pin(('gpio0', 15), Pin.IN).irq(on_edge, Pin.IRQ_FALLING, hard=True)\n"
        "while not flag:\n"
        "    pass\n"
        "print('seen')\n"
    )
    machine.run(0.04)
    assert machine.lines == []
    machine.run(0.02)
    assert machine.lines[0] == "seen"


def test_the_cpu_is_active_while_it_works_and_not_while_it_sleeps(machine):
    machine.boot(
        "import time\n"
        "for i in range(100):\n"
        "    pass\n"
        "time.sleep_ms(500)\n"
        "for i in range(200):\n"
        "    pass\n"
        "time.sleep_ms(500)\n",
    )
    machine.run(0.9)
    active = [stop - start for start, stop in machine.hardware.active_ns]
    assert len(active) == 2
    assert 1.0 * MS <= active[0] < 3 * MS
    assert 2.0 * MS <= active[1] < 3 * MS


# ---- interrupts and callbacks

IRQ = "import time, micropython\nfrom machine import Pin, SPI\npin = Pin(('gpio0', 15), Pin.IN)\n"


def test_an_interrupt_wakes_a_sleeping_program_and_it_sleeps_on(machine):
    machine.boot(
        IRQ + "pin.irq(lambda p: print('irq', time.ticks_ms()), Pin.IRQ_FALLING)\n"
        "time.sleep_ms(100)\n"
        "print('woke', time.ticks_ms())\n"
    )
    for ms in (20, 40):
        machine.loop.call_at_ns(ms * MS, machine.interpreter.interrupt, 0)
    machine.run(0.2)
    assert machine.lines[:3] == ["irq 20", "irq 40", "woke 100"]


def test_a_hard_handler_that_allocates_is_shown_and_switched_off(machine):
    machine.boot(
        IRQ + "pin.irq(lambda p: [1, 2, 3], Pin.IRQ_FALLING, hard=True)\n"
        "time.sleep_ms(100)\n"
        "print('alive')\n"
    )
    for ms in (20, 40):
        machine.loop.call_at_ns(ms * MS, machine.interpreter.interrupt, 0)
    machine.run(0.2)
    assert machine.text.count("Uncaught exception in hard interrupt handler") == 1
    assert "MemoryError" in machine.text
    assert "alive" in machine.lines


def test_a_callback_that_fails_is_shown_and_the_next_one_runs(machine):
    machine.boot(
        "import micropython, time\n"
        "def bad(x):\n"
        "    raise OSError(5)\n"
        "micropython.schedule(bad, 0)\n"
        "micropython.schedule(print, 'next')\n"
        "time.sleep_ms(10)\n"
        "print('end')\n"
    )
    machine.run(0.1)
    assert "OSError: 5" in machine.text or "OSError: [Errno 5] EIO" in machine.text
    assert machine.lines.index("next") < machine.lines.index("end")


def test_the_schedulers_queue_is_as_deep_as_a_ports_and_then_full(machine):
    machine.boot(
        "import micropython\n"
        "def fill(_):\n"  # nothing else runs meanwhile
        "    try:\n"
        "        for i in range(9):\n"
        "            micropython.schedule(lambda x: None, 0)\n"
        "    except RuntimeError as error:\n"
        "        print(i, error)\n"
        "micropython.schedule(fill, 0)\n"
        "for _ in range(9):\n"
        "    pass\n"
    )
    assert machine.lines[0] == "4 schedule queue full"


def test_an_interrupt_between_a_transfer_and_its_data_does_not_swap_them(machine):
    """What an interrupt's own transfer reads must not end up in the transfer it interrupts."""
    machine.hardware.answers[Op.SPI] = lambda request: Later(
        bytes([request.b // 1_000_000]) * request.size, 40_000
    )
    machine.boot(
        IRQ + "slow = SPI('spi0', baudrate=1000000)\n"
        "fast = SPI('spi0', baudrate=4000000)\n"
        "pin.irq(lambda p: fast.read(8), Pin.IRQ_FALLING)\n"
        "seen = set()\n"
        "time.sleep_ms(5)\n"
        "for i in range(200):\n"
        "    seen.add(slow.read(8))\n"
        "print(seen)\n"
    )
    for us in range(6_000, 25_000, 331):
        machine.loop.call_at_ns(us * 1000, machine.interpreter.interrupt, 0)
    machine.run(0.5)
    reads = [(a, b) for op, _, a, b, _ in machine.hardware.log if op == Op.SPI]
    assert len({baudrate for _, baudrate in reads}) == 2, "the interrupt never came"
    assert machine.lines[0] == "{b'" + r"\x01" * 8 + "'}"


# ---- hardware that takes time or refuses


def test_an_operation_takes_the_time_the_hardware_says(machine):
    machine.hardware.answers[Op.SPI] = lambda request: Later(b"\x3e" * request.size, 5 * MS)
    machine.boot(
        "import time\n"
        "from machine import SPI\n"
        "spi = SPI('spi0', baudrate=4000000, polarity=0, phase=1)\n"
        "a = time.ticks_us()\n"
        "data = spi.read(3)\n"
        "print(data, time.ticks_diff(time.ticks_us(), a) // 1000)\n"
    )
    machine.run(0.1)
    assert machine.lines[0] == "b'>>>' 5"


def test_what_is_held_back_goes_on_when_it_is_released_and_interrupts_run_meanwhile(machine):
    space = []
    machine.hardware.answers[Op.BLE_NOTIFY] = lambda request: 0 if space else None
    machine.boot(
        IRQ + "import bluetooth\n"
        "ble = bluetooth.BLE()\n"
        "ble.active(True)\n"
        "pin.irq(lambda p: print('irq'), Pin.IRQ_FALLING)\n"
        "ble.gatts_notify(1, 3, b'abc')\n"
        "print('sent', time.ticks_ms())\n"
    )

    def free() -> None:
        space.append(True)
        machine.interpreter.release()

    machine.loop.call_at_ns(20 * MS, machine.interpreter.interrupt, 0)
    machine.loop.call_at_ns(70 * MS, free)
    machine.run(0.1)
    assert machine.lines[:2] == ["irq", "sent 70"]


def test_a_negative_answer_is_an_oserror(machine):
    machine.hardware.answers[Op.BLE_BUFFER] = lambda request: -128
    machine.boot(
        "import bluetooth\n"
        "ble = bluetooth.BLE()\n"
        "ble.active(True)\n"
        "try:\n"
        "    ble.gatts_set_buffer(3, 20)\n"
        "except OSError as error:\n"
        "    print(error.errno)\n"
    )
    assert machine.lines[0] == "128"


# ---- reset, debugger, death


@pytest.mark.parametrize(
    ("call", "cause"), [("reset", ResetCause.HARD), ("soft_reset", ResetCause.SOFT)]
)
def test_a_reset_by_the_program_is_asked_for_and_stops_it(machine, call, cause):
    machine.boot(f"import machine\nmachine.{call}()\nprint('never')")
    machine.run(0.01)
    assert machine.resets == [cause]
    assert "never" not in machine.text


def test_starting_again_begins_anew(machine):
    machine.boot("import time\nx = 0\nwhile True:\n    print(x)\n    x += 1\n    time.sleep(1)")
    machine.run(2.5)
    machine.start()
    machine.run(0.5)
    assert machine.lines == ["0", "1", "2", "0"]


def test_a_debugger_stops_it_where_it_is_and_lets_it_go_on(machine):
    machine.boot("import time\nfor i in range(5):\n    print(i)\n    time.sleep_ms(100)\n")
    machine.run(0.15)
    machine.interpreter.pause(paused=True)
    machine.run(1.0)
    assert machine.lines == ["0", "1"]
    machine.interpreter.pause(paused=False)
    machine.run(0.15)
    assert machine.lines == ["0", "1", "2", "3"]


def test_a_process_that_is_killed_is_reported_on_the_console(machine):
    machine.boot("import time\nwhile True:\n    time.sleep_ms(10)\n")
    os.kill(machine.interpreter._process.pid, signal.SIGKILL)
    machine.run(0.1)
    assert "MicroPython ended unexpectedly" in machine.lines
    assert not machine.interpreter.alive
    assert machine.resets == []
    machine.run(0.1)
    assert machine.resets == [ResetCause.HARD]


def test_switching_off_after_a_fault_is_for_good(machine):
    machine.boot("import time\nwhile True:\n    time.sleep_ms(10)\n")
    os.kill(machine.interpreter._process.pid, signal.SIGKILL)
    machine.run(0.05)
    machine.interpreter.stop()
    machine.run(1)
    assert machine.resets == []


@pytest.mark.parametrize("end", ["", "1/0\n"])
def test_code_that_ends_with_the_heap_locked_leaves_a_prompt(machine, end):
    machine.boot(
        "import micropython\n"
        "micropython.heap_lock()\n"
        "micropython.heap_lock()\n"
        "try:\n"
        "    bytearray(100)\n"
        "except MemoryError:\n"
        "    print('locked', micropython.heap_unlock())\n" + end
    )
    machine.run(0.1)
    machine.interpreter.console_input(b"len(bytearray(100))\r")
    machine.run(0.1)
    assert machine.lines[0] == "locked 1"
    assert machine.lines[-2:] == ["100", ">>> "]


def test_the_heap_stays_locked_over_calls_of_the_port_and_callbacks(machine):
    machine.boot(
        "import micropython, time\n"
        "def fail(name):\n"
        "    try:\n"
        "        bytearray(100)\n"
        "        print(name, 'is not locked')\n"
        "    except MemoryError:\n"
        "        print(name)\n"
        "micropython.heap_lock()\n"
        "micropython.schedule(fail, 'callback')\n"
        "time.sleep_ms(5)\n"
        "fail('main')\n"
        "micropython.heap_unlock()\n"
        "print(len(bytearray(100)))\n"
    )
    machine.run(0.1)
    assert machine.lines[:3] == ["callback", "main", "100"]


def test_stopping_leaves_neither_process_nor_files(machine):
    machine.boot("import time\ntime.sleep(100)")
    pid = machine.interpreter._process.pid
    folder = machine.interpreter._process._folder.name
    machine.interpreter.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not Path(folder).exists()
    machine.run(200.0)
    machine.interpreter.stop()  # once more does no harm


def test_an_interpreter_that_is_not_there_is_one_clear_line(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "missing"))
    with pytest.raises(InfrastructureError, match="MICROPYTHON"):
        machine.boot("pass")
    assert not machine.interpreter.alive


def test_something_else_than_micropython_is_reported_and_does_not_hang(machine, monkeypatch):
    monkeypatch.setenv("MICROPYTHON", "/bin/true")
    machine.boot("pass")
    assert "MicroPython ended unexpectedly" in machine.text


# ---- the same every time


def test_two_runs_ask_the_same_at_the_same_times(tmp_path, machine):
    code = (
        IRQ + "pin.irq(lambda p: micropython.schedule(print, 'x'), Pin.IRQ_FALLING, hard=True)\n"
        "data = []\n"
        "for i in range(300):\n"
        "    data.append(str(i) * 3)\n"
        "    if i % 50 == 0:\n"
        "        time.sleep_ms(7)\n"
        "        pin()\n"
    )

    def run() -> tuple[list[object], str]:
        start_ns = machine.loop.now_ns()
        machine.hardware.log.clear()
        machine.output.clear()
        machine.boot(code)
        for ms in (3, 4, 11, 30):
            machine.loop.call_at_ns(start_ns + ms * MS, machine.interpreter.interrupt, 0)
        machine.run(0.2)
        log = [(op, at - start_ns, *rest) for op, at, *rest in machine.hardware.log]
        return log, machine.text

    assert run() == run()


def test_a_reply_that_came_back_early_is_not_an_answer():
    assert rpc.INTERRUPTED < 0
    assert -rpc.INTERRUPTED not in range(200), "would look like an errno"


@pytest.mark.parametrize("catching", [False, True])
def test_a_killed_simulator_leaves_no_process_behind(machine, catching):
    loop = "while True:\n    time.sleep_ms(5)"
    caught = "while True:\n    try:\n        time.sleep_ms(5)\n    except: pass"
    machine.boot("import time\n" + (caught if catching else loop))
    process = machine.interpreter._process
    os.close(process._to_child)  # what the end of a process does
    os.close(process._from_child)
    process._to_child = os.open(os.devnull, os.O_WRONLY)
    process._from_child = os.open(os.devnull, os.O_RDONLY)
    assert process._child.wait(20) == -signal.SIGKILL


# ---- code that does not come back


LONG = "pow(7, (1 << {}) - 1, (1 << 3000) - 1)"


def test_time_goes_on_beside_code_that_computes_for_ever(machine, monkeypatch):
    """On a board the hardware goes on too: a watchdog resets it, however busy the CPU is."""
    monkeypatch.setattr(interpreter_module, "_PATIENCE_S", 0.1)
    machine.boot("import time\ntime.sleep_ms(10)\n" + LONG.format(200_000))
    machine.run(2.0)
    assert machine.loop.now_ns() >= 2_000_000_000
    assert machine.interpreter.alive
    active_ns = sum(stop - start for start, stop in machine.hardware.active_ns)
    assert active_ns > 1_500_000_000


def test_code_that_comes_back_after_all_finds_the_time_that_has_passed(machine, monkeypatch):
    monkeypatch.setattr(interpreter_module, "_PATIENCE_S", 0.1)
    code = "import time\ntime.sleep_ms(10)\na = time.ticks_ms()\n" + LONG.format(6000)
    machine.boot(code + "\nprint(time.ticks_diff(time.ticks_ms(), a) >= 250)")
    for _ in range(100):
        machine.run(1.0)
        if machine.lines:
            break
    assert machine.lines[0] == "True"
