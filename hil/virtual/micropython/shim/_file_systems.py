# Files in LittleFS have no times (_loading.py): the interpreter's are the PC's, and the same run has to give the same
# flash memory.
#
# What the port mounts before it runs boot.py, and what it makes of a blank board; returns whether /flash is there.
import os

import _port

_MAGIC = b"littlefs"
_ENODEV = 19
_README = "A MicroPython board: code goes into main.py.\r\nThis is the file system that a virtual board makes when it has none.\r\n"
_FILES = {
    "boot.py": "# Runs first: for what must be set up before main.py.\r\n",
    "main.py": "# Runs after boot.py.\r\n",
    "pybcdc.inf": "; On a board, the driver file of the USB serial port for old versions of Windows.\r\n",
    "README.txt": _README,
}


def _mount(vfs, device):
    """Mount a LittleFS; raises OSError if there is none."""
    vfs.mount(vfs.VfsLfs2(device), "/flash")


def mount_area(vfs, area):
    """As ports/zephyr/modules/_boot.py does it: a file system is made where there is none."""
    try:
        _mount(vfs, area)
    except OSError:
        try:
            vfs.VfsLfs2.mkfs(area)
            _mount(vfs, area)
        except OSError:
            print("Error formatting flash partition")
            return False
    os.chdir("/flash")
    return True


def mount_pages(vfs, pages):
    """As init_flash_fs of ports/stm32/main.c does it (MicroPython 1c3c201149)."""
    whole = device = pages.Flash()
    head = bytearray(64)
    for block in (0, 1):
        if not pages.read(block * _port.block_size, head) and bytes(head[8:16]) == _MAGIC:
            size = int.from_bytes(head[24:28], "little") * int.from_bytes(head[28:32], "little")
            try:
                device = pages.Flash(start=0, len=size)
            except (ValueError, OverflowError):
                device = pages.Flash(start=0)
            break
    try:
        try:
            try:
                _mount(vfs, device)
            except OSError:  # another file system, or none
                vfs.mount(device, "/flash")
        except OSError as error:
            if error.errno != _ENODEV or device is not whole:
                raise
            _reset_to_factory(vfs, pages)
            vfs.mount(device, "/flash")
    except OSError:
        print("MPY: can't mount flash")
        return False
    os.chdir("/flash")
    return True


def _reset_to_factory(vfs, pages):
    vfs.VfsFat.mkfs(pages.Flash(start=0))
    vfs.mount(pages.Flash(), "/fresh")
    for name, text in _FILES.items():
        with open("/fresh/" + name, "w") as file:
            file.write(text)
    vfs.umount("/fresh")
