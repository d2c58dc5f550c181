"""Boards brought up together hear each other: programs that drive two serial ports at once."""

from __future__ import annotations

import subprocess

ADVERTISER = r"""
import bluetooth, time
ble = bluetooth.BLE()
ble.active(True)
ble.irq(lambda event, data: print("event", event))
ble.gap_advertise(100_000, adv_data=b"\x02\x01\x06\x05\x09left")
print("advertising")
time.sleep(8)
"""
SCANNER = r"""
import bluetooth, time
ble = bluetooth.BLE()
ble.active(True)
found = []
def irq(event, data):
    if event == 5 and b"left" in bytes(data[4]):
        found.append((data[0], bytes(data[1])))
    elif event != 5:
        print("event", event)
ble.irq(irq)
ble.gap_scan(5000, 30000, 30000)
while not found:
    time.sleep_ms(20)
ble.gap_scan(None)
ble.gap_connect(*found[0])
time.sleep(2)
"""


def test_one_program_drives_two_boards_that_talk_to_each_other(empty_server, tmp_path):
    empty_server.up("headphone8@left", "headphone8@right")
    left, right = (empty_server.status(name)["console"] for name in ("left", "right"))
    for name, text in (("advertiser.py", ADVERTISER), ("scanner.py", SCANNER)):
        (tmp_path / name).write_text(text)
    command = empty_server.command("mpremote", "connect", left, "run", tmp_path / "advertiser.py")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as advertiser:
        assert advertiser.stdout is not None
        assert advertiser.stdout.readline() == "advertising\n"
        scanner = empty_server.run("mpremote", "connect", right, "run", tmp_path / "scanner.py")
        assert "event 7\n" in scanner.stdout, scanner.stderr  # _IRQ_PERIPHERAL_CONNECT
        assert "event 1\n" in advertiser.stdout.read()  # _IRQ_CENTRAL_CONNECT
