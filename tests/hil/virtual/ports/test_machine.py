"""`machine` and `time` as the ports have them."""

import asyncio

import pytest

from eegrig.hil.virtual.micropython.interpreter import ResetCause

MS = 1_000_000


def run(world, text, port="stm32", seconds=3.0):
    node = world.board(text, port=port)
    world.run(seconds)
    return node


def test_light_sleep_ends_in_time_and_stops_the_ticks_but_not_the_clock(world):
    node = run(
        world,
        "import machine, time\n"
        "rtc, t = time.time_ns(), time.ticks_ms()\n"
        "machine.lightsleep(300)\n"
        "print(time.ticks_diff(time.ticks_ms(), t), (time.time_ns() - rtc) // 1000000)",
    )
    assert node.lines == ["0 300"]
    (start_ns, start), (end_ns, end) = node.sleeps[1:3]
    assert (start, end) == ("light", "idle")
    assert end_ns - start_ns == pytest.approx(300 * MS, rel=0.001)


def test_a_pin_wakes_a_board_from_light_sleep(world):
    node = world.board(
        "import machine, time\n"
        "pin = machine.Pin('C6', machine.Pin.IN)\n"
        "pin.irq(lambda p: print('edge'), machine.Pin.IRQ_FALLING)\n"
        "t = time.time_ns()\n"
        "machine.lightsleep()\n"
        "print((time.time_ns() - t) // 1000000)"
    )
    edge = node.bus.drive("C6", lambda: 0)
    world.run(0.5)
    edge(1)  # not the edge that was asked for
    world.run(0.5)
    edge(0)
    world.run(0.5)
    assert node.lines[0] == "edge"
    assert int(node.lines[1]) in range(995, 1001)


def test_waking_from_light_sleep_takes_its_time_before_the_handler_runs(world):
    node = world.board(
        "import machine, time\n"
        "rtc = ticks = 0\n"
        "def edge(pin):\n"
        "    global rtc, ticks\n"
        "    rtc, ticks = time.time_ns(), time.ticks_us()\n"
        "machine.Pin('C6', machine.Pin.IN).irq(edge, machine.Pin.IRQ_FALLING, hard=True)\n"
        "start = time.ticks_us()\n"
        "machine.lightsleep()\n"
        "print(rtc, time.ticks_diff(ticks, start))"
    )
    lower = node.bus.drive("C6", lambda: 0)
    world.run(0.5)
    edge_ns = world.loop.now_ns()
    lower(0)
    world.run(0.0001)
    lower(0)  # on the way up already: nothing more to wake
    world.run(0.1)
    (handler_ns, ticks_us) = (int(word) for word in node.lines[0].split())
    assert 200_000 <= handler_ns - edge_ns < 250_000
    assert 0 <= ticks_us < 100  # they stand still until the clocks run again
    assert [mode for _, mode in node.sleeps[1:]] == ["light", "idle"]
    assert node.sleeps[2][0] == edge_ns + 200_000


def test_a_board_switched_off_while_it_wakes_stays_off(world):
    node = world.board(
        "import machine\n"
        "machine.Pin('C6', machine.Pin.IN).irq(lambda p: None, machine.Pin.IRQ_FALLING)\n"
        "machine.lightsleep()\n"
        "print('woken')"
    )
    lower = node.bus.drive("C6", lambda: 0)
    world.run(0.5)
    lower(0)
    world.run(0.0001)
    node.interpreter.stop()
    node.interpreter.interrupt(0)
    world.loop.run_until_complete(asyncio.sleep(0.1))
    assert node.lines == []


def test_soft_timers_stand_still_in_light_sleep_and_the_rtcs_does_not(world):
    node = run(
        world,
        "import machine, time\n"
        "timer = machine.Timer(period=100, callback=lambda t: print('tick'))\n"
        "machine.RTC().wakeup(250, lambda t: print('rtc'))\n"
        "machine.lightsleep(2000)\n"
        "print(time.time_ns() // 1000000)\n"
        "machine.RTC().wakeup(None)\n"
        "time.sleep_ms(150)\n"
        "timer.deinit()",
    )
    assert node.lines == ["rtc", "250", "tick"]


def test_deep_sleep_ends_with_a_start_that_says_so(world):
    node = run(
        world,
        "import machine\n"
        "print(machine.reset_cause() == machine.DEEPSLEEP_RESET)\n"
        "if machine.reset_cause() != machine.DEEPSLEEP_RESET:\n"
        "    machine.deepsleep(1000)\n"
        "    print('never')",
    )
    assert node.resets == [ResetCause.DEEP_SLEEP]
    assert node.lines == ["False", "True"]
    assert [mode for _, mode in node.sleeps] == ["idle", "deep", "idle", "idle"]


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("zephyr", ["cause 42", "hungry", "cause 42"]),
        ("stm32", ["cause 1", "hungry", "cause 3"]),
    ],
)
def test_a_watchdog_that_is_not_fed_resets_the_board(world, port, told):
    node = run(
        world,
        "import machine, time\n"
        "print('cause', machine.reset_cause())\n"
        "dog = machine.WDT(timeout=500)\n"
        "for i in range(4):\n"
        "    time.sleep_ms(400)\n"
        "    dog.feed()\n"
        "print('hungry')\n"
        "time.sleep_ms(5000)\n"
        "print('never')",
        port,
    )
    assert [line for line in node.lines if not line.startswith("Warning")] == told
    assert node.resets == [ResetCause.WATCHDOG]


def test_zephyr_cannot_tell_why_it_was_started(world):
    node = run(world, "import machine\nprint(machine.reset_cause())\nmachine.SOFT_RESET", "zephyr")
    assert node.lines[:2] == ["Warning: machine_reset_cause is not implemented", "42"]
    assert node.lines[-1].startswith("AttributeError")


@pytest.mark.parametrize(("port", "pin"), [("zephyr", "('gpio0', 3)"), ("stm32", "'B3'")])
def test_a_pin_interrupts_on_the_edges_it_is_asked_to(world, port, pin):
    name = "gpio0:3" if port == "zephyr" else "B3"
    node = world.board(
        "from machine import Pin\n"
        "import time\n"
        f"pin = Pin({pin}, Pin.IN, Pin.PULL_UP)\n"
        "pin.irq(lambda p: print('both', p()), hard=False)\n"
        "time.sleep_ms(500)\n"
        "pin.irq(lambda p: print('rising', p()), Pin.IRQ_RISING)\n"
        "time.sleep_ms(500)\n"
        "pin.irq(None)\n"
        "time.sleep_ms(500)\n",
        port=port,
    )
    level = [1]
    edge = node.bus.drive(name, lambda: level[0])

    def toggle():
        for value in (0, 1):
            level[0] = value
            edge(value)
            world.run(0.01)

    world.run(0.1)
    toggle()
    world.run(0.5)
    toggle()
    world.run(0.5)
    toggle()
    assert node.lines == ["both 0", "both 1", "rising 1"]


def test_stm32_has_one_interrupt_line_for_all_pins_of_a_number(world):
    node = run(
        world,
        "from machine import Pin\nPin('A6').irq(print)\nPin('B7').irq(print)\nPin('B6').irq(print)",
    )
    assert node.lines[-1] == "OSError: IRQ resource already taken by Pin('A6')"


def test_an_input_that_nobody_drives_follows_its_pull(world):
    node = run(
        world,
        "from machine import Pin\n"
        "print(Pin('B0', Pin.IN, Pin.PULL_UP)(), Pin('B1', Pin.IN, Pin.PULL_DOWN).value())\n"
        "p = Pin('B2', Pin.OUT, value=1)\n"
        "p(0)\n"
        "print(p(), Pin.cpu.B2, p.name())",
    )
    assert node.lines == ["1 0", "0 Pin(Pin.cpu.B2, mode=Pin.OUT) B2"]


def test_a_name_of_the_board_goes_before_one_of_the_processor(world):
    node = run(
        world,
        "from machine import Pin\n"
        "print(Pin('A4'), Pin.cpu.A4, Pin.board.A4, Pin('D10'), Pin(Pin.cpu.A4).name())\n"
        "for name in ('C7', 'F0', 'PA4'):\n"
        "    try:\n"
        "        Pin(name)\n"
        "    except ValueError as error:\n"
        "        print(error)",
    )
    mode = "mode=Pin.ANALOG)"
    assert node.lines == [
        f"Pin(Pin.cpu.C3, {mode} Pin(Pin.cpu.A4, {mode} Pin(Pin.cpu.C3, {mode}"
        f" Pin(Pin.cpu.A4, {mode} A4",
        "Pin(C7) doesn't exist",
        "Pin(F0) doesn't exist",
        "Pin(PA4) doesn't exist",
    ]


def test_timers_fire_once_or_again_and_again_without_drifting(world):
    node = run(
        world,
        "from machine import Timer\n"
        "import time\n"
        "Timer(mode=Timer.ONE_SHOT, period=150, callback=lambda t: print('once'))\n"
        "t = Timer(-1, period=200, callback=lambda t: print(time.ticks_ms() // 10 * 10))\n"
        "time.sleep_ms(900)\n"
        "t.deinit()\n"
        "time.sleep_ms(900)",
    )
    assert node.lines == ["once", "200", "400", "600", "800"]


class Eeprom:
    def __init__(self):
        self.memory = bytearray(range(256))
        self.pointer = 0

    def i2c_write(self, data):
        if data:
            self.pointer = data[0]
            for value in data[1:]:
                self.memory[self.pointer] = value
                self.pointer += 1
        return True

    def i2c_read(self, n):
        data = bytes(self.memory[self.pointer : self.pointer + n])
        self.pointer += n
        return data


@pytest.mark.parametrize(("port", "bus"), [("zephyr", '"i2c0"'), ("stm32", "1")])
def test_devices_on_the_i2c_bus_answer_and_others_do_not(world, port, bus):
    node = world.board(
        "from machine import I2C\n"
        "import time\n"
        f"bus = I2C({bus})\n"
        "print(bus.scan())\n"
        "t = time.ticks_us()\n"
        "print(bus.readfrom_mem(0x50, 16, 4))\n"
        "print(time.ticks_diff(time.ticks_us(), t) >= 150)\n"
        "bus.writeto_mem(0x50, 18, b'ab')\n"
        "print(bus.readfrom_mem(0x50, 16, 4), bus.readfrom(0x50, 1))\n"
        "bus.readfrom(0x51, 1)",
        port=port,
    )
    node.bus.add_i2c("i2c0" if port == "zephyr" else "i2c1", 0x50, Eeprom())
    world.run(2.0)
    assert node.lines[:4] == [
        "[80]",
        repr(bytes(range(16, 20))),
        "True",
        r"b'\x10\x11ab' b'\x14'",
    ]
    absent = "[Errno 5] EIO" if port == "zephyr" else "[Errno 19] ENODEV"
    assert node.lines[-1] == f"OSError: {absent}"


@pytest.mark.parametrize(("port", "bus"), [("zephyr", '"i2c0"'), ("stm32", "1")])
def test_whatever_has_a_buffer_is_written_text_too_and_nothing_else(world, port, bus):
    class Listener:
        def __init__(self) -> None:
            self.written: list[bytes] = []

        def i2c_write(self, data: bytes) -> bool:
            self.written.append(bytes(data))
            return True

    device = Listener()
    node = world.board(
        "from machine import I2C\n"
        "from array import array\n"
        f"bus = I2C({bus})\n"
        "print(bus.writeto(0x50, 'aä'), bus.writeto(0x50, array('H', (1, 0x203))))\n"
        "print(bus.writevto(0x50, ['b', b'c', bytearray(b'd'), memoryview(b'e')]))\n"
        "bus.writeto_mem(0x50, 1, 'f')\n"
        "for wrong in (5, [1, 2], None):\n"
        "    try:\n"
        "        bus.writeto(0x50, wrong)\n"
        "    except TypeError:\n"
        "        print('no')",
        port=port,
    )
    node.bus.add_i2c("i2c0" if port == "zephyr" else "i2c1", 0x50, device)
    world.run(1.0)
    assert node.lines == ["3 4", "4", "no", "no", "no"]
    assert device.written == ["aä".encode(), b"\1\0\3\2", b"bcde", b"\1f"]


def test_text_goes_over_spi_as_its_bytes(world):
    node = world.board(
        "from machine import SPI\n"
        "spi = SPI(1)\n"
        "spi.write('aä')\n"
        "spi.write_readinto('b', bytearray(1))"
    )
    world.run(1.0)
    assert node.lines == []
    assert [mosi for mosi, *_ in node.front_end.transfers] == ["aä".encode(), b"b"]


def test_a_second_spi_device_answers_while_its_chip_select_is_low(world):
    class Echo:
        def transfer(self, mosi, *, sck_hz, mode=1):
            return bytes(255 - value for value in mosi)

    node = world.board(
        "from machine import SPI, Pin\n"
        "cs = Pin('B6', Pin.OUT, value=1)\n"
        "spi = SPI(1, baudrate=5000000, polarity=0, phase=1)\n"
        "buf = bytearray(2)\n"
        "spi.write_readinto(b'ab', buf)\n"
        "print(bytes(buf))\n"
        "cs(0)\n"
        "spi.write_readinto(b'ab', buf)\n"
        "print(bytes(buf))"
    )
    node.bus.add_spi("spi1", "B6", Echo())
    world.run(1.0)
    assert node.lines == [r"b'\x00\x00'", r"b'\x9e\x9d'"]
    assert node.front_end.transfers == [(b"ab", 4e6, 1)]  # a power of two below 64 MHz


def test_a_long_transfer_is_whole(world):
    class Echo:
        def transfer(self, mosi, *, sck_hz, mode=1):
            return mosi

    node = world.board(
        "from machine import SPI, Pin\n"
        "Pin('B6', Pin.OUT, value=0)\n"
        "out = bytes(i & 255 for i in range(3000))\n"
        "back = bytearray(3000)\n"
        "SPI(1).write_readinto(out, back)\n"
        "print(back == out)"
    )
    node.bus.add_spi("spi1", "B6", Echo())
    world.run(1.0)
    assert node.lines == ["True"]


def test_a_watchdog_does_not_wake_a_board_without_power(world):
    node = world.board("import machine\nmachine.WDT(timeout=100)\nmachine.lightsleep()")
    world.run(0.05)
    node.interpreter.stop()
    world.nodes.clear()
    world.run(1.0)
    world.nodes.append(node)
    assert node.resets == []


def test_the_adc_sees_the_battery_on_its_pin_only(world):
    node = run(world, "from machine import ADC\nprint(ADC('C0').read_u16(), ADC('A1').read_u16())")
    raw = round(3.7 / 2 / 3.3 * 4096) - 0.5
    battery, other = (int(value) for value in node.lines[0].split())
    assert battery >> 4 == pytest.approx(raw, abs=1)
    assert other == 0


def test_pwm_reports_frequency_and_duty(world):
    node = world.board(
        "from machine import PWM, Pin\n"
        "p = PWM(Pin('A8'), freq=1000, duty_u16=16384)\n"
        "print(p.freq(), p.duty_u16(), p.duty_ns())\n"
    )
    seen = []
    node.bus._on_pwm = lambda pin, frequency, duty: seen.append((pin, frequency, round(duty, 3)))
    world.run(1.0)
    assert node.lines == ["1000 16384 250003"]
    assert seen == [(8, 1000, 0.25)]


def test_the_real_time_clock_is_set_and_goes_on(world):
    node = run(
        world,
        "import machine, time\n"
        "rtc = machine.RTC()\n"
        "rtc.datetime((2026, 11, 22, 7, 23, 59, 58, 0))\n"
        "time.sleep_ms(3000)\n"
        "print(rtc.datetime()[:7], time.localtime()[:6])",
        seconds=5.0,
    )
    assert node.lines == ["(2026, 11, 23, 1, 0, 0, 1) (2026, 11, 23, 0, 0, 1)"]


def test_idle_sleeps_to_the_next_tick_on_stm32_and_only_yields_on_zephyr(world):
    text = (
        "import machine, time\n"
        "time.sleep_ms(10)\n"
        "t = time.ticks_us()\n"
        "for i in range(10):\n"
        "    machine.idle()\n"
        "print(time.ticks_diff(time.ticks_us(), t) // 1000)"
    )
    assert run(world, text).lines[0] in ("9", "10")
    assert run(world, text, "zephyr").lines == ["0"]


def test_registers_nobody_models_read_zero(world):
    node = run(
        world,
        "from machine import mem32\nmem32[0x58000000] = 5\nprint(mem32[0x58000000])",
    )
    assert node.lines == ["0"]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_an_interpreter_that_ends_unexpectedly_is_a_reset_with_its_banner(world, port):
    node = world.board(
        "import os, uctypes\n"
        "try:\n"
        "    os.stat('once')\n"
        "except OSError:\n"
        "    open('once', 'w').close()\n"
        "    getattr(os, 'sync', int)()\n"
        "    uctypes.bytearray_at(0, 10)[0] = 1\n",  # no memory of the process
        port=port,
        build="xiao_ble_nrf52840_sense" if port == "zephyr" else None,
    )
    world.run(1.0)
    assert node.resets == [ResetCause.HARD]
    assert "MicroPython v" in node.text
    assert node.text.endswith(">>> ")


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_a_folder_in_the_place_of_a_program_is_told_and_leaves_a_prompt(world, port):
    node = world.board(
        "import os, sys\n"
        "os.remove('main.py')\n"
        "os.mkdir('main.py')\n"
        "getattr(os, 'sync', int)()\n"
        "sys.exit()\n",
        port=port,
    )
    world.run(1.0)
    assert node.resets == [ResetCause.SOFT]
    assert "EISDIR" in node.text
    assert node.text.endswith(">>> ")
