# Reads the manifest of an application (docs/update.md). Whoever wrote it may mean harm: what is not
# exactly as specified is refused. host/image/manifest.py has the same rules.
from hashlib import sha256

NAME = "manifest.txt"
LARGEST = 8192

_FORMAT = b"eegrig 1"
_SIGNATURE = b"signature "
_SIGNATURE_LINE = len(_SIGNATURE) + 128 + 1
_HEX = b"0123456789abcdef"
_NOT_HASHED = ("build_info.mpy", "build_info.py")  # they hold the image hash


class BadManifest(Exception):
    """It is not one; `line` is the number of the line that shows it."""

    def __init__(self, line):
        super().__init__(line)
        self.line = line


class Manifest:
    """What a manifest says.

    Attributes
    ----------
    board, version : str
    image : bytes
        SHA-256 that identifies the firmware.
    files : list of (str, int, bytes)
        Path, size and SHA-256 of every file, by path.
    signature : bytes or None
        Of the first `signed` bytes.
    """

    def __init__(self, text):
        self.files = []
        self.signature = None
        self.signed = size = len(text)
        start = size - _SIGNATURE_LINE
        if start > 0 and text[start - 1 : start + len(_SIGNATURE)] == b"\n" + _SIGNATURE:
            self.signature = _unhex(text[start + len(_SIGNATURE) : size - 1], 64)
            if self.signature is not None:
                self.signed = start
        self._number = self._at = 0
        if self._line(text) != _FORMAT:
            raise BadManifest(1)
        self.board = self._name(text, b"board ")
        self.version = self._name(text, b"version ")
        self.image = self._hash(self._field(text, b"image "))
        last = ""
        while self._at < self.signed:
            entry = self._file(self._line(text))
            if entry[0] <= last:
                raise BadManifest(self._number)
            last = entry[0]
            self.files.append(entry)
        if text[size - 1 :] != b"\n":
            raise BadManifest(self._number)

    def image_hash(self):
        """Return the image hash of the files it lists."""
        digest = sha256()
        for path, _, file_hash in self.files:
            if path not in _NOT_HASHED:
                digest.update(path.encode() + b"\0" + file_hash)
        return digest.digest()

    def _line(self, text):
        self._number += 1
        end = text.find(b"\n", self._at, self.signed)
        if end < 0:
            raise BadManifest(self._number)
        line = text[self._at : end]
        self._at = end + 1
        return line

    def _field(self, text, key):
        line = self._line(text)
        if line[: len(key)] != key:
            raise BadManifest(self._number)
        return line[len(key) :]

    def _name(self, text, key):
        return self._word(self._field(text, key), 64)

    def _word(self, data, longest):
        if not 0 < len(data) <= longest:
            raise BadManifest(self._number)
        for code in data:
            if not 0x21 <= code <= 0x7E:
                raise BadManifest(self._number)
        return bytes(data).decode()

    def _hash(self, data):
        value = _unhex(data, 32)
        if value is None:
            raise BadManifest(self._number)
        return value

    def _file(self, line):
        words = bytes(line).split(b" ")
        if len(words) != 4 or words[0] != b"file":
            raise BadManifest(self._number)
        size = words[1]
        if not 0 < len(size) < 10 or (size[0] == 0x30 and len(size) > 1):
            raise BadManifest(self._number)
        for code in size:
            if not 0x30 <= code <= 0x39:
                raise BadManifest(self._number)
        path = self._word(words[3], 8 * 64 + 7)
        parts = path.split("/")
        if len(parts) > 8:
            raise BadManifest(self._number)
        for part in parts:
            if not 0 < len(part) <= 64 or part in (".", "..", NAME):
                raise BadManifest(self._number)
        return path, int(size), self._hash(words[2])


def _unhex(data, size):
    if len(data) != 2 * size:
        return None
    for code in data:
        if code not in _HEX:
            return None
    return bytes.fromhex(bytes(data).decode())
