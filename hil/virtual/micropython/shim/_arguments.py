# Arguments as the ports' C code takes them: py/argcheck.c and the conversions of py/obj.c, MicroPython 1c3c201149.
import micropython
from _console import octets_of as buffer  # noqa: F401

INT, OBJ, BOOL = range(3)


class _Mark:
    pass


REQUIRED = _Mark()
ABSENT = _Mark()  # what was not given and has no value then
_LEAST, _MOST = -0x80000000, 0x7FFFFFFF


@micropython.native
def integer(value):
    """Return what C code takes for a machine word of a 32-bit processor."""
    if value is True or value is False:
        return int(value)
    if not isinstance(value, int):
        raise TypeError("can't convert %s to int" % type(value).__name__)
    if not _LEAST <= value <= _MOST:
        raise OverflowError("overflow converting long int to machine word")
    return value


@micropython.native
def real(value):
    """Return what C code takes for a floating-point number."""
    if value is not True and value is not False and not isinstance(value, (int, float)):
        raise TypeError("can't convert %s to float" % type(value).__name__)
    return float(value)


@micropython.native
def text(value):
    """Return what C code takes for text, which bytes are too."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError("can't convert '%s' object to str implicitly" % type(value).__name__)
    return value


@micropython.native
def items(value, size):
    """Return the items of a tuple or a list of so many."""
    if not isinstance(value, (tuple, list)):
        raise TypeError("object '%s' isn't a tuple or list" % type(value).__name__)
    if len(value) != size:
        raise ValueError("requested length %d but object has length %d" % (size, len(value)))
    return value


@micropython.native
def check_number(args, options, least, most, keywords=False):
    """Refuse a wrong number of arguments, and keywords where there are none; most None: any number."""
    if options and not keywords:
        raise TypeError("function doesn't take keyword arguments")
    n = len(args)
    if least == most:
        if n != least:
            raise TypeError("function takes %d positional arguments but %d were given" % (least, n))
    elif n < least:
        raise TypeError("function missing %d required positional arguments" % (least - n))
    elif most is not None and n > most:
        raise TypeError("function expected at most %d arguments, got %d" % (most, n))


class Table:
    """The arguments of a function: how many may be given by position, then (name, kind, value if it is not given)."""

    @micropython.native
    def __init__(self, by_position, *allowed):
        self._by_position = by_position
        self._allowed = allowed

    @micropython.native
    def parse(self, args, options):
        """Return the values, in the table's order."""
        values = []
        n = len(args)
        named = 0
        for i, (name, kind, value) in enumerate(self._allowed):
            if i < n:
                if i >= self._by_position:
                    raise TypeError("extra positional arguments given")
                value = args[i]
            elif name in options:
                named += 1
                value = options[name]
            elif value is REQUIRED:
                raise TypeError("'%s' argument required" % name)
            else:
                values.append(value)
                continue
            values.append(integer(value) if kind == INT else bool(value) if kind == BOOL else value)
        if n > len(self._allowed):
            raise TypeError("extra positional arguments given")
        if named < len(options):
            raise TypeError("extra keyword arguments given")
        return values
