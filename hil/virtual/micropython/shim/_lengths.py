# C functions whose work grows with what they are given: they take time by its length, beside their call.
#
# What they allocate is charged where memory is. Methods of builtin types (`list.sort`, `bytes.find`), operators
# (`in`, `==`) and `re` cannot be stood in for, and cost what a call or an operation does.
import builtins
import io

import _board as _b
import micropython

_GIVEN_NONE = object()
_NO_OPTIONS = {}


@micropython.native
def _charge(row, n):
    if not _b.quiet:  # the firmware's own call
        _b.enter()
        _b.work(row, n)
        _b.leave()


@micropython.native
def _length(value):
    """Return how many items or bytes a value has; -1 if only going through it tells."""
    try:
        return len(value)
    except TypeError:
        pass
    try:
        return len(memoryview(value))
    except TypeError:
        return -1


@micropython.native
def _told(items, row):
    """Go through what has no length, and charge for each of it."""
    for item in items:
        _charge(row, 1)
        yield item


@micropython.native
def _going_through(function, row, items, options, *rest):
    n = _length(items)
    if n < 0:
        items = _told(iter(items), row)
    found = function(items, *rest, **options)
    if n > 0:
        _charge(row, n)
    return found


def _of_all(function, row):
    @micropython.native
    def stand_in(items, *rest):
        return _going_through(function, row, items, _NO_OPTIONS, *rest)

    return stand_in


def _comparing(function):
    # The names of the arguments: with two of them nothing is allocated, as a hard interrupt's handler needs it.
    @micropython.native
    def stand_in(first, second=_GIVEN_NONE, *rest, key=_GIVEN_NONE, default=_GIVEN_NONE):
        if second is not _GIVEN_NONE:
            if key is _GIVEN_NONE:
                return function(first, second, *rest) if rest else function(first, second)
            return function(first, second, *rest, key=key)
        options = {}
        if key is not _GIVEN_NONE:
            options["key"] = key
        if default is not _GIVEN_NONE:
            options["default"] = default
        return _going_through(function, "compared_item", first, options)

    return stand_in


def _sorting(function):
    @micropython.native
    def stand_in(items, *, key=None, reverse=False):
        found = function(items, key=key, reverse=reverse)
        n = len(found)
        halvings = 0
        while n >> halvings + 1:
            halvings += 1
        _charge("sorted_item", n * halvings)
        return found

    return stand_in


def install():
    """Put the stand-ins of builtins in place."""
    builtins.sum = _of_all(sum, "summed_item")
    builtins.any = _of_all(any, "tested_item")
    builtins.all = _of_all(all, "tested_item")
    builtins.min = _comparing(min)
    builtins.max = _comparing(max)
    builtins.sorted = _sorting(sorted)


# Arguments that may be left out have a place of their own: `*rest` would take memory, at the firmware's cost.


def _by_argument(function, row):
    @micropython.native
    def stand_in(data, second=_GIVEN_NONE):
        found = function(data) if second is _GIVEN_NONE else function(data, second)
        _charge(row, max(0, _length(data)))
        return found

    return stand_in


def _binascii(module):
    for name in ("hexlify", "unhexlify", "a2b_base64", "crc32"):
        if not hasattr(module, name):
            continue
        row = "crc32_byte" if name == "crc32" else "binascii_byte"
        setattr(module, name, _by_argument(getattr(module, name), row))
    encode = module.b2a_base64

    def b2a_base64(data, *, newline=True):
        found = encode(data, newline=newline)
        _charge("binascii_byte", _length(data))
        return found

    module.b2a_base64 = b2a_base64


def _struct(module):
    real_unpack, real_unpack_from = module.unpack, module.unpack_from

    @micropython.native
    def unpack(format, data):
        found = real_unpack(format, data)
        _charge("unpack_value", len(found))
        return found

    @micropython.native
    def unpack_from(format, data, offset=0):
        found = real_unpack_from(format, data, offset)
        _charge("unpack_value", len(found))
        return found

    module.unpack, module.unpack_from = unpack, unpack_from


def _json(module):
    loads = module.loads = _by_argument(module.loads, "json_loads_byte")
    real_dumps = module.dumps

    def dumps(value, separators=None):
        found = real_dumps(value, separators=separators)
        _charge("json_dumps_byte", len(found))
        return found

    def dump(value, stream, separators=None):
        stream.write(dumps(value, separators))

    def load(stream):
        return loads(stream.read())

    module.dumps, module.dump, module.load = dumps, dump, load


def _deflate(module):
    inflating = module.DeflateIO

    class DeflateIO(io.IOBase):
        def __init__(self, stream, *rest):
            self._stream = inflating(stream, *rest)

        def _charged(self, found):
            _charge("inflated_byte", len(found))
            return found

        def read(self, *size):
            return self._charged(self._stream.read(*size))

        def readline(self, *size):
            return self._charged(self._stream.readline(*size))

        def readinto(self, buffer, *size):
            n = self._stream.readinto(buffer, *size)
            _charge("inflated_byte", n)
            return n

        def close(self):
            self._stream.close()

        def __iter__(self):
            return self

        def __next__(self):
            line = self.readline()
            if not line:
                raise StopIteration
            return line

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

    module.DeflateIO = DeflateIO


_MAKERS = {"binascii": _binascii, "struct": _struct, "json": _json, "deflate": _deflate}


def make_modules(present, names, copy_of):
    """Return those modules of a build whose functions take time by length, by name.

    Parameters
    ----------
    present : sequence of str
        Modules of the build.
    names : dict
        What modules have, by name; these are taken out.
    copy_of : callable
        Makes a changeable copy of a module, with all that it has or with what it is to have.
    """
    made = {}
    for name, change in _MAKERS.items():
        if name in present:
            made[name] = copy_of(__import__(name), names.pop(name, None))
            change(made[name])
    return made
