"""Debug probes: what pyOCD finds, what USB has, and whether we may use it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eegrig.host.doctor.finding import Finding
from eegrig.host.flashing.probe import list_probes

__all__ = ["UsbDevice", "check", "is_probe", "usb_devices"]

RULES: Final = "60-eegrig.rules"
_HOW: Final = (
    f"sudo cp ci/udev/{RULES} /etc/udev/rules.d/ && sudo udevadm control --reload && "
    "sudo udevadm trigger, from eegrig's sources; then plug the probe in again"
)
_RULE_FOLDERS: Final = ("etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d")
# As in ci/udev/60-eegrig.rules, where the source of the numbers is.
_DAPLINK: Final = "0d28"
_ST: Final = "0483"
_SEGGER: Final = "1366"


@dataclass(frozen=True)
class UsbDevice:
    """A device on USB.

    Attributes
    ----------
    vendor, product : str
        Four hexadecimal digits each.
    title : str
        What it calls itself.
    node : Path
        Its file in ``/dev/bus/usb``.
    """

    vendor: str
    product: str
    title: str
    node: Path


def check(root: Path = Path("/")) -> Iterator[Finding]:
    """Check probes and permissions.

    Parameters
    ----------
    root : Path
        Where ``sys``, ``dev`` and ``etc`` are.
    """
    found = list_probes()
    yield Finding(
        area="probes",
        name="pyOCD",
        status="ok" if found else "warn",
        detail=", ".join(probe.uid for probe in found) or "finds no probe",
        advice=None if found else "plug one in, or work with a virtual board",
        is_way=True,
    )
    denied = [device for device in usb_devices(root) if is_probe(device) and not _may(device)]
    for device in denied:
        yield Finding(
            area="probes",
            name=f"{device.vendor}:{device.product}",
            status="fail",
            detail=f"{device.title or 'a probe'} is plugged in, and "
            f"{device.node} cannot be written",
            advice=_HOW,
        )
    yield _rules(installed=any((root / folder / RULES).exists() for folder in _RULE_FOLDERS))


def _rules(*, installed: bool) -> Finding:
    missing = not installed and os.geteuid() != 0
    detail = "not needed: this is root"
    if installed:
        detail = "installed"
    elif missing:
        detail = f"{RULES} is not installed; a probe may be for root only"
    return Finding(
        area="probes",
        name="udev rules",
        status="warn" if missing else "ok",
        detail=detail,
        advice=_HOW if missing else None,
    )


def usb_devices(root: Path = Path("/")) -> list[UsbDevice]:
    """Return the devices on USB, from sysfs."""
    devices = []
    for folder in sorted((root / "sys/bus/usb/devices").glob("*")):
        values = {
            name: _read(folder / name)
            for name in ("idVendor", "idProduct", "product", "busnum", "devnum")
        }
        if values["idVendor"] and values["busnum"].isdigit() and values["devnum"].isdigit():
            node = f"dev/bus/usb/{int(values['busnum']):03}/{int(values['devnum']):03}"
            devices.append(
                UsbDevice(values["idVendor"], values["idProduct"], values["product"], root / node)
            )
    return devices


def is_probe(device: UsbDevice) -> bool:
    """Return whether a device is a debug probe, by its maker or what it calls itself."""
    if "CMSIS-DAP" in device.title.upper():
        return True
    if device.vendor == _ST:  # ST makes other things, too; ST-Links are 374x and 375x
        return device.product.startswith(("374", "375"))
    return device.vendor in (_DAPLINK, _SEGGER)


def _may(device: UsbDevice) -> bool:
    return os.access(device.node, os.R_OK | os.W_OK)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
