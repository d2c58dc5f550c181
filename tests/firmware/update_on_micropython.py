# Imported by the MicroPython process of the update tests: a board's flash memory with LittleFS in
# it, a radio that is two lists, and the firmware's own updater.
# ruff: noqa: E402, F401, PTH102, PTH123, SIM105 (runs under MicroPython, and what is imported is for the tests)
import os
import sys

import vfs

BLOCK = 4096


class Flash:
    def __init__(self, blocks):
        self.data = bytearray(b"\xff" * (blocks * BLOCK))
        self.full = False  # whether writing fails

    def readblocks(self, block, buffer, offset=0):
        start = block * BLOCK + offset
        buffer[:] = self.data[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        if self.full:
            raise OSError(5)
        start = block * BLOCK + offset
        self.data[start : start + len(buffer)] = buffer

    def ioctl(self, op, argument):
        if op == 4:
            return len(self.data) // BLOCK
        if op == 5:
            return BLOCK
        if op == 6:
            self.data[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


class Gatt:
    def __init__(self):
        self.waiting = b""
        self.sent = []

    @property
    def update_waits(self):
        return bool(self.waiting)

    def read_update(self):
        data, self.waiting = self.waiting, b""
        return data

    def send_update(self, data):
        self.sent.append(bytes(data))


class _Machine:
    def reset():
        raise SystemExit


class _BuildInfo:
    IMAGE_HASH = bytes(32)


sys.modules["machine"] = _Machine
sys.modules["build_info"] = _BuildInfo

import slots
from eeg import ed25519, manifest, trial, update

flash = None
gatt = None
updater = None
clock = [0]
update.time = lambda: clock[0]
update.print = lambda *_: None  # the console is the tests'


def format_flash(files, blocks=64):
    """Begin with a file system that holds these files."""
    global flash
    try:
        vfs.umount("/flash")
    except OSError:
        pass
    flash = Flash(blocks)
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    for path, data in files.items():
        write(path, data)


def write(path, data):
    parts = path.split("/")[:-1]
    for n in range(len(parts)):
        try:
            os.mkdir("/flash/" + "/".join(parts[: n + 1]))
        except OSError:
            pass
    with open("/flash/" + path, "wb") as file:
        file.write(data)


def files(root="/flash"):
    """Return everything in the file system."""
    found = {}
    for entry in os.ilistdir(root):
        path = root + "/" + entry[0]
        if entry[1] == 0x4000:
            found.update(files(path))
        else:
            with open(path, "rb") as file:
                found[path[7:]] = file.read()
    return found


def connect(board, largest=244, image=bytes(32)):
    """A link begins: nothing was said yet."""
    global gatt, updater
    if updater is not None:
        updater.stop()
    _BuildInfo.IMAGE_HASH = image
    gatt = Gatt()
    updater = update.Updater(gatt, board, largest)


def power_cut():
    """What was not committed to flash is gone; the next thing is `connect`."""
    global updater, flash
    left = Flash(0)
    left.data = bytearray(flash.data)
    updater.stop()  # what it still writes is lost: this is not the memory that is left
    updater = None
    vfs.umount("/flash")
    flash = left
    vfs.mount(vfs.VfsLfs2(flash), "/flash")


def give(messages):
    """Write messages one behind the other; return what the board says until it waits again."""
    gatt.waiting += b"".join(messages)
    assert len(gatt.waiting) <= trial.BUFFER, "more than the buffer holds"
    busy = True  # as the main loop does: at least once
    while busy:
        busy = updater.poll() or gatt.waiting
    sent, gatt.sent = gatt.sent, []
    return sent


def later(seconds):
    """Let time pass without anything from the host."""
    clock[0] += seconds
    return give([])


def endure(messages):
    """Give each message for itself; return how many there were, and the kinds of the answers.

    Data of turn 0 get the turn that is wanted.
    """
    kinds = {}
    for message in messages:
        if len(message) > 2 and message[0] == update.DATA and not message[2]:
            message = message[:2] + bytes((updater._turn,)) + message[3:]
        gatt.waiting = message[: trial.BUFFER]
        steps = 0
        while updater.poll() or gatt.waiting:
            steps += 1
            assert steps < 1000, message
        for sent in gatt.sent:
            kinds[sent[0]] = kinds.get(sent[0], 0) + 1
        gatt.sent = []
    return len(messages), kinds, updater.restart


def numbers(module):
    return {
        name: getattr(module, name)
        for name in dir(module)
        if name.isupper() and isinstance(getattr(module, name), int)
    }


def parse(text):
    """Read a manifest; the number of the line that is wrong if it is none."""
    try:
        found = manifest.Manifest(text)
    except manifest.BadManifest as error:
        return error.line
    return (
        found.board,
        found.version,
        found.image,
        found.files,
        found.signature,
        found.image_hash(),
    )


def restarts():
    """Tell whether the board is about to restart."""
    return updater.restart


def break_flash():
    """Let no write succeed any more."""
    flash.full = True
