"""A peripheral that nobody is at the other end of."""

from eegrig.hil.virtual.chip.stm32wb.plain import Plain


def test_it_keeps_what_is_written_until_a_reset() -> None:
    usb = Plain("USB", 0x4000_6800)
    usb.write(0x40, 3)
    usb.store(0x44, 1, 0x80)
    assert (usb.read(0x40), usb.load(0x44, 1), usb.read(0x48)) == (3, 0x80, 0)
    usb.reset()
    assert usb.read(0x40) == 0
