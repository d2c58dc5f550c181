"""Programs that several tests put on boards."""

PREAMBLE = """
import bluetooth, struct, time
from bluetooth import UUID
ble = bluetooth.BLE()
ble.active(True)
last = {}
quiet = ()

def plain(data):
    return tuple(bytes(x) if isinstance(x, memoryview) else x for x in data)

def irq(event, data):
    data = plain(data)
    last[event] = data
    if event not in quiet:
        print(event, data)
    return answer(event, data)

def answer(event, data):
    pass

ble.irq(irq)

def wait(event, ms=5000):
    for _ in range(ms // 10):
        if event in last:
            return last.pop(event)
        time.sleep_ms(10)
    raise RuntimeError("no event %d" % event)

def connect():
    global quiet
    quiet = (5, 6, 7) + quiet
    ble.gap_scan(1000, 30000, 30000)
    wait(6)
    ble.gap_connect(*last[5][:2])
    return wait(7)[0]
"""

SERVER = (
    PREAMBLE
    + """
SERVICE = UUID("6E400001-B5A3-F393-E0A9-E50E24DCCA9E")
NOTIFY, WRITE = UUID("6E400003-B5A3-F393-E0A9-E50E24DCCA9E"), UUID(0x2A19)
((tx, rx, text),) = ble.gatts_register_services(((SERVICE, (
    (NOTIFY, bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY | bluetooth.FLAG_INDICATE),
    (WRITE, bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE,
        ((UUID(0x2901), bluetooth.FLAG_READ),)),
)),))
ble.gatts_write(tx, b"value")
ble.gatts_write(text, b"text")
ble.gap_advertise(100_000, b"\\x02\\x01\\x06", resp_data=b"\\x03\\xff\\x01\\x02")
"""
)
