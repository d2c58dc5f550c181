"""Runs tests of several boards that wait for each other, as MicroPython's ``multi_bluetooth`` are.

Such a test has a function ``instance0`` for the first board, ``instance1`` for the second and so
on, and a `multitest` to hand over values and wait. Here it is a mailbox on the boards' I2C bus, so
that the console carries what the test prints and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.hil.virtual.ports.conftest import Node, World

__all__ = ["expected", "run"]

_ADDRESS = 0x42
_STEP_S = 0.5

_PREAMBLE = """
class multitest:
    import machine, time
    _bus = machine.I2C(1)

    def _tell(text):
        multitest._bus.writeto(%(address)d, text.encode())

    def globals(**values):
        for name, value in values.items():
            multitest._tell("SET %%s = %%r\\n" %% (name, value))

    def next():
        multitest._tell("NEXT")

    def broadcast(message):
        multitest._tell("BROADCAST " + message)

    def wait(message):
        while True:
            multitest._tell("WAIT " + message)
            if multitest._bus.readfrom(%(address)d, 1) == b"1":
                return
            multitest.time.sleep_ms(2)

    def output_metric(text):
        print(text)

"""
_CODA = '\ninstance%d()\nmultitest._tell("END")\n'


class _Mailbox:
    """One board's end of the mailbox."""

    def __init__(self, group: _Group) -> None:
        # The next board starts when this one is ready, and misses nothing that was said since.
        self.unread = list(group.said)
        self.ready = self.done = False
        self._group = group
        self._arrived = False

    def i2c_write(self, data: bytes) -> bool:
        verb, _, text = data.decode().partition(" ")
        if verb == "SET":
            self._group.values += text
        elif verb == "NEXT":
            self.ready = True
        elif verb == "END":
            self.done = True
        elif verb == "BROADCAST":
            self._group.said.append(text)
            for other in self._group.mailboxes:
                if other is not self:
                    other.unread.append(text)
        elif verb == "WAIT":
            self._arrived = text in self.unread
            if self._arrived:
                del self.unread[: self.unread.index(text) + 1]
        return True

    def i2c_read(self, size: int) -> bytes:
        return (b"1" if self._arrived else b"0") * size


class _Group:
    """The boards of one test."""

    def __init__(self) -> None:
        self.values = ""
        self.said: list[str] = []
        self.mailboxes: list[_Mailbox] = []


def run(world: World, test: str, files: dict[str, str], *, limit_s: float = 120.0) -> list[Node]:
    """Run a test, each of its instances on a board of its own; an instance that fails ends it.

    Parameters
    ----------
    world : World
    test : str
        Its text.
    files : dict of str to str
        Modules on every board, by path.
    limit_s : float
        Virtual time it may take in seconds.

    Returns
    -------
    list of Node
        In the order of the instances.
    """
    group = _Group()
    nodes: list[Node] = []
    n_instances = sum(f"def instance{number}(" in test for number in range(10))
    while world.loop.now_ns() < limit_s * 1e9:
        if len(nodes) < n_instances and all(mailbox.ready for mailbox in group.mailboxes):
            preamble = _PREAMBLE % {"address": _ADDRESS} + group.values
            node = world.board(preamble + test + _CODA % len(nodes), tree=files)
            group.mailboxes.append(_Mailbox(group))
            node.bus.add_i2c("i2c1", _ADDRESS, group.mailboxes[-1])
            nodes.append(node)
        world.run(_STEP_S)
        if all(mailbox.done for mailbox in group.mailboxes) and len(nodes) == n_instances:
            break
        if any("Traceback" in node.text for node in nodes):
            break
    return nodes


def expected(path: Path) -> list[list[str]]:
    """Return what each instance should print, from the ``.exp`` beside a test."""
    exp = path.with_name(path.name + ".exp")
    instances: list[list[str]] = []
    for line in exp.read_text().splitlines():
        if line.startswith("--- instance"):
            instances.append([])
        else:
            instances[-1].append(line)
    return instances
