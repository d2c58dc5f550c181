"""pyOCD, in a process of its own, works on a board that runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import serial
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.boards.errors import InfrastructureError
from eegrig.hil.virtual import registry
from eegrig.hil.virtual.chip.nrf52840 import Nrf52840
from eegrig.hil.virtual.chip.signals import Ack, WireError
from eegrig.hil.virtual.clock import VirtualLoop
from eegrig.hil.virtual.debug_probe.remote_chip import RemoteChip
from eegrig.hil.virtual.device_server.probe_server import ProbeServer

UID = "virtual:headband8"
CTRL_STAT, SELECT, CSW, TAR, DRW, ABORT = 4, 8, 0, 4, 12, 0
POWER_UP = 0x5000_0000


def remote(name: str = "headband8") -> RemoteChip:
    return RemoteChip(name, registry.find(name).probe_socket)


def test_boards_that_are_up_are_among_the_probes(server):
    listed = server.run("pyocd", "list").stdout
    assert UID in listed
    assert "virtual:second" in listed
    assert "virtual:hairclip1" in listed  # one that is not up


def test_halting_and_resetting_act_on_the_board_that_runs(server, wait):
    done = server.run("pyocd", "commander", "-u", UID, "-c", "halt", "-c", "read32 0xc0000 8")
    assert done.returncode == 0, done.stderr
    assert "000c0000:" in done.stdout
    assert server.status("headband8")["state"] == "held by a debugger"
    assert server.status("second")["state"] == "running"
    with serial.Serial(server.status("headband8")["console"], timeout=0) as console:
        assert server.run("pyocd", "reset", "-u", UID).returncode == 0
        heard = b""

        def banner() -> bool:
            nonlocal heard
            heard += console.read(4096)
            return b"eegrig" in heard

        wait(banner)
    wait(lambda: server.status("headband8")["state"] == "running")


def test_a_board_that_runs_is_flashed_and_boots_what_was_flashed(server):
    console = server.status("headband8")["console"]
    done = server.eegrig("flash", "headband8", "--probe", UID, "--console", console)
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stdout
    assert "runs eegrig" in done.stdout


def test_pyocd_flashes_a_board_that_runs(server, tmp_path):
    data = os.urandom(16 * 1024)
    (tmp_path / "data.bin").write_bytes(data)
    done = server.run("pyocd", "flash", "-u", UID, "-a", "0x80000", tmp_path / "data.bin")
    assert done.returncode == 0, done.stderr
    flash = registry.state_directory("headband8") / "flash.bin"
    assert flash.read_bytes()[0x80000:][: len(data)] == data
    assert server.status("headband8")["state"] in ("running", "starting")


def test_a_second_client_is_told_who_has_the_probe(server):
    chip = remote()
    try:
        assert server.status("headband8")["probe_client"] == os.getpid()
        with pytest.raises(InfrastructureError, match=f"in use by process {os.getpid()}"):
            remote()
        done = server.run("pyocd", "reset", "-u", UID)
        assert done.returncode != 0
        assert f"in use by process {os.getpid()}" in done.stdout + done.stderr
    finally:
        chip.close()


def test_a_client_that_is_killed_lets_the_probe_go(server, wait):
    code = (
        "import time\n"
        "from eegrig.hil.virtual.debug_probe.probe import find\n"
        f"chip = find({UID!r}).open()\n"
        "print('open', flush=True)\n"
        "time.sleep(100)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], env=server.environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        process.kill()
    wait(lambda: server.status("headband8")["probe_client"] is None)
    remote().close()


def test_a_probe_that_is_pulled_out_fails_in_use_and_cannot_be_opened(server):
    chip = remote()
    try:
        assert chip.read_dp(0) != 0
        server.virtual("fault", "headband8", "unplug-probe")
        with pytest.raises(WireError, match="the probe is gone"):
            chip.read_dp(0)
        chip.close()
        with pytest.raises(InfrastructureError, match="plug-probe"):
            remote()
        # The board does not care.
        assert server.status("headband8")["state"] == "running"
    finally:
        chip.close()
        server.virtual("fault", "headband8", "plug-probe")
    remote().close()


# ---- the wire


READ, WRITE = "read", "write"
transactions = st.lists(
    st.one_of(
        st.tuples(st.just("read_dp"), st.sampled_from([0, CTRL_STAT])),
        st.tuples(st.just("write_dp"), st.just(SELECT), st.sampled_from([0, 0xF0])),
        st.tuples(st.just("write_ap"), st.just(CSW), st.just([0x2300_0012])),
        st.tuples(
            st.just("write_ap"),
            st.just(TAR),
            st.sampled_from([[0x2000_0000], [0x2000_0FF0], [0x6000_0000]]),
        ),
        st.tuples(
            st.just("write_ap"),
            st.just(DRW),
            st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=20),
        ),
        st.tuples(st.just("read_ap"), st.sampled_from([CSW, TAR, DRW]), st.integers(1, 20)),
        st.tuples(st.just("write_dp"), st.just(ABORT), st.just(0x1E)),
    ),
    max_size=30,
)


def outcome(chip: Nrf52840 | RemoteChip, steps: list[tuple]) -> list[object]:  # type: ignore[type-arg]
    """Return what a probe sees; a write's failure counts where it is told: at the next flush."""
    seen: list[object] = []
    for name, *arguments in steps:
        try:
            seen.append(getattr(chip.dap, name)(*arguments))
            chip.flush()
        except WireError as error:
            seen[len(seen) :] = [(error.ack, error.reason)]
    return [entry for entry in seen if entry is not None]


@settings(max_examples=30)
@given(steps=transactions)
def test_over_the_socket_a_chip_is_what_it_is_in_the_process(tmp_path_factory, steps):
    path = str(tmp_path_factory.mktemp("s") / "p")
    start = [("write_dp", CTRL_STAT, POWER_UP)]
    expected = outcome(Nrf52840(), start + steps)
    loop = VirtualLoop(pace=1.0)
    chip = Nrf52840()
    server = ProbeServer(loop, "x", chip, path)

    def client() -> list[object]:
        far = RemoteChip("x", path)
        try:
            return outcome(far, start + steps)
        finally:
            far.close()

    try:
        assert loop.run_until_complete(loop.run_in_executor(None, client)) == expected
    finally:
        server.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_a_client_that_wrote_and_left_is_not_in_the_way_of_the_next(tmp_path):
    loop = VirtualLoop(pace=1.0)
    chip = Nrf52840()
    path = str(tmp_path / "p")
    server = ProbeServer(loop, "x", chip, path)
    try:
        first = loop.run_until_complete(loop.run_in_executor(None, RemoteChip, "x", path))
        first.write_dp(CTRL_STAT, POWER_UP)
        first.write_ap(CSW, [0x2300_0012])
        first.write_ap(TAR, [0x2000_0000])
        for word in (1, 2):
            first.write_ap(DRW, [word] * 8192)  # more than is read at once
        first.close()
        # The server has seen none of that yet: the writes, the end and the next come at once.
        second = loop.run_until_complete(loop.run_in_executor(None, RemoteChip, "x", path))
        second.close()
    finally:
        server.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert chip.bus.read(0x2000_0000, 4) == 2


def test_after_a_write_that_failed_nothing_is_done_until_it_is_told(tmp_path):
    loop = VirtualLoop(pace=1.0)
    chip = Nrf52840()
    server = ProbeServer(loop, "x", chip, str(tmp_path / "p"))

    def client() -> None:
        far = RemoteChip("x", str(tmp_path / "p"))
        far.write_dp(CTRL_STAT, POWER_UP)
        far.write_ap(CSW, [0x2300_0012])
        far.write_ap(TAR, [0x6000_0000])  # nothing is there
        far.write_ap(DRW, [1])
        far.write_ap(TAR, [0x2000_0000])
        far.write_ap(DRW, [1])
        with pytest.raises(WireError) as told:
            far.read_ap(TAR)
        assert told.value.ack is Ack.FAULT
        far.write_dp(ABORT, 0x1E)
        assert far.read_ap(TAR) == [0x6000_0000]
        far.close()

    try:
        loop.run_until_complete(loop.run_in_executor(None, client))
    finally:
        server.close()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert chip.bus.read(0x2000_0000, 4) == 0
