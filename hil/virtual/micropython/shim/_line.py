# A line editor for VT100 terminals, as the port's prompt has it.
import sys

from _console import take

_write = sys.stdout.write
_HISTORY = 8
_WORD = 16
_WIDTH = 64


def _completions(word, scope):
    """Return the last part of a dotted name, and the names it may become."""
    parts = word.split(".")
    names = scope
    if len(parts) > 1:
        if parts[0] not in scope:
            return "", []
        owner = scope[parts[0]]
        for part in parts[1:-1]:
            owner = getattr(owner, part)
        names = dir(owner)
    found = [name for name in names if name.startswith(parts[-1])]
    if not found and len(parts) == 1 and word and "import ".startswith(word):
        found = ["import "]
    return parts[-1], sorted(found)


class Line:
    """One line being typed after a prompt; `before` are the lines it continues."""

    def __init__(self, prompt, before, history, scope):
        self._prompt = prompt
        self._before = before
        self._history = history
        self._scope = scope
        self._chars = ""
        self._at = 0
        self._back = -1  # how far back in the history
        self._escape = ""
        self._indented = False
        _write(prompt)
        self._indent()

    @property
    def text(self):
        return self._before + self._chars

    def read(self):
        """Edit until the line ends; returns 0, or the control character that ended it."""
        while True:
            for char in take(256, line=True):
                key = self._key(char)
                if key >= 0:
                    return key

    def _indent(self):
        """Begin as deep as the line before, deeper after a colon; not after two blank lines."""
        lines = self._before.split("\n")[:-1]
        if not lines or (len(lines) > 2 and not lines[-1].strip(" ") and not lines[-2].strip(" ")):
            return
        last = lines[-1]
        depth = (len(last) - len(last.lstrip(" "))) // 4
        if last.endswith(":"):
            depth += 1
        if depth:
            self._insert("    " * depth)
            self._indented = True

    def _key(self, char):
        indented = self._indented
        self._indented = False
        if self._escape:
            self._sequence(chr(char))
        elif 1 <= char <= 5 and not self._chars:
            return char
        elif char == 3:
            return 3
        elif char == 13:
            _write("\n")
            history = self._history
            if self._chars and (not history or history[0] != self._chars):
                history.insert(0, self._chars)
                del history[_HISTORY:]
            return 0
        elif char == 27:
            self._escape = "\x1b"
        elif char in (8, 127):
            head = self._chars[: self._at]
            self._delete(4 if len(head) >= 4 and not head.strip(" ") else 1)
        elif char == 9 and not indented:
            self._complete()
        elif char == 32 and indented:
            self._delete(3)
        elif 32 <= char <= 126:
            self._insert(chr(char))
        else:
            self._command(char)
        return -1

    def _command(self, char):
        if char == 1:
            self._move(0)
        elif char == 2:
            self._move(self._at - 1)
        elif char == 4:
            self._delete_here()
        elif char == 5:
            self._move(len(self._chars))
        elif char == 6:
            self._move(self._at + 1)
        elif char == 11:
            self._chars = self._chars[: self._at]
            _write("\x1b[K")
        elif char == 14:
            self._recall(-1)
        elif char == 16:
            self._recall(1)
        elif char == 21:
            self._delete(self._at)

    def _sequence(self, char):
        escape = self._escape
        if escape == "\x1b" and char in "[O":
            self._escape = escape + char
            return
        if len(escape) == 2 and char.isdigit():
            self._escape = escape + char
            return
        self._escape = ""
        if len(escape) == 3:
            key = (
                {"1": "H", "7": "H", "4": "F", "8": "F", "3": "~"}.get(escape[2], "")
                if char == "~"
                else ""
            )
        else:
            key = char if len(escape) == 2 else ""
        if key == "A":
            self._recall(1)
        elif key == "B":
            self._recall(-1)
        elif key == "C":
            self._move(self._at + 1)
        elif key == "D":
            self._move(self._at - 1)
        elif key == "H":
            self._move(0)
        elif key == "F":
            self._move(len(self._chars))
        elif key == "~":
            self._delete_here()

    def _left(self, n):
        if n > 4:
            _write("\x1b[%dD" % n)
        elif n > 0:
            _write("\b" * n)

    def _move(self, at):
        at = min(max(at, 0), len(self._chars))
        if at < self._at:
            self._left(self._at - at)
        else:
            _write(self._chars[self._at : at])
        self._at = at

    def _insert(self, text):
        tail = self._chars[self._at :]
        self._chars = self._chars[: self._at] + text + tail
        self._at += len(text)
        _write(text + tail)
        self._left(len(tail))

    def _delete(self, n):
        n = min(n, self._at)
        if n:
            self._move(self._at - n)
            self._cut(n)

    def _delete_here(self):
        if self._at < len(self._chars):
            self._cut(1)

    def _cut(self, n):
        tail = self._chars[self._at + n :]
        self._chars = self._chars[: self._at] + tail
        _write("\x1b[K" + tail)
        self._left(len(tail))

    def _recall(self, step):
        back = self._back + step
        if -1 <= back < len(self._history):
            self._back = back
            old = len(self._chars)
            self._move(0)
            self._chars = self._history[back] if back >= 0 else ""
            if len(self._chars) < old:
                _write("\x1b[K")
            self._move(len(self._chars))

    def _complete(self):
        head = self._chars[: self._at]
        if (head or self._before) and (not head or head[-1] == " "):
            self._insert("    ")
            return
        start = len(head)
        while start and (
            head[start - 1].isalpha() or head[start - 1].isdigit() or head[start - 1] in "_."
        ):
            start -= 1
        try:
            part, names = _completions(head[start:], self._scope)
        except Exception:  # an attribute that is not there, or says so in its own way
            return
        if not names:
            return
        common = names[0]
        for name in names:
            while not name.startswith(common):
                common = common[:-1]
        if len(names) == 1 or len(common) > len(part):
            self._insert(common[len(part) :])
            return
        at = _WIDTH
        for name in names:
            gap = -at % _WORD
            if gap < 2:
                gap += _WORD
            if at + gap + len(name) <= _WIDTH:
                _write(" " * gap + name)
                at += gap + len(name)
            else:
                _write("\n" + name)
                at = len(name)
        tail = self._chars[self._at :]
        _write("\n" + self._prompt + self._chars)
        self._left(len(tail))
