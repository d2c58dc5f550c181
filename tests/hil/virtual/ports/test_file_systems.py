"""File systems that the main program and callbacks write to at the same time."""

from __future__ import annotations

import os

from littlefs import LittleFS

from .conftest import World

WRITERS = """
import bluetooth
import os
import time
from machine import Timer
from micropython import schedule

LINES = 24


class Log:
    def __init__(self, name):
        self.name = name
        self.n = self.first = 0
        self.busy = False

    def write(self, _=None):
        self.busy = True
        with open(self.name, "a") as file:
            file.write("%s %d\\n" % (self.name, self.n))
        self.n += 1
        self.busy = False
        if self.n - self.first == LINES:
            self.check()
            os.remove(self.name)
            self.first = self.n

    def check(self):
        with open(self.name) as file:
            lines = [line.strip() for line in file]
        if lines != ["%s %d" % (self.name, n) for n in range(self.first, self.n)]:
            print("lost of", self.name, self.first, self.n, lines)


main, timer, radio, scheduled = logs = [Log(name) for name in ("main", "timer", "radio", "soft")]
inside = [0]


def on_timer(_):
    inside[0] += main.busy
    timer.write()


def on_radio(event, data):
    if event == 5:
        radio.write()


write_scheduled = scheduled.write


def on_ticks(_):
    schedule(write_scheduled, None)


ble = bluetooth.BLE()
ble.active(True)
ble.irq(on_radio)
ble.gap_advertise(400_000, b"\\x02\\x01\\x06", connectable=False)
ble.gap_scan(0, 500_000, 100_000)
timers = (
    Timer(-1, period=330, callback=on_timer),
    Timer(-1, period=570, callback=on_ticks, hard=True),
)
end = time.ticks_ms()
seconds = 0
while seconds < SECONDS:
    main.write()
    time.sleep_ms(37)
    while time.ticks_diff(time.ticks_ms(), end) > 1000:
        end = time.ticks_add(end, 1000)
        seconds += 1
for timer in timers:
    timer.deinit()
ble.active(False)
for log in logs:
    print(log.name, log.n, log.first)
print("callbacks inside", inside[0])
"""
SECONDS = int(os.environ.get("EEGRIG_WRITE_SECONDS", "60"))  # `make endurance`: an hour
BLOCKS = {"zephyr": 4096, "stm32": 512}


def write_for(world: World, seconds: int) -> None:
    """Let two boards write for so long, and compare what they have with what they wrote."""
    main = WRITERS.replace("SECONDS", str(seconds))
    nodes = {port: world.board(main, port=port) for port in BLOCKS}
    world.run(seconds + 20)  # stm32 writes back what is in RAM after 5 s
    for port, node in nodes.items():
        *counts, inside = node.lines
        assert inside == "callbacks inside 0"
        fs = LittleFS(block_size=BLOCKS[port], block_count=0, mount=False)
        fs.context.buffer = bytearray(node.flash.data)
        fs.mount()
        assert [line.split()[0] for line in counts] == ["main", "timer", "radio", "soft"]
        for line in counts:
            name, n, first = line.split()
            assert int(n) > seconds / 4, line
            wanted = [f"{name} {i}" for i in range(int(first), int(n))]
            if wanted:  # a full file was removed
                with fs.open(name) as file:
                    assert file.read().splitlines() == wanted, port


def test_callbacks_and_the_main_program_write_to_their_file_systems_and_lose_nothing(world):
    write_for(world, SECONDS)


def test_a_callback_that_comes_in_a_file_system_operation_runs_when_it_has_ended(world):
    text = """
import time
from machine import Timer
log = []
timer = Timer(-1, period=5, callback=lambda _: log.append(writing))
writing = False
with open("f", "w") as file:
    time.sleep_ms(20)
    del log[:]
    writing = True
    file.write("x" * 20000)
    writing = False
    n = 0
    while not log:
        n += 1
print(log[0], n < 3)
timer.deinit()
"""
    for node in [world.board(text, port=port) for port in BLOCKS]:
        world.run(5)
        assert node.lines == ["False True"]
