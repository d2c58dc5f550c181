"""The peripherals of an STM32WB55, register by register, named after the chapters of ST RM0434.

Each is a `Block`: registers at offsets, a clock to act later, a line to the interrupt controller.
They know no firmware and no board; `peripherals.py` puts them together for `Stm32wb55`.
"""
