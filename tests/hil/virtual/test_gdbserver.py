"""A firmware engineer debugs an image of his own: gdb's protocol through ``pyocd gdbserver``."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eegrig.hil.virtual.chip import open_chip
from tests.hil.virtual.chip.programs import PROGRAMS

COUNTS = 0x2000_2000
# Offsets in the image "two_tasks": where task A counts and stores, and what tick does first.
TASK_A, TASK_A_STORE = 0x7E, 0x80
BOARDS = {"headband8": "nrf52840", "nucleo-wb55-ads1299": "stm32wb55"}


@dataclass
class Server:
    """A gdb server on a virtual board with the image of two tasks in its flash memory."""

    port: int
    base: int


class Remote:
    """gdb's side of its remote serial protocol."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("localhost", port), timeout=20)
        self._received = b""

    def ask(self, packet: str) -> str:
        body = packet.encode()
        self._socket.sendall(b"$%s#%02x" % (body, sum(body) & 0xFF))
        while True:
            found = re.search(rb"\$([^#]*)#[0-9a-f]{2}", self._received)
            if found:
                self._received = self._received[found.end() :]
                self._socket.sendall(b"+")
                if found[1] == b"OK" or not found[1].startswith(b"O"):  # O is talk for people
                    return found[1].decode("latin-1")
            else:
                self._received += self._socket.recv(4096) or pytest.fail("the server hung up")

    def word(self, address: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},4")), "little")

    def registers(self) -> list[int]:
        data = bytes.fromhex(self.ask("g"))
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, 64, 4)]

    def close(self) -> None:
        self._socket.close()


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("localhost", 0))
        return int(chosen.getsockname()[1])


@pytest.fixture(scope="module", params=BOARDS)
def server(request, tmp_path_factory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("state")
    directory = state / "eegrig" / "virtual" / request.param
    chip = open_chip(BOARDS[request.param], directory)
    base = chip.flash.base
    chip.flash.program(base, PROGRAMS["two_tasks"].code)
    chip.close()
    port = free_port()
    command = [Path(sys.executable).with_name("pyocd"), "gdbserver", "--no-config", "--persist"]
    command += ["-u", f"virtual:{request.param}", "-p", str(port), "-T", str(free_port())]
    with subprocess.Popen(
        [str(part) for part in command],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EEGRIG_STATE": str(state)},
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "GDB server listening" in line:
                break
        else:
            pytest.fail("".join(said))
        yield Server(port, base)
        process.terminate()
        process.stderr.close()


@pytest.fixture
def remote(server) -> Iterator[Remote]:
    remote = Remote(server.port)
    try:
        remote.ask("qSupported:multiprocess-;swbreak+;hwbreak+;vContSupported+")
        remote.ask("?")
        remote.ask(f"qRcmd,{b'reset halt'.hex()}")
        yield remote
        remote.ask("D")
    finally:
        remote.close()


def stop_at(remote: Remote, address: int) -> None:
    assert remote.ask(f"Z1,{address:x},2") == "OK"
    assert remote.ask("c").startswith("T05")
    assert remote.registers()[15] == address


def test_a_breakpoint_a_step_and_memory(server, remote):
    stop_at(remote, TASK_A)
    counted = remote.registers()[5]
    assert remote.ask("s").startswith("T05")
    registers = remote.registers()
    assert registers[15] == TASK_A_STORE
    assert registers[5] == counted + 1
    assert registers[13] == 0x2000_3800  # the task's own stack
    stored = remote.word(COUNTS)
    assert remote.ask("s").startswith("T05")
    assert remote.word(COUNTS) == counted + 1 != stored
    assert remote.word(server.base) == 0x2000_4000  # its vectors


def test_a_watchpoint_stops_behind_the_store_that_hits_it(remote):
    stop_at(remote, TASK_A)
    assert remote.ask(f"z1,{TASK_A:x},2") == "OK"
    assert remote.ask(f"Z2,{COUNTS + 4:x},4") == "OK"
    assert remote.ask(f"M{COUNTS + 4:x},4:00000000") == "OK"
    assert remote.ask("c").startswith("T05")
    assert remote.word(COUNTS + 4) == 2  # task B counts in twos
    assert remote.registers()[4] == COUNTS + 4
    assert remote.ask(f"z2,{COUNTS + 4:x},4") == "OK"


def test_other_kinds_of_watchpoints_and_software_breakpoints_are_taken(remote):
    for kind, length in ((0, 2), (3, 4), (4, 4)):
        assert remote.ask(f"Z{kind},{COUNTS:x},{length}") == "OK"
        assert remote.ask(f"z{kind},{COUNTS:x},{length}") == "OK"


def test_registers_and_memory_can_be_written(remote):
    stop_at(remote, TASK_A)
    assert remote.ask("P5=78563412") == "OK"
    assert remote.ask(f"M{COUNTS + 0x40:x},4:efbeadde") == "OK"
    assert remote.registers()[5] == 0x1234_5678
    assert remote.word(COUNTS + 0x40) == 0xDEAD_BEEF


@pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")
def test_gdb_itself(server, tmp_path):
    script = tmp_path / "commands"
    script.write_text(
        "set pagination off\n"
        "set architecture armv7e-m\n"
        f"target remote localhost:{server.port}\n"
        "monitor reset halt\n"
        "maintenance flush register-cache\n"
        f"hbreak *{TASK_A}\n"
        "continue\n"
        "stepi\n"
        'printf "at %x\\n", $pc\n'
        "delete\n"
        f"set {{int}}{COUNTS + 4} = 0\n"
        f"watch *(int *){COUNTS + 4}\n"
        "continue\n"
        f'printf "counted %d\\n", *(int *){COUNTS + 4}\n'
        'printf "control %d\\n", $control\n'
        "detach\n"
    )
    done = subprocess.run(
        ["gdb-multiarch", "-q", "-nx", "-batch", "-x", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"at {TASK_A_STORE:x}" in done.stdout, done.stderr
    assert "counted 2" in done.stdout
    assert "control 2" in done.stdout
