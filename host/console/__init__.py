"""A board over its serial port: a terminal, MicroPython's REPL, and firmware sent file by file."""
