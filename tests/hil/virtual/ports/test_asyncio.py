"""Ordinary asyncio firmware in virtual time."""

from tests.hil.virtual.ports.programs import PREAMBLE, SERVER


def run(world, text, seconds=5.0):
    node = world.board("import asyncio, time\n" + text)
    world.run(seconds)
    return node


def test_tasks_take_turns_by_the_clock(world):
    node = run(
        world,
        """
async def count(name, ms):
    for i in range(3):
        await asyncio.sleep_ms(ms)
        print(name, i)
async def main():
    await asyncio.gather(count("slow", 100), count("fast", 70))
    print(time.ticks_ms() // 10)
asyncio.run(main())
""",
    )
    assert node.lines == ["fast 0", "slow 0", "fast 1", "slow 1", "fast 2", "slow 2", "30"]


def test_the_cpu_sleeps_while_tasks_wait(world):
    node = run(
        world,
        "async def main():\n    await asyncio.sleep(4)\nasyncio.run(main())\n"
        "print(time.ticks_ms() // 10)",
    )
    assert node.lines == ["400"]
    assert node.active_ns < 20_000_000


def test_events_locks_time_outs_and_cancellation(world):
    node = run(
        world,
        """
async def main():
    event, lock = asyncio.Event(), asyncio.Lock()
    async def waits():
        await event.wait()
        async with lock:
            print("event", time.ticks_ms() // 10)
    async def sleeps():
        await asyncio.sleep(9)
    task = asyncio.create_task(waits())
    await asyncio.sleep_ms(100)
    event.set()
    await task
    try:
        await asyncio.wait_for_ms(sleeps(), 200)
    except asyncio.TimeoutError:
        print("time-out", time.ticks_ms() // 10)
    task = asyncio.create_task(sleeps())
    await asyncio.sleep_ms(50)
    print(task.cancel(), task.done())
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.done(), task.cancel())
    async def fails():
        raise ValueError("no")
    try:
        await asyncio.gather(fails())
    except ValueError as error:
        print(repr(error))
asyncio.run(main())
""",
    )
    assert node.lines == [
        "event 10",
        "time-out 30",
        "True False",
        "cancelled True False",
        "ValueError('no',)",
    ]


def test_an_interrupt_wakes_a_task_through_a_flag(world):
    node = run(
        world,
        """
from machine import Timer
async def main():
    flag = asyncio.ThreadSafeFlag()
    Timer(period=150, callback=lambda t: flag.set())
    for _ in range(3):
        await flag.wait()
        print(time.ticks_ms() // 10 * 10)
asyncio.run(main())
""",
    )
    assert node.lines == ["150", "300", "450"]


def test_select_returns_what_is_ready_and_waits_no_longer_than_told(world):
    node = run(
        world,
        """
import io, select
class Stream(io.IOBase):
    ready = 0
    def ioctl(self, request, flags):
        return self.ready & flags
from machine import Timer
s = Stream()
p = select.poll()
p.register(s, select.POLLIN)
print(p.poll(100), time.ticks_ms() // 10)
def later(t):
    s.ready = select.POLLIN
Timer(mode=Timer.ONE_SHOT, period=200, callback=later)
print(p.poll()[0][1], time.ticks_ms() // 10)
print(len(list(p.ipoll(0))))
p.unregister(s)
print(p.poll(0))
""",
    )
    assert node.lines == ["[] 10", "1 30", "1", "[]"]


def test_a_central_written_with_asyncio_reads_a_server(world):
    world.board(SERVER)
    node = world.board(
        "import asyncio, bluetooth\n"
        + """
class Central:
    def __init__(self):
        self.ble = bluetooth.BLE()
        self.ble.active(True)
        self.ble.irq(self.irq)
        self.flags = {}
        self.data = {}

    def irq(self, event, data):
        self.data[event] = tuple(bytes(x) if isinstance(x, memoryview) else x for x in data)
        self.flag(event).set()

    def flag(self, event):
        if event not in self.flags:
            self.flags[event] = asyncio.ThreadSafeFlag()
        return self.flags[event]

    async def wait(self, event):
        await asyncio.wait_for(self.flag(event).wait(), 5)
        return self.data[event]

async def main():
    central = Central()
    ble = central.ble
    ble.gap_scan(0, 30000, 30000)
    found = await central.wait(5)
    ble.gap_scan(None)
    ble.gap_connect(*found[:2])
    c = (await central.wait(7))[0]
    ble.gattc_read(c, 16)
    await central.wait(16)
    print(central.data[15])
    ble.gap_disconnect(c)
    await central.wait(8)
    print("done")
asyncio.run(main())
"""
    )
    world.run(8.0)
    assert node.lines == ["(1, 16, b'value')", "done"]
    assert PREAMBLE in SERVER
