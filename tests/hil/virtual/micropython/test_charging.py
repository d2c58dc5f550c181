"""A copy that charges does what the file does, and says what that costs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import BytecodeError, Module
from eegrig.hil.virtual.micropython.cpu_time.charging import CHARGE, charging_copy, check_code
from eegrig.hil.virtual.micropython.cpu_time.pricing import ImagePrices
from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.host.image.mpycross import compile_module

STM32 = stock_runtime("stm32", "NUCLEO_WB55")
ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")
CLOCK_HZ = 64e6

RUN = f"""
import builtins, sys
total = [0, 0]
def charge(ns):
    total[0] += ns
    total[1] += 1
setattr(builtins, {CHARGE!r}, charge)
sys.path[:] = ["."]
import program
print(*total)
"""


def files_of(source: str) -> tuple[bytes, bytes]:
    """Return a program compiled, and its charging copy."""
    data = compile_module(source.encode(), "program.py", ZEPHYR)
    module = Module.parse(data)
    prices = ImagePrices({"program.mpy": module}, STM32.prices, STM32.calls)
    return data, charging_copy(module, prices.functions("program.mpy"), CLOCK_HZ).encode()


def run(folder: Path, data: bytes) -> list[str]:
    (folder / "program.mpy").write_bytes(data)
    ended = subprocess.run(
        [micropython_executable(), "-c", RUN],
        cwd=folder, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return ended.stdout.splitlines()


def both(folder: Path, source: str) -> tuple[list[str], list[str], int]:
    """Return what a program prints, what its copy prints, and the nanoseconds that it charges."""
    data, copy = files_of(source)
    plain, charging = run(folder, data), run(folder, copy)
    assert plain.pop() == "0 0"
    return plain, charging[:-1], int(charging[-1].split()[0])


PROGRAMS = {
    "loops, generators and what they leave by": """
def numbers(n):
    for i in range(n):
        try:
            yield i
        finally:
            print("closed", i)

class Guard:
    def __enter__(self):
        return 5
    def __exit__(self, kind, value, trace):
        return kind is KeyError

def leave(out):
    for x in numbers(6):
        with Guard() as v:
            if x == 3:
                continue
            if x == 4:
                break
            try:
                out.append(x + v)
                if x == 1:
                    raise ValueError(x)
                if x == 2:
                    raise KeyError
            except (ValueError, OSError) as e:
                out.append(e.args)
            else:
                out.append("else")
            finally:
                out.append("finally")
    while True:
        try:
            for k in {1: 2}:
                for j in (1, 2):
                    try:
                        return out
                    finally:
                        out.append((k, j))
        finally:
            out.append("end")

print(leave([]))
""",
    "calls of every kind": """
class A:
    limit = 7
    @property
    def p(self):
        return self._p
    @p.setter
    def p(self, value):
        self._p = value
    def __exit__(self, *a):
        return a

class B(A):
    def q(self, *a, k=3, **kw):
        self.p = k
        return super().__exit__(1, 2, 3), a, kw

def closure(n):
    def inner(a=n):
        nonlocal n
        n += 1
        return a or n and not a
    return inner

b = B()
print(b.q(1, 2, k=7, z=1), b.p, b.limit)
print(closure(0)(), closure(4)(), (lambda *a: a)(*[1, 2], **{}))
a, *c = 1, 2, 3
print(a, c, [i * 2 for i in range(3) if i], {k: v for k, v in ((1, 2),)}, sorted({3, 1}))
x = bytearray(b"abcdef")
x[1:3] = b"XY"
print(x[2:], x[:2] if len(x) else None, "%d" % 3, 2 ** 70 % 97, 1.5 + 2)
""",
    "coroutines": """
class Manager:
    async def __aenter__(self):
        return 1
    async def __aexit__(self, *a):
        print("left", a[0] is None)
async def work(n):
    async with Manager() as m:
        if n:
            return m
    return 0
def run(c):
    try:
        c.send(None)
    except StopIteration as e:
        return e.value
print(run(work(0)), run(work(1)))
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_copy_does_what_the_file_does(tmp_path, name):
    plain, charging, ns = both(tmp_path, PROGRAMS[name])
    assert charging == plain
    assert len(plain) >= 1
    assert ns > 10_000


def test_a_copy_names_the_lines_of_the_source(tmp_path):
    source = """
import sys
def bad(x):
    if x:

        y = 2
    for i in range(3):
        pass
    raise KeyError(
        x,
        y)
"""
    source += "\n" * 300
    source += "try:\n    bad(1)\nexcept KeyError as e:\n    sys.print_exception(e, sys.stdout)\n"
    plain, charging, _ = both(tmp_path, source)
    assert charging == plain
    assert re.findall(r"line (\d+)", "\n".join(plain)) == ["313", "9"]


def charged_ns(folder: Path, source: str) -> int:
    return both(folder, source)[2]


def test_what_runs_is_charged_and_what_does_not_is_not(tmp_path):
    def program(call: str) -> str:
        return f"def f(a):\n    if a:\n        return a + a + a + a\n\ndef g():\n    f(1)\n{call}\n"

    nothing, short, long, deep = (
        charged_ns(tmp_path, program(call)) for call in ("0", "f(0)", "f(1)", "g()")
    )
    assert nothing < short < long < deep
    four = 3 * STM32.prices.operation + 4 * STM32.prices.simple
    ns = STM32.prices.cycles_per_instruction / CLOCK_HZ * 1e9
    assert long - short == pytest.approx(four * ns, abs=2 * STM32.prices.simple * ns)


def test_a_loop_is_charged_each_time_round(tmp_path):
    ten, thirty = (
        charged_ns(tmp_path, f"def f(n):\n    for i in range(n):\n        i + i\nf({n})\n")
        for n in (10, 30)
    )
    prices = STM32.prices
    # x+y and its loads, and the loop: 169 instructions a pass by the count of an empty one.
    pass_ns = (169 + prices.operation + 3 * prices.simple) * prices.cycles_per_instruction
    assert (thirty - ten) / 20 == pytest.approx(pass_ns / CLOCK_HZ * 1e9, rel=0.15)


def test_a_small_function_gets_the_room_that_charging_takes():
    data, copy = files_of("def f(a):\n    return a.x\n")
    before, after = (Module.parse(file).body.children[0] for file in (data, copy))
    assert before.state == 2
    assert after.state == 3


def test_a_function_with_room_keeps_its_frame():
    """One that grows might no longer find room on the stack, and be allocated."""
    data, copy = files_of("def f(a):\n    return a.x(1, 2, 3, 4)\n")
    before, after = (Module.parse(file).body.children[0] for file in (data, copy))
    assert before.state == after.state


def test_a_file_whose_jumps_have_no_room_to_grow_is_refused():
    source = "def f(a):\n    while a:\n" + "        a.x = a.y\n" * 1600
    module = Module.parse(compile_module(source.encode(), "program.py", ZEPHYR))
    with pytest.raises(BytecodeError, match="too long"):
        check_code(module)
