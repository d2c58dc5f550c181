"""The console of a board: friendly and raw REPL, Ctrl-C, soft reset."""

from __future__ import annotations

import random

import pytest

from eegrig.hil.virtual.micropython.interpreter import ResetCause

from .conftest import MODEL

MS = 1_000_000
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"


def said(machine, data: bytes, seconds: float = 0.1) -> bytes:
    """Type, let time pass, and return what came out of it."""
    machine.output.clear()
    assert machine.interpreter.console_input(data) == len(data)
    machine.run(seconds)
    return bytes(machine.output)


@pytest.fixture
def prompt(machine):
    machine.boot("x = 5")
    machine.run(0.01)
    return machine


@pytest.fixture
def raw(prompt):
    assert said(prompt, b"\r\x03\x01") == b"\r\n>>> \r\n>>> \r\n" + RAW_BANNER
    return prompt


# ---- friendly


def test_an_expression_shows_its_value_and_main_py_left_its_names(prompt):
    assert said(prompt, b"x + 1\r") == b"x + 1\r\n6\r\n>>> "


def test_a_compound_statement_goes_on_until_an_empty_line_and_is_indented(prompt):
    out = said(prompt, b"for i in range(2):\ri\r\x7f\r")
    assert out == b"for i in range(2):\r\n...     i\r\n...     \b\b\b\b\x1b[K\r\n0\r\n1\r\n>>> "


def test_a_traceback_has_the_frames_of_the_program_only(prompt):
    out = said(prompt, b"1/0\r")
    assert out == (
        b"1/0\r\nTraceback (most recent call last):\r\n"
        b'  File "<stdin>", line 1, in <module>\r\nZeroDivisionError: divide by zero\r\n>>> '
    )


def test_history_and_cursor_keys_edit_the_line(prompt):
    said(prompt, b"x\r")
    assert said(prompt, b"\x1b[A1\x1b[D\x1b[D2\r").endswith(b"\r\n>>> ")
    assert said(prompt, b"12\x1b[D\x7f3\r").endswith(b"\r\n32\r\n>>> ")


def test_tab_completes_a_name(prompt):
    said(prompt, b"import time\r")
    assert said(prompt, b"time.ticks_d\t(7, 6)\r").endswith(b"time.ticks_diff(7, 6)\r\n1\r\n>>> ")


def test_paste_mode_takes_everything_until_ctrl_d(prompt):
    out = said(prompt, b"\x05y = 1\rprint(y)\r\x04")
    assert out == (
        b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n"
        b"=== y = 1\r\n=== print(y)\r\n=== \r\n1\r\n>>> "
    )


def test_input_reads_a_line(prompt):
    assert said(prompt, b"input('? ')\rabc\r").endswith(b"? abc\r\n'abc'\r\n>>> ")


def test_time_and_timers_go_on_at_the_prompt(machine):
    machine.boot(
        "from machine import Timer\nTimer(-1).init(period=100, callback=lambda t: print('tick'))"
    )
    machine.hardware.log.clear()
    machine.interpreter.interrupt(0)
    machine.run(0.1)
    assert "tick" in machine.text


# ---- raw


def test_raw_repl_answers_with_output_and_traceback(raw):
    assert said(raw, b"print(x)\x04") == b"OK5\r\n\x04\x04>"
    out = said(raw, b"nope\x04")
    assert out.startswith(b"OK\x04Traceback")
    assert out.endswith(b"\r\n\x04>")


def test_raw_paste_has_a_window(raw):
    assert said(raw, b"\x05A\x01") == b"R\x01\x80\x00\x01"
    assert said(raw, b"#" * 128) == b"\x01"
    assert said(raw, b"\nprint(7)\x04") == b"\x047\r\n\x04\x04>"


def test_a_soft_reset_in_the_raw_repl_is_asked_for(raw):
    assert said(raw, b"\x04") == b"OK\r\nMPY: soft reboot\r\n"
    assert raw.resets == [ResetCause.SOFT]
    raw.start(cause=ResetCause.SOFT)
    raw.run(0.01)
    assert bytes(raw.output).endswith(b"soft reboot\r\n" + RAW_BANNER)


def test_bytes_for_the_buffer_arrive_unchanged(raw):
    out = said(
        raw, b"import sys\nn = sys.stdout.buffer.write(b'a\\nb')\nsys.stdout.write('\\n')\x04"
    )
    assert out == b"OKa\nb\r\n\x04\x04>"


# ---- Ctrl-C


@pytest.mark.parametrize(
    "code",
    [
        "import time\nwhile True:\n    time.sleep(1)",
        "while True:\n    pass",
        "while True:\n    x = [1, 2, 3]",
        "while True:\n    x = [1, 2, 3] * 5",
        "while True:\n    with open('main.py') as file:\n        file.read()",
        "def f(n):\n    return f(n - 1) if n else 0\nwhile True:\n    f(9)",
        "import sys\nsys.stdin.read(1)",
        "import machine\nwhile True:\n    machine.Pin(('gpio0', 15), 1).value(1)",
    ],
)
def test_ctrl_c_interrupts(raw, code):
    said(raw, code.encode() + b"\x04")
    for _ in range(5):
        out = said(raw, b"\x03", 0.3)
        assert b"KeyboardInterrupt: \r\n\x04>" in out
        assert said(raw, b"print(8)\x04") == b"OK8\r\n\x04\x04>"
        said(raw, code.encode() + b"\x04")


def test_ctrl_c_comes_at_a_jump_of_its_time_with_nothing_left_half_way(raw):
    code = b"i, x = 0, []\nwhile True:\n    i += 1\n    x = sorted([3, 2, 1] * 5)\x04"
    counts = set()
    for _ in range(20):
        said(raw, code, 0.02)
        assert said(raw, b"\x03", 0.05).endswith(b"KeyboardInterrupt: \r\n\x04>")
        counts.add(said(raw, b"print(i, len(x))\x04", 0.02))
    assert len(counts) <= 2  # the two halves of the last statement
    assert all(count.endswith(b" 15\r\n\x04\x04>") for count in counts)


def test_a_program_that_ends_as_ctrl_c_comes_leaves_nothing_for_the_next(raw):
    for wait in range(60):
        said(raw, f"for i in range({wait}):\n    pass\x04".encode(), 1e-5 * wait)
        said(raw, b"\x03", 0.02)
        assert said(raw, b"for i in range(9): pass\nprint(i)\x04") == b"OK8\r\n\x04\x04>"


def test_ctrl_c_is_data_when_the_program_says_so(raw):
    code = b"import sys, micropython\nmicropython.kbd_intr(-1)\nprint(sys.stdin.buffer.read(2))\x04"
    said(raw, code)
    assert said(raw, b"\x03a") == b"b'\\x03a'\r\n\x04\x04>"


def test_ctrl_c_ends_main_py_and_the_prompt_comes(machine):
    machine.boot("while True:\n    pass")
    assert b"KeyboardInterrupt: \r\nMicroPython v" in said(machine, b"\x03")
    assert machine.output.endswith(b">>> ")


def test_input_that_comes_early_is_kept_and_has_a_limit(machine):
    machine.boot("import time\ntime.sleep(1)")
    assert machine.interpreter.console_input(b"x" * 70_000) == 65_536
    assert machine.interpreter.console_room == 0


def test_ctrl_c_in_a_callback_waits_for_the_program(raw):
    code = (
        "import micropython, time\n"
        "def slow(_):\n    time.sleep_ms(60)\n    print('whole')\n"
        "micropython.schedule(slow, 0)\ntime.sleep(9)\x04"
    )
    said(raw, code.encode(), 0.02)
    out = said(raw, b"\x03", 0.3)
    assert b"whole" in out
    assert b"KeyboardInterrupt" in out


# ---- resets


def test_ctrl_d_at_an_empty_prompt_asks_for_a_soft_reset(prompt):
    assert said(prompt, b"\x04").endswith(b"\r\nMPY: soft reboot\r\n")
    assert prompt.resets == [ResetCause.SOFT]
    prompt.output.clear()
    prompt.start(cause=ResetCause.SOFT)
    prompt.run(0.01)
    assert bytes(prompt.output).endswith(b'"help()" for more information.\r\n>>> ')


def test_in_safe_mode_neither_file_runs(machine):
    machine.boot("print('main')", boot="print('boot')")
    machine.run(0.01)
    assert machine.text.startswith("boot\nmain\n")
    machine.output.clear()

    async def start() -> None:
        machine.interpreter.start(machine.hardware, MODEL, ResetCause.HARD, safe_mode=True)

    machine.run(start())
    machine.run(0.01)
    assert machine.text.startswith("MicroPython v")
    assert machine.text.endswith(">>> ")


# ---- anything


def test_whatever_is_typed_the_board_goes_on(prompt):
    rng = random.Random(7)
    likely = b"\x01\x02\x03\x04\x05\r\n\t\x7f\x1b[ABCD'\"()[]{}:;= ax1"
    for _ in range(300):
        size = rng.randrange(1, 40)
        data = bytes(
            rng.choice(likely) if rng.random() < 0.7 else rng.randrange(256) for _ in range(size)
        )
        said(prompt, data, 0.02)
        if prompt.resets:
            prompt.resets.clear()
            prompt.start(cause=ResetCause.SOFT)
    # Out of whatever mode it is in, as mpremote does it.
    said(prompt, b"\r\x03\x03\x04\r\x03\x03", 0.2)
    if prompt.resets:
        prompt.start(cause=ResetCause.SOFT)
    said(prompt, b"\r\x03\x03\x02", 0.2)
    assert said(prompt, b"print(40 + 2)\r", 0.2).endswith(b"42\r\n>>> ")
