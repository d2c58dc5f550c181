# Takes an application over the air into the slot that does not run (docs/update.md). What was
# written before a link or the power was lost is used again.
import gc
from hashlib import sha256
from struct import pack, unpack_from
from time import time

import build_info
import slots

from eeg import manifest
from eeg.slot_files import SlotFiles, matches
from eeg.trial import BUFFER, KEY_FILE, exists

# Messages of the host
BEGIN = 0x01
APPLY = 0x02
CONFIRM = 0x03
DATA = 0x10
# Messages of the board; an answer has the number of its command and 0x80
WANT = 0x40
MORE = 0x41
READY = 0x42
FAILED = 0x43
ANSWER = 0x80

# Status of an answer and of FAILED
OK = 0
UNKNOWN_MESSAGE = 1
BAD_LENGTH = 2
BAD_MANIFEST = 4
WRONG_BOARD = 5
TOO_LARGE = 6
NOT_SIGNED = 7
BAD_SIGNATURE = 8
BAD_FILE = 9
FLASH_ERROR = 10
NOT_READY = 11
BAD_IMAGE = 12
NO_TRIAL = 13
UNCONFIRMED = 14
INTERNAL_ERROR = 15

_DATA_HEADER = 7
_SMALLEST_WRITE = 32
_ATTEMPTS = 3
_PATIENCE_S = 2  # without data, before they are asked for again


class Updater:
    """One update, from BEGIN to the restart.

    Parameters
    ----------
    gatt : GattServer
        Has `update_waits`, `read_update` and `send_update`.
    board : str
        Name of this board.
    largest_write : int
        Bytes a host's write may have.

    Attributes
    ----------
    active : bool
        Whether an update is being taken.
    restart : bool
        Whether the board is to restart.
    lost : bool
        Set from outside when the link is: there will be no more.
    """

    def __init__(self, gatt, board, largest_write):
        self._gatt = gatt
        self._board = board
        self._largest = largest_write
        self._turn = 0
        self._forget()
        self.restart = self.lost = False

    def _forget(self):
        self.active = False
        self._work = None  # what `poll` does next
        self._ready = False
        self._wanting = False  # data are on their way
        self._text = None  # the manifest while it comes in
        self._file = None
        self._files = []
        self._index = 0  # of what is asked for: 0 the manifest, then the files
        self._received = 0

    def poll(self):
        """Take what came and do one piece of work; tell whether there is more to do at once."""
        try:
            if self._gatt.update_waits:
                self._take(self._gatt.read_update())
            elif self._wanting and time() - self._heard > _PATIENCE_S:
                self._want()
            if self._work is not None:
                self._work()
        except OSError as error:
            self._fail(FLASH_ERROR, error.errno or 0)
        except manifest.BadManifest as error:
            self._fail(BAD_MANIFEST, error.line)
        return self._work is not None

    def stop(self):
        """Give up; what was received stays for the next time."""
        file = self._file
        self._forget()
        if file is not None:
            try:
                file.close()
            except OSError:  # the flash memory does not work: that is being said already
                pass

    def fail(self):
        """Give up after an error in here."""
        self._fail(INTERNAL_ERROR, 0)

    # --- messages

    def _take(self, data):
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            end = at + 2 + data[at + 1]
            self._message(data[at], memoryview(data)[at + 2 : end])
            at = end
        if not self._wanting:
            return
        if at < len(data) or self._gap:
            self._want()
        elif self._limit != self._offset + self._window:
            self._limit = self._offset + self._window
            self._tell(MORE, self._turn, self._limit)

    def _message(self, kind, body):
        if kind == DATA:
            self._data(body)
            return
        handler, size = _COMMANDS.get(kind, (None, 0))
        if handler is None:
            status = UNKNOWN_MESSAGE
        elif len(body) < size:
            status = BAD_LENGTH
        else:
            status = handler(self, body)
        if status is not None:
            self._tell(kind | ANSWER, status, 0)

    def _tell(self, kind, status, detail):
        self._gatt.send_update(pack("<BBBI", kind, 5, status, detail))

    def _fail(self, status, detail):
        print("update failed", status, detail)
        self.stop()
        self._tell(FAILED, status, detail)

    def _begin(self, body):
        size, payload = unpack_from("<IH", body)
        active, other, trial = slots.read()
        if trial == slots.TRIED:
            return UNCONFIRMED
        if not 0 < size <= manifest.LARGEST:
            return BAD_MANIFEST
        payload = min(payload, self._largest)
        if payload < _SMALLEST_WRITE:
            return BAD_LENGTH
        self.stop()
        gc.collect()
        self.active = True
        self._active = active
        self._slot = SlotFiles(other, active)
        self._window = BUFFER // payload * (payload - _DATA_HEADER)
        self._manifest = size, bytes(body[6:38])
        self._tell(BEGIN | ANSWER, OK, 0)
        if matches(self._slot.path(manifest.NAME), *self._manifest):
            self._work = self._accept_stored
        else:
            self._ask_for(0, size, self._manifest[1])
        return None

    def _apply(self, body):
        if not self._ready:
            return NOT_READY
        self._image = bytes(body[:32])
        self._work = self._check_and_apply
        return None

    def _confirm(self, body):
        if slots.read()[2] != slots.TRIED:
            return NO_TRIAL
        if bytes(body[:32]) != build_info.IMAGE_HASH:
            return BAD_IMAGE
        slots.confirm()
        self.restart = True  # a watchdog that was started can be stopped in no other way
        return OK

    # --- receiving

    def _ask_for(self, index, size, digest, offset=0):
        self._index = index
        self._size = size
        self._digest = digest
        self._attempts = 0
        self._receive_from(offset)

    def _receive_from(self, offset):
        """Open what is asked for and want the rest of it, from a prefix of `offset` bytes on."""
        self._offset = offset
        self._hash = sha256()
        if self._index == 0:
            self._text = bytearray(self._size)
        else:
            path = self._files[self._index - 1][0]
            self._file = self._slot.open(path, offset, self._hash)
        if self._size == offset:
            self._work = self._received_all
        else:
            self._want()

    def _want(self):
        self._turn = (self._turn + 1) & 0xFF
        self._gap = False
        self._wanting = True
        self._heard = time()
        self._limit = self._offset + self._window
        self._gatt.send_update(
            pack("<BBBHII", WANT, 11, self._turn, self._index, self._offset, self._limit)
        )

    def _data(self, body):
        size = len(body) - 5
        if not self._wanting or size < 1 or body[0] != self._turn:
            return  # sent before the host knew
        self._heard = time()
        (offset,) = unpack_from("<I", body, 1)
        if offset != self._offset or size > self._size - offset:
            self._gap = True
            return
        data = body[5:]
        if self._index == 0:
            self._text[offset : offset + size] = data  # pyright: ignore[reportOptionalSubscript]
        else:
            self._file.write(data)  # pyright: ignore[reportOptionalMemberAccess]
        self._hash.update(data)
        self._offset += size
        self._received += size
        if self._offset == self._size:
            self._wanting = False
            self._work = self._received_all

    def _received_all(self):
        self._work = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._hash.digest() != self._digest:
            self._attempts += 1
            if self._attempts == _ATTEMPTS:
                self._fail(BAD_FILE, self._index)
            else:
                self._receive_from(0)
        elif self._index == 0:
            text, self._text = bytes(self._text), None  # pyright: ignore[reportArgumentType]
            self._accept(text, stored=False)
        else:
            self._work = self._next_file

    # --- the manifest

    def _accept_stored(self):
        self._accept(self._slot.manifest(), stored=True)

    def _accept(self, text, stored):
        self._work = None
        gc.collect()  # the largest piece of memory that an update needs is this text
        found = manifest.Manifest(text)
        status = self._refusal(found, text)
        if status != OK:
            self._fail(status, 0)
            return
        room = self._slot.room(len(text), found.files)
        if room < 0:
            self._fail(TOO_LARGE, -room)
            return
        slots.write(self._active)  # whatever was tried before is none of the boot's business now
        self._files = found.files
        if not stored:
            self._slot.begin(text, found.files)
        self._index = 0
        self._work = self._next_file

    def _refusal(self, found, text):
        if found.board != self._board:
            return WRONG_BOARD
        if found.image_hash() != found.image:
            return BAD_IMAGE
        if not exists(KEY_FILE):
            return OK
        if found.signature is None:
            return NOT_SIGNED
        from eeg import ed25519

        with open(KEY_FILE) as file:
            key = bytes.fromhex(file.read().strip())
        gc.collect()
        good = ed25519.verify(key, memoryview(text)[: found.signed], found.signature)
        return OK if good else BAD_SIGNATURE

    # --- file by file

    def _next_file(self):
        self._work = None
        if self._index == len(self._files):
            self._ready = True
            self._gatt.send_update(pack("<BBI", READY, 4, self._received))
            return
        path, size, digest = self._files[self._index]
        index = self._index + 1
        if self._slot.has(path, size, digest):
            self._index = index
            self._work = self._next_file
            return
        there = self._slot.size(path)
        self._ask_for(index, size, digest, there if there is not None and there < size else 0)

    # --- the end

    def _check_and_apply(self):
        """Read everything again, then switch; what was accepted before must be what is there."""
        self._work = None
        text = self._slot.manifest()
        if sha256(text).digest() != self._manifest[1]:
            self._fail(BAD_MANIFEST, 0)
            return
        found = manifest.Manifest(text)
        status = OK if found.image == self._image else BAD_IMAGE
        if status == OK and not self._slot.holds(found.files):
            status = BAD_FILE
        if status == OK:
            slots.write(self._active, slots.NEW)
            self.restart = True
        self._tell(APPLY | ANSWER, status, 0)
        if status != OK:
            self.stop()


# Handlers and least sizes of commands
_COMMANDS = {
    BEGIN: (Updater._begin, 38),
    APPLY: (Updater._apply, 32),
    CONFIRM: (Updater._confirm, 32),
}
