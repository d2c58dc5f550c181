from eegrig.hil.virtual.chip.stm32wb.block import Block


class Adc(Block):
    name = "ADC"
    base = 0x50040000

    def __init__(self, *, clock, volts, vdda_v, kernel_hz, irq):
        self.r = {}
        self.v = volts

    def reset(self):
        pass

    def read(self, o):
        cr = self.r.get(8, 0)
        if o == 8:
            return cr & ~0x80000004 & ~2
        if o == 0:
            return (cr & 1) | (0xC if cr & 4 else 0)
        if o == 0x40:
            return 2300
        return self.r.get(o, 0)

    def write(self, o, v):
        if o == 8 and v & 2:
            v &= ~3
        self.r[o] = v
