"""C functions take time by the length of what they work on, at the prices of the board's runtime.

The microseconds beside each call were counted in the stock binary, run in the exact mode. What a
call allocates is in them, and is charged at a price of memory that is a mean of its own.
"""

from __future__ import annotations

import zlib

import pytest

from .conftest import run_alone

TIMED = """
import time
{setup}
def took(n):
    a = time.ticks_us()
    {call}
    return time.ticks_diff(time.ticks_us(), a)
small, large = took({small}), took({large})
print((large - small) / ({large} - {small}))
"""

# Setup, call, lengths, and microseconds for one more.
COUNTED = [
    ("x = range(2000)", "sum(x[:n])", 100, 1000, 3.5),
    ("x = [1] * 2000", "sum(x[:n])", 100, 1000, 3.6),
    ("x = range(2000)", "min(x[:n])", 100, 1000, 3.7),
    ("x = range(2000)", "max(x[:n], key=abs)", 100, 1000, 3.8),
    ("x = [0] * 2000", "any(x[:n])", 100, 1000, 3.0),
    ("x = [1] * 2000", "all(x[:n])", 100, 1000, 3.0),
    ("x = [7 * i % 1601 for i in range(1601)]", "sorted(x[:n])", 400, 1600, 25.9),
    ("import binascii; x = memoryview(bytes(8000))", "binascii.crc32(x[:n])", 100, 8000, 0.41),
    ("import binascii; x = memoryview(bytes(8000))", "binascii.hexlify(x[:n])", 100, 2000, 1.34),
    ("import binascii; x = b'61' * 2000", "binascii.unhexlify(x[: 2 * n])", 100, 2000, 2.59),
    ("import struct; x = bytes(1000)", "struct.unpack('<%dB' % n, x[:n])", 10, 400, 4.2),
    ("import json; x = list(range(1000))", "json.dumps(x[:n])", 50, 400, 22.1),
    ("import json; x = 'a' * 2000 + '\"'", "json.loads('\"' + x[-n:])", 100, 2000, 5.9),
]


@pytest.mark.parametrize(
    ("setup", "call", "small", "large", "counted_us"), COUNTED, ids=[row[1] for row in COUNTED]
)
def test_one_more_takes_about_what_was_counted(world, setup, call, small, large, counted_us):
    program = TIMED.format(setup=setup, call=call, small=small, large=large)
    found_us = float(run_alone(world, program, seconds=5.0).lines[-1])
    assert found_us == pytest.approx(counted_us, rel=0.5)


def test_what_has_no_length_is_told_as_it_is_gone_through(world):
    """At 2 us a jump of the generator's own, beside what `sum` takes."""
    program = TIMED.format(setup="", call="sum(i for i in range(n))", small=100, large=1000)
    assert float(run_alone(world, program).lines[-1]) == pytest.approx(3.5 + 2, rel=0.5)


def test_inflating_takes_time_by_what_comes_out(world):
    program = """
import deflate, io, time
data = bytes.fromhex('{}')
a = time.ticks_us()
text = deflate.DeflateIO(io.BytesIO(data), deflate.ZLIB).read()
print(len(text), time.ticks_diff(time.ticks_us(), a))
"""
    packed = zlib.compressobj(9, zlib.DEFLATED, 9)
    data = packed.compress(b"the quick brown fox " * 100) + packed.flush()
    length, took_us = map(int, run_alone(world, program.format(data.hex())).lines[-1].split())
    assert length == 2000
    assert took_us / length == pytest.approx(2.86, rel=0.8)


def test_no_answer_is_another(world):
    program = """
import binascii, json, struct, io
print(sum([1, 2], 3), sum(i for i in (1, 2)), min(2, 1), min(3, 2, 1), max([1, 3, 2]))
print(min([], default=7), max(x for x in (1, 5)), min('b', 'A', key=lambda c: c.lower()))
print(sorted((3, 1, 2), reverse=True), sorted('bA', key=lambda c: c.lower()), any([]), all([]))
print(binascii.crc32(b'b', binascii.crc32(b'a')), binascii.b2a_base64(b'a', newline=False))
print(binascii.hexlify(b'ab', '-'), binascii.unhexlify('6162'), struct.unpack_from('<H', b'abc', 1))
out = io.StringIO()
json.dump({'a': [1, None]}, out, separators=(',', ':'))
print(out.getvalue(), json.load(io.StringIO('[1, 2]')), json.loads(b'3'))
for wrong in ('sum(1)', 'min(1)', 'min([])', 'sorted(1)', "json.loads('{')", 'min([1], key=None)'):
    try:
        eval(wrong)
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
"""
    assert run_alone(world, program).lines == [
        "6 3 1 1 3",
        "7 5 A",
        "[3, 2, 1] ['A', 'b'] False True",
        "2659403885 b'YQ=='",
        "b'61-62' b'ab' (25442,)",
        '{"a":[1,null]} [1, 2] 3',
        *("TypeError", "TypeError", "ValueError", "TypeError", "ValueError", "TypeError"),
    ]


def test_a_hard_interrupts_handler_compares_numbers_without_memory(world):
    program = """
import time
from machine import Timer
found = [0, 9]
def handler(timer):
    found[0] = max(found[0], 3)
    found[1] = min(found[1], 5)
Timer(-1, period=10, callback=handler, hard=True)
time.sleep_ms(100)
print(found)
"""
    assert run_alone(world, program).lines == ["[3, 5]"]


def test_a_file_goes_before_a_module_of_that_name(world):
    assert run_alone(world, "import json\nprint(json.mine)", json="mine = 1").lines == ["1"]


def test_every_import_looks_for_a_file_and_pays_for_it(world):
    """As a builtin does that a file goes before: it is none of `sys.modules`."""
    program = """
import json, sys, time
a = time.ticks_us()
import json
print(time.ticks_diff(time.ticks_us(), a) > 100, 'json' in sys.modules, hasattr(json, 'loads'))
with open('json.py', 'w') as file:
    file.write('mine = 1')
import json
print(json.mine)
"""
    assert run_alone(world, program).lines == ["True False True", "1"]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_builds_have_those_modules_that_they_had(world, port):
    program = "for name in ('binascii', 'json', 'deflate', 'struct', 'heapq'):\n"
    program += " try:\n  __import__(name); print(name)\n except ImportError: pass"
    found = run_alone(world, program, port=port).lines
    few = ["binascii", "struct"]
    assert found == (
        few if port == "zephyr" else ["binascii", "json", "deflate", "struct", "heapq"]
    )


BREAKS_IN = """
import bluetooth, hashlib, micropython, time
from array import array
from machine import Timer
ble = bluetooth.BLE()
ble.active(True)
packet, data, items = bytes(232), bytes(12000), [1] * 4000
times = array("l", [0] * 8)
n = called_us = 0
def called_back(_):
    global called_us
    called_us = called_us or time.ticks_us()
def on_time(_):
    global n
    if n < 8:
        times[n] = time.ticks_us()
        n += 1
        micropython.schedule(called_back, 0)
def notify():
    try:
        ble.gatts_notify(1, 16, packet)
    except OSError:
        pass
def work():
    {work}
work()
timer = Timer(-1, period=1, callback=on_time, hard=True)
a = time.ticks_us()
work()
took_us = time.ticks_diff(time.ticks_us(), a)
timer.deinit()
print(took_us, called_us - a, *[times[i + 1] - times[i] for i in range(min(n, 8) - 1)])
"""


@pytest.mark.parametrize(
    ("work", "called"),
    [
        ("sum(items)", "at its end"),
        ("hashlib.sha256(data)", "at its end"),
        ("[notify() for _ in range(8)]", "between"),
    ],
)
def test_interrupts_break_into_long_work_and_callbacks_wait_for_its_end(world, work, called):
    (line,) = run_alone(world, BREAKS_IN.format(work=work), seconds=5.0).lines[-1:]
    took_us, called_us, *apart_us = map(int, line.split())
    assert took_us > 4000
    assert len(apart_us) >= 3
    assert max(abs(apart - 1000) for apart in apart_us) < 150
    if called == "between":
        assert called_us < 3000
    else:
        assert called_us == pytest.approx(took_us, abs=500)
