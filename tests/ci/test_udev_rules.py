"""The udev rules cover the probes that pyOCD knows and boards of ours have."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

from pyocd.probe.pydapaccess.interface.common import ARM_DAPLINK_ID
from pyocd.probe.stlink.usb import STLinkUSBInterface

RULES = Path(__file__).parents[2] / "ci" / "udev" / "60-eegrig.rules"


def rules() -> list[dict[str, str]]:
    """Return what each rule that gives access matches."""
    lines = [line for line in RULES.read_text().splitlines() if 'TAG+="uaccess"' in line]
    return [dict(re.findall(r'([\w{}]+)=="([^"]*)"', line)) for line in lines]


def covered(vendor: int, product: int, title: str = "") -> bool:
    wanted = {
        "ATTRS{idVendor}": f"{vendor:04x}",
        "ATTRS{idProduct}": f"{product:04x}",
        "ATTRS{product}": title,
    }
    return any(
        all(
            any(fnmatchcase(wanted.get(key, "usb"), one) for one in pattern.split("|"))
            for key, pattern in rule.items()
            if key != "SUBSYSTEM"
        )
        for rule in rules()
    )


def test_every_st_link_and_daplink_is_covered():
    for product in STLinkUSBInterface.USB_PID_EP_MAP:
        assert covered(STLinkUSBInterface.USB_VID, product), f"{product:04x}"
    assert covered(*ARM_DAPLINK_ID)


def test_a_probe_that_says_it_is_cmsis_dap_is_covered_and_a_mouse_is_not():
    assert covered(0x1234, 0x5678, "Debug Probe (CMSIS-DAP)")
    assert not covered(0x046D, 0xC077, "USB Optical Mouse")
    assert not covered(0x0483, 0x5740, "another device of ST's")


def test_the_name_sorts_before_the_rules_that_give_access():
    assert RULES.name < "73-seat-late.rules"
