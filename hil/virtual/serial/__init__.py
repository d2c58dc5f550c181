"""The serial port of a virtual board, for pyserial."""
