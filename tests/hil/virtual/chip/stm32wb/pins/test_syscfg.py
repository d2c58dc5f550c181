"""SYSCFG by its registers: ST RM0434, "System configuration controller"."""

from eegrig.hil.virtual.chip.stm32wb.pins.syscfg import Syscfg

MEMRMP, CFGR1, EXTICR1, EXTICR4, SCSR, CFGR2 = 0x00, 0x04, 0x08, 0x14, 0x18, 0x1C
SWPR1, SKR, VREFBUF_CSR, IMR1 = 0x20, 0x24, 0x30, 0x100


def test_registers_after_reset():  # STM32WB55_CM4.svd
    syscfg = Syscfg()
    assert (syscfg.name, syscfg.base) == ("SYSCFG", 0x4001_0000)
    others = {CFGR1: 0x7C00_0001, VREFBUF_CSR: 2}
    for offset in range(0, 0x114, 4):
        assert syscfg.read(offset) == others.get(offset, 0), hex(offset)


def test_a_line_listens_to_port_a_until_told_otherwise():
    syscfg = Syscfg()
    assert [syscfg.port_of(line) for line in range(16)] == ["A"] * 16
    syscfg.write(EXTICR1, 0x4321)
    syscfg.write(EXTICR1 + 4, 0x0002)  # PC4, the button of the NUCLEO-WB55
    syscfg.write(EXTICR4, 0x7000)
    assert [syscfg.port_of(line) for line in (0, 1, 2, 3, 4, 15)] == ["B", "C", "D", "E", "C", "H"]


def test_memrmp_keeps_what_there_is_of_it():
    syscfg = Syscfg()
    assert syscfg.read(MEMRMP) == 0
    syscfg.write(MEMRMP, 0xF9)  # system flash: machine.bootloader()
    assert syscfg.read(MEMRMP) == 1


def test_reserved_bits_keep_their_reset_value():
    syscfg = Syscfg()
    syscfg.write(CFGR1, 0)
    assert syscfg.read(CFGR1) == 1
    syscfg.write(CFGR1, 0xFFFF_FFFF)
    assert syscfg.read(CFGR1) == 0xFC5F_0301
    syscfg.write(IMR1, 0xFFFF_FFFF)
    assert syscfg.read(IMR1) == 0xFFE0_E000
    syscfg.write(0x2C, 5)
    assert syscfg.read(0x2C) == 0


def test_locks_and_write_protection_are_only_set():
    syscfg = Syscfg()
    syscfg.write(CFGR2, 0x5)
    syscfg.write(CFGR2, 0x2)
    syscfg.write(SWPR1, 1 << 31)
    syscfg.write(SWPR1, 1)
    assert syscfg.read(CFGR2) == 0x7
    assert syscfg.read(SWPR1) == 0x8000_0001


def test_erasing_sram2_is_over_at_once_and_keys_cannot_be_read():
    syscfg = Syscfg()
    syscfg.write(SKR, 0xCA)
    syscfg.write(SKR, 0x53)
    syscfg.write(SCSR, 1)
    assert syscfg.read(SKR) == 0
    assert syscfg.read(SCSR) == 0  # SRAM2ER and SRAM2BSY
    syscfg.write(SCSR, 1 << 31)
    assert syscfg.read(SCSR) == 1 << 31  # C2RFD


def test_reset_sets_everything_back():
    syscfg = Syscfg()
    syscfg.write(EXTICR1, 0x1111)
    syscfg.write(SWPR1, 1)
    syscfg.reset()
    assert syscfg.port_of(0) == "A"
    assert syscfg.read(SWPR1) == 0
