"""Serial ports: who has one, and what is said about one that cannot be opened."""

import errno
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Iterator

import pytest

from eegrig.boards.errors import InfrastructureError
from eegrig.host.console.device_holders import Holder, holders
from eegrig.host.console.serial_port import cannot_open, list_ports, open_port, port_path

OPEN = "import os, sys; os.open(sys.argv[1], os.O_RDWR); print(flush=True); sys.stdin.read()"
LOCK = OPEN.replace("print", "import fcntl; fcntl.flock(3, fcntl.LOCK_EX); print")


@pytest.fixture
def terminal() -> Iterator[str]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def other(terminal: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two other processes that have the terminal open; the second has locked it."""
    processes = []
    for code in (OPEN, LOCK):
        process = subprocess.Popen(
            [sys.executable, "-c", code, terminal], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        processes.append(process)
    yield processes
    for process in processes:
        process.communicate()


def test_of_those_who_have_a_port_open_the_one_that_locked_it_is_named(terminal, other):
    assert [holder.pid for holder in holders(terminal)] == [other[1].pid]
    with pytest.raises(InfrastructureError, match=rf"\(process {other[1].pid}\): end it"):
        open_port(terminal)
    other[1].communicate()
    assert [holder.pid for holder in holders(terminal)] == [other[0].pid]


def test_a_port_that_nobody_else_has_opens_by_a_link_to_it_too(terminal, tmp_path):
    link = tmp_path / "console"
    link.symlink_to(terminal)
    assert port_path(str(link)) == terminal
    assert holders(port_path(str(link))) == []
    with open_port(str(link)) as opened:
        assert opened.name == terminal


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EACCES, "denied"), "no permission for /dev/x: `eegrig doctor` says how"),
        (OSError(errno.EBUSY, "busy"), "/dev/x is in use by another program: end it"),
        (OSError(errno.ENOENT, "no"), "there is no port /dev/x: plug the board in"),
        (OSError(errno.EIO, "input/output\nerror"), "cannot open the port /dev/x: .*output$"),
    ],
)
def test_each_reason_has_its_line(error, says):
    with pytest.raises(InfrastructureError, match=says) as caught:
        raise cannot_open("/dev/x", error)
    assert "\n" not in str(caught.value)


def test_ports_are_listed_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path))  # no virtual board of anybody's
    assert all(port.startswith("/dev/") for port in list_ports())
    assert str(Holder(7, "screen")) == "screen (process 7)"
