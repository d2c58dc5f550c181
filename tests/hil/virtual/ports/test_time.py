"""Time, timers and polling.

As extmod/modtime.c, machine_timer.c and modselect.c of MicroPython 1c3c201149 have them.
"""

from __future__ import annotations

import calendar
import time

import pytest

from .conftest import World, run_alone

PORTS = pytest.mark.parametrize("port", ["zephyr", "stm32"])
TRY = """
def attempt(function, *args, **options):
    try:
        print(function(*args, **options))
    except Exception as error:
        print(type(error).__name__, error)
"""


def lines_of(world: World, text: str, port: str = "stm32", seconds: float = 2.0) -> list[str]:
    return run_alone(world, TRY + text, port, seconds).lines


@PORTS
def test_ticks_add_refuses_what_ticks_diff_could_not_tell(world, port):
    assert lines_of(
        world,
        "import time\n"
        "for delta in (1 << 29, (1 << 29) - 1, -(1 << 29), 1 - (1 << 29), 1 << 40, -1, True):\n"
        "    attempt(time.ticks_add, 5, delta)\n"
        "attempt(time.ticks_add, 5, 1.5)\n",
        port,
    )[:-1] == [
        "OverflowError ticks interval overflow",
        str((1 << 29) + 4),
        "OverflowError ticks interval overflow",
        str((5 + 1 - (1 << 29)) % (1 << 30)),
        "OverflowError ticks interval overflow",
        "4",
        "6",
    ]


@PORTS
def test_sleeps_take_whole_numbers_of_their_unit(world, port):
    assert lines_of(
        world,
        "import time\n"
        "attempt(time.sleep_ms, 1.5)\n"
        "attempt(time.sleep_us, '1')\n"
        "attempt(time.sleep_ms, -5)\n"
        "start = time.ticks_us()\n"
        "time.sleep(0.0129)\n"
        "print(time.ticks_diff(time.ticks_us(), start) // 1000)\n",
        port,
    ) == [
        "TypeError can't convert float to int",
        "TypeError can't convert str to int",
        "None",
        "12",
    ]


def test_local_time_has_eight_fields_and_knows_no_time_zone_of_the_computer(world, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    moments = [0, 1, 951_782_400, 1_709_164_800, 1_735_689_599, 4_107_542_400]  # of 1970
    epoch = 946_684_800
    try:
        lines = lines_of(
            world,
            "import time, machine\n"
            f"for t in {[moment - epoch for moment in moments]}:\n"
            "    parts = time.localtime(t)\n"
            "    print(parts, time.mktime(parts) == t, time.mktime(parts + (0,)) == t)\n"
            "print(time.mktime((2024, 14, 31, 25, 0, 0, 0, 0)))\n"
            "attempt(time.mktime, (2024, 1, 1))\n"
            "machine.RTC().datetime((2024, 2, 29, 4, 1, 2, 3, 0))\n"
            "print(time.localtime(), machine.RTC().datetime()[:7])\n",
        )
    finally:
        monkeypatch.undo()
        time.tzset()
    wanted = []
    for moment in moments:
        t = time.gmtime(moment)
        wanted.append(f"{(*t[:6], t.tm_wday, t.tm_yday)} True True")
    assert lines == [
        *wanted,
        str(calendar.timegm((2025, 2, 31, 25, 0, 0)) - epoch),
        "TypeError mktime needs a tuple of length 8 or 9",
        "(2024, 2, 29, 1, 2, 3, 3, 60) (2024, 2, 29, 4, 1, 2, 3)",
    ]


@PORTS
def test_timers_are_checked_as_on_the_port(world, port):
    text = (
        "from machine import Timer\n"
        "attempt(Timer, 3)\n"
        "attempt(Timer, -1, period=1.5)\n"
        "attempt(Timer, -1, 100)\n"
        "attempt(Timer, -1, wrong=1)\n"
        "attempt(Timer, -1, period=1 << 30)\n"
    )
    found = lines_of(world, text, port)
    id_error = "Timer doesn't exist" if port == "stm32" else "only virtual timers are supported"
    assert found[:2] == [f"ValueError {id_error}", "TypeError can't convert float to int"]
    assert [line.split()[0] for line in found[2:4]] == ["TypeError", "TypeError"]
    assert (found[4] == "ValueError period too large") == (port == "stm32")


@PORTS
def test_a_period_is_whole_milliseconds(world, port):
    assert lines_of(
        world,
        "import time\n"
        "from machine import Timer\n"
        "times = []\n"
        "timer = Timer(-1, freq=3, callback=lambda _: times.append(time.ticks_ms()), hard=False)\n"
        "time.sleep_ms(1700)\n"
        "timer.deinit()\n"
        "print(times[-1] - times[0])\n",
        port,
    ) == ["1332"]


@PORTS
def test_finished_timers_are_collected_and_there_may_be_as_many_as_one_likes(world, port):
    assert lines_of(
        world,
        "import gc, time\n"
        "from machine import Timer\n"
        "n = 0\n"
        "def count(_):\n"
        "    global n\n"
        "    n += 1\n"
        "def some(k):\n"
        "    for _ in range(k):\n"
        "        Timer(-1, mode=Timer.ONE_SHOT, period=1, callback=count)\n"
        "        Timer(-1, mode=Timer.PERIODIC, period=1, callback=count).deinit()\n"
        "        time.sleep_ms(2)\n"
        "    gc.collect()\n"
        "    return gc.mem_alloc()\n"
        "some(10)\n"
        "before = some(10)\n"
        "print(some(300) - before < 200, n)\n",
        port,
        3.0,
    ) == ["True 320"]


WAITER = """
import io, select, time
from machine import Timer


class Flag(io.IOBase):
    value = 0

    def ioctl(self, request, argument):
        if request != 3:
            return -1
        found = argument & 1 if self.value else 0
        for _ in range(LOOPS):  # the timer comes here, sooner or later
            pass
        return found


flag = Flag()


def on_timer(_):
    flag.value = 1


missed = 0
poller = select.poll()
poller.register(flag, select.POLLIN)
for n in range(60):
    flag.value = 0
    Timer(-1, mode=Timer.ONE_SHOT, period=3, callback=on_timer, hard=HARD)
    time.sleep_us(1000 + 37 * n)
    start = time.ticks_ms()
    poller.poll(40)
    if time.ticks_diff(time.ticks_ms(), start) > 10:
        missed += 1
print("missed", missed)
"""


@pytest.mark.parametrize("hard", [True, False])
def test_what_a_callback_makes_ready_before_the_sleep_is_seen(world, hard):
    text = WAITER.replace("LOOPS", "20").replace("HARD", str(hard))
    assert run_alone(world, text, "stm32", 4.0).lines == ["missed 0"]


def test_poll_asks_the_interpreters_own_streams(world):
    assert lines_of(
        world,
        "import io, select, micropython\n"
        "ring = micropython.RingIO(8)\n"
        "poller = select.poll()\n"
        "poller.register(ring)\n"
        "print([flags for _, flags in poller.poll(0)])\n"
        "ring.write(b'12345678')\n"
        "print([flags for _, flags in poller.poll(0)])\n"
        "ring.read()\n"
        "poller.modify(ring, select.POLLIN)\n"
        "print(poller.poll(5))\n"
        "class NoStream:\n"
        "    def ioctl(self, request, argument):\n"
        "        return argument\n"
        "for wrong in (3, NoStream(), None):\n"
        "    attempt(poller.register, wrong)\n"
        "print(poller.poll(0))\n"
        "class Broken(io.IOBase):\n"
        "    def ioctl(self, request, argument):\n"
        "        return -5\n"
        "poller.register(Broken())\n"
        "attempt(poller.poll, 0)\n"
        "other = select.poll()\n"
        "other.register(io.BytesIO())\n"
        "attempt(other.poll, 0)\n",
    ) == [
        "[4]",
        "[1]",
        "[]",
        *["OSError stream operation not supported"] * 3,
        "[]",
        "OSError [Errno 5] EIO",
        "OSError [Errno 22] EINVAL",
    ]
