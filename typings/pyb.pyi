# The part of the stm32 port's `pyb` that the loader uses (ports/stm32/storage.c, MicroPython
# 1c3c201149).
from collections.abc import Buffer

from vfs import AbstractBlockDev

class Flash(AbstractBlockDev):
    def __init__(self, *, start: int = -1, len: int = -1) -> None: ...  # noqa: A002
    def readblocks(self, block: int, buf: Buffer, offset: int = ..., /) -> int: ...
    def writeblocks(self, block: int, buf: Buffer, offset: int = ..., /) -> int: ...
    def ioctl(self, op: int, arg: int, /) -> int | None: ...
