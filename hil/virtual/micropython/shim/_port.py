# What the port the board runs is like: the figures of ../runtime.py, set by _start.py before anything reads them.
name = ""
machine = ""
platform = ""
pins_per_bank = 32
pin_aliases = {}
cpu_pins = ()
i2c_hz = 400_000
depth = 4
block_size = page_size = 4096
flash_tick_ms = flash_delay_ms = 0
fat_follows_clock = True
modules = ()
names = {}
epoch_s = 0
timer_ms = 0
timer_tick_hz = timer_keeps_callback = False
watchdog_max_ms = 0
pin_irq_object = True
random_is_seeded = False
idle_sleeps = False
native = True
f_strings = True
stdio_buffer = True
soft_reset = 5
unique_id = b""
clock_hz = 64_000_000
adc_full_uv = 3_600_000
ble = {}


def set(figures):
    here = globals()
    for key, value in figures.items():
        here["name" if key == "port" else key] = value
