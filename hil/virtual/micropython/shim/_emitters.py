# Sources that ask for native code, on a port that makes it: what the virtual board makes of them.
#
# Native code would take no time here, and an endless loop of it stop time for ever. A `native` function does what its
# bytecode does, and is compiled to that: on a board it is 1.2 times as fast (MicroPython d4d53e9e11, its benchmarks on a
# PYBv1.0), so that it is charged too much, and never too little. Viper and assembler code have no bytecode that does
# the same (their integers and pointers are the machine's), and are refused.
#
# What is such a decorator, the interpreter's grammar says (py/compile.c of MicroPython 1c3c201149,
# compile_built_in_decorator): `@`, the name micropython, a dot and a name, at the beginning of a line, with whatever
# may stand between them; arguments are passed over.
import micropython

_REFUSED = ("viper", "asm_thumb", "asm_xtensa", "asm_rv32")
_WORDS = ("native",) + _REFUSED
_WHY = "line %d: micropython.%s takes no time on the virtual board: make it native, or run a stock binary"


@micropython.native
def _end_of_text(source, at):
    """Return where the text constant ends that begins with a quote at a place."""
    quote = source[at]
    if source[at : at + 3] == quote * 3:
        quote = quote * 3
    at += len(quote)
    while at < len(source) and source[at : at + len(quote)] != quote:
        at += 2 if source[at] == "\\" else 1
    return at + len(quote)


@micropython.native
def _after_space(source, at):
    """Return where the next word of a line begins, beyond blanks and lines that go on."""
    while at < len(source):
        if source[at] in " \t\r\f":
            at += 1
        elif source[at : at + 2] == "\\\n":
            at += 2
        elif source[at : at + 3] == "\\\r\n":
            at += 3
        else:
            break
    return at


@micropython.native
def _end_of_name(source, at):
    while at < len(source) and (source[at].isalpha() or source[at].isdigit() or source[at] == "_"):
        at += 1
    return at


@micropython.native
def _end_of_arguments(source, at):
    """Return where the brackets end that may open at a place."""
    depth = 0
    while at < len(source):
        char = source[at]
        if char in "'\"":
            at = _end_of_text(source, at)
            continue
        at += 1
        if char == "#":
            at = _end_of_comment(source, at)
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if not depth:
            break
    return at


@micropython.native
def _end_of_comment(source, at):
    end = source.find("\n", at)
    return len(source) if end < 0 else end


@micropython.native
def _decorator(source, at):
    """Return the emitter that a decorator behind an ``@`` asks for, and where it ends; or None."""
    at = _after_space(source, at)
    end = _end_of_name(source, at)
    if source[at:end] != "micropython":
        return None, end
    at = _after_space(source, end)
    if source[at : at + 1] != ".":
        return None, at
    at = _after_space(source, at + 1)
    end = _end_of_name(source, at)
    name = source[at:end]
    if name not in _WORDS:
        return None, end
    at = _after_space(source, end)
    return name, _end_of_arguments(source, at) if source[at : at + 1] == "(" else end


@micropython.native
def as_bytecode(source):
    """Return a source without its decorators for native code; lines stay where they are.

    Raises NotImplementedError where it asks for viper or assembler code.
    """
    if "micropython" not in source or not any([word in source for word in _WORDS]):
        return source
    parts = []
    taken = at = depth = 0
    begins = True  # whether nothing but blanks stands before this place in its line
    while at < len(source):
        char = source[at]
        if char in "'\"":
            at = _end_of_text(source, at)
            begins = False
            continue
        if char == "#":
            at = _end_of_comment(source, at)
            continue
        if char == "@" and begins and not depth:
            name, end = _decorator(source, at + 1)
            if name in _REFUSED:
                line = source[:at].count("\n") + 1
                raise NotImplementedError(_WHY % (line, name))
            if name is not None:
                parts.append(source[taken:at])
                parts.append("\n" * source[at:end].count("\n"))
                taken = at = end
                continue
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        at += 1
        if char == "\\":  # the line goes on behind its end
            at = _after_space(source, at - 1)
            begins = False
        elif char == "\n":
            begins = True
        elif char not in " \t\r\f":
            begins = False
    parts.append(source[taken:])
    return "".join(parts)
