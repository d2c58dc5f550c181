"""MicroPython for a board, as a file: read, told what it is, kept."""
