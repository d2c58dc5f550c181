"""What an STM32WB55 does at its pins: ports, edges, serial lines, SPI, DMA, the converter."""
