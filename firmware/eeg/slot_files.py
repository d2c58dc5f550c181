# The directory of a slot: what is in it, and how it becomes that of another application.
import os
from hashlib import sha256

import slots

from eeg import manifest
from eeg.trial import exists

_SPARE_BLOCKS = 2  # for the file system's own work
_PAIR = 2  # blocks of a directory, or of a part of a large one
_ENTRY = 32  # bytes of a directory that a file takes, beside its name
_INLINE = 128  # bytes: VfsLfs2 keeps a file that fits its cache in the directory,
_INLINE_SHARE = 8  # if it takes no more than this part of a block
_DIRECTORY = 0x4000
_PIECE = 512


class SlotFiles:
    """The slot that an update writes.

    Parameters
    ----------
    slot, running : str
        Its name, and that of the slot that runs.
    """

    def __init__(self, slot, running):
        self._root = slots.path(slot)
        self._running = slots.path(running)
        # Loaders from before there were others have no such function.
        renew = getattr(slots, "renew", None)
        if renew is not None and not _sound(self._root):
            renew(slot)
        if not exists(self._root):
            os.mkdir(self._root)

    def path(self, path):
        """Return the whole path of one of its files."""
        return self._root + "/" + path

    def room(self, manifest_size, files):
        """Return how many bytes are left when all is there; negative: how many are missing."""
        # Counted, because `statvfs` counts directories twice.
        volume = "/" + self._root.split("/")[1]
        block, _, left = os.statvfs(volume)[:3]
        left -= _PAIR + _SPARE_BLOCKS + _blocks(manifest_size, block)
        if volume != self._root:
            left -= _PAIR
            for path, size in _walk(volume, ""):
                whole = volume + "/" + path
                if whole != self._root and not whole.startswith(self._root + "/"):
                    left -= _PAIR if size is None else _blocks(size, block)
        parents = set()
        entries = 0
        for path, size, _ in files:
            left -= _blocks(size, block)
            parents.update(_parents(path))
            entries += _ENTRY + len(path)
        # A directory that has filled its pair of blocks goes on in another, each half full or more.
        left -= _PAIR * (len(parents) + entries // (block // 2))
        return left * block

    def begin(self, text, files):
        """Remove what does not belong to the new application, then write its manifest.

        In this order: with a manifest, every file that is shorter than it says is the beginning.
        """
        name = self.path(manifest.NAME)
        if exists(name):
            os.remove(name)
        wanted = {path: (size, digest) for path, size, digest in files}
        needed = set()
        for path in wanted:
            needed.update(_parents(path))
        for path, size in list(_walk(self._root, "")):
            whole = self.path(path)
            if size is None:
                if path not in needed:
                    os.rmdir(whole)  # what was in it came before it
            elif path not in wanted or not matches(whole, *wanted[path]):
                os.remove(whole)
        with open(name, "wb") as file:
            file.write(text)

    def manifest(self):
        """Return the text of its manifest."""
        with open(self.path(manifest.NAME), "rb") as file:
            # As much as there is: `read` makes room for all it is asked for, in one piece.
            return file.read(min(self.size(manifest.NAME) or 0, manifest.LARGEST + 1))

    def has(self, path, size, digest):
        """Tell whether a file is there, copied from the slot that runs if that has it."""
        whole = self.path(path)
        return matches(whole, size, digest) or self._copied(path, size, digest)

    def holds(self, files):
        """Tell whether these files and the manifest are all there is."""
        n_files = 0
        for _, size in _walk(self._root, ""):
            n_files += size is not None
        if n_files != len(files) + 1:
            return False
        for path, size, digest in files:
            if not matches(self.path(path), size, digest):
                return False
        return True

    def open(self, path, offset, found):
        """Open a file to write it from `offset` on; put what is before into a hash."""
        whole = self.path(path)
        for parent in _parents(path):
            if not exists(self.path(parent)):
                os.mkdir(self.path(parent))
        if offset:
            _feed(whole, found)
        return open(whole, "ab" if offset else "wb")

    def size(self, path):
        """Return the size of a file, None if there is none."""
        return _size(self.path(path))

    def _copied(self, path, size, digest):
        source = self._running_file(size, digest)
        if source is None or not matches(source, size, digest):
            return False
        buffer = bytearray(_PIECE)
        with open(source, "rb") as old, self.open(path, 0, None) as new:
            while True:
                n = old.readinto(buffer)
                if not n:
                    break
                new.write(memoryview(buffer)[:n])
        return matches(self.path(path), size, digest)

    def _running_file(self, size, digest):
        """Return the path of a file of the slot that runs, by what is in it."""
        start = "file %d %s " % (size, digest.hex())
        try:
            with open(self._running + "/" + manifest.NAME) as file:
                for line in file:
                    if line.startswith(start):
                        return self._running + "/" + line[len(start) :].strip()
        except (OSError, ValueError):  # there is none, or it is no text
            pass
        return None


def _parents(path):
    """Return the directories a path is in, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _walk(root, path):
    """Yield path and size (None: a directory) of what is below, what is in a directory first."""
    for entry in os.ilistdir(root + "/" + path if path else root):  # pyright: ignore[reportAttributeAccessIssue]
        below = path + "/" + entry[0] if path else entry[0]
        if entry[1] == _DIRECTORY:
            yield from _walk(root, below)
            yield below, None
        else:
            yield below, _size(root + "/" + below)


def _size(path):
    """Return the size of a file, None if there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return None


def _blocks(size, block):
    """Return how many blocks a file has to itself; block n begins with pointers to others."""
    if size <= min(_INLINE, block // _INLINE_SHARE):
        return 0
    n = 0
    while size > 0:
        pointers = 0
        while n and not n >> pointers & 1:
            pointers += 1
        size -= block - 4 * (pointers + 1 if n else 0)
        n += 1
    return n


def _sound(root):
    """Tell whether a file system is there and all of it hangs together."""
    try:
        os.statvfs(root)  # goes through all that is in use
    except OSError:
        return False
    return True


def matches(path, size, digest):
    """Tell whether a file has this size and SHA-256."""
    if _size(path) != size:
        return False
    found = sha256()
    try:
        _feed(path, found)
    except OSError:  # a power cut left it so
        return False
    return found.digest() == digest


def _feed(path, found):
    buffer = bytearray(_PIECE)
    view = memoryview(buffer)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(buffer)
            if not n:
                return
            found.update(view[:n])
