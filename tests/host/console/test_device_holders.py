"""Who has a debug probe open, from what the system tells of USB devices and of processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eegrig.boards.errors import InfrastructureError
from eegrig.host.console.device_holders import probe_holders
from eegrig.host.flashing import probe

HOLD = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system with one probe on USB that has a HID interface, and a hub."""
    device = tmp_path / "sys/bus/usb/devices/1-2"
    (device / "1-2:1.0/0003:0D28:0204.0001/hidraw/hidraw3").mkdir(parents=True)
    for name, text in {"serial": "00001050012345", "busnum": "1", "devnum": "7"}.items():
        (device / name).write_text(text + "\n")
    (tmp_path / "sys/bus/usb/devices/usb1").mkdir()
    (tmp_path / "dev/bus/usb/001").mkdir(parents=True)
    for node in ("dev/bus/usb/001/007", "dev/hidraw3"):
        (tmp_path / node).touch()
    return tmp_path


@pytest.mark.parametrize("node", ["dev/bus/usb/001/007", "dev/hidraw3"])
def test_a_process_that_reaches_the_probe_through_either_file_is_named(root, node):
    assert probe_holders("1050012345", root) == []
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root / node)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    (holder,) = probe_holders("1050012345", root)
    assert holder.pid == process.pid
    assert probe_holders("1050012346", root) == []
    process.communicate()


def test_a_probe_that_fails_says_who_has_it(root, monkeypatch):
    from pyocd.core import exceptions

    monkeypatch.setattr(probe, "probe_holders", lambda uid: probe_holders(uid, root))
    failing = pytest.raises(InfrastructureError)
    with failing as alone, probe.explained("1050012345", "connecting to the chip"):
        raise exceptions.ProbeError("cannot open the device")
    assert str(alone.value).endswith("cannot open the device")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root / "dev/hidraw3")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with (
            pytest.raises(InfrastructureError) as told,
            probe.explained("1050012345", "connecting to the chip"),
        ):
            raise exceptions.ProbeError("cannot open the device")
        process.communicate()
    assert f"(process {process.pid}): end it, and try again" in str(told.value)
