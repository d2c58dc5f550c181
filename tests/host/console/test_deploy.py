"""Deploy, on virtual boards of both ports: what arrives, what survives, and what is refused."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault, InfrastructureError
from eegrig.host.commands import cli
from eegrig.host.console import board_repl
from eegrig.host.console.board_repl import BoardFull, BoardRepl
from eegrig.host.console.console import BootFailure, Console
from eegrig.host.console.deploy import deploy
from eegrig.host.console.serial_port import open_port
from eegrig.host.image.application import Application, build_application, default_firmware
from eegrig.host.image.firmware_image import ImageContents, build_image, read_image
from eegrig.host.image.layout import layout_of
from eegrig.host.image.manifest import MANIFEST, decode_manifest, entries_of, image_hash
from eegrig.host.image.region import pack_region
from tests.host.virtual_device import VirtualDevice
from tests.power_cuts import Reader, states_after_cuts

BOARDS = ["headband8", "nucleo-wb55-ads1299"]  # zephyr and stm32, two kinds of flash memory
MAIN = """
import board_config, build_info, helper, time
print("eegrig", build_info.VERSION, board_config.NAME, "image", build_info.IMAGE_HASH.hex())
print("helper says", helper.WORD)
while True:
    time.sleep_ms(100)
"""


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    """A small firmware that says what it is."""
    root = tmp_path / "firmware"
    (root / "pack" / "age").mkdir(parents=True)
    (root / "main.py").write_text(MAIN)
    (root / "helper.py").write_text("WORD = 'one'\n")
    (root / "pack" / "age" / "deep.py").write_text("")
    (root / "table.dat").write_bytes(bytes(range(256)) * 20)
    return root


@pytest.fixture
def device(tmp_path: Path, firmware: Path) -> Iterator[VirtualDevice]:
    image = build_image(load_board("headband8"), firmware)
    with VirtualDevice("headband8", tmp_path / "chip", image.data) as device:
        yield device


def change(firmware: Path, word: str) -> None:
    (firmware / "helper.py").write_text(f"WORD = {word!r}\n")


def deployed(device: VirtualDevice, application: Application, **options):
    with BoardRepl.open(device.port) as repl:
        return deploy(repl, device.board, application, **options)


def booted(repl: BoardRepl) -> bytes:
    """Return which firmware says that it starts."""
    repl.port.timeout = 0
    identity = asyncio.run(Console(repl.port, repl.url).identity())
    return bytes.fromhex(identity.image_hash)


# --- what arrives --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOARDS)
def test_the_real_firmware_is_deployed_and_only_what_changed_is_sent(tmp_path, name):
    board = load_board(name)
    sources = tmp_path / "firmware"
    shutil.copytree(default_firmware(), sources)
    with VirtualDevice(name, tmp_path / "chip", build_image(board, sources).data) as device:
        codes = sources / "eeg" / "codes.py"
        codes.write_text(codes.read_text() + "\nADDED = 1\n")
        application = build_application(board, sources)
        report = deployed(device, application)
        # The file, and what names the firmware: its identity and its manifest.
        assert (report.slot, report.sent, report.kept) == ("b", 3, 0)
        assert report.copied == len(application.files) - 3
        assert not report.loader_differs
        contents = device.contents()
        assert contents.slot_state.next_boot == "b"
        assert contents.intact
        assert contents.image_hash == application.image_hash
        sent = device.written
        again = deployed(device, application)
        assert (again.slot, again.sent, again.copied, again.bytes_sent) == ("b", 0, 0, 0)
        assert device.written - sent < 2500, "the script, and nothing else"


def test_files_and_folders_come_and_go(device, firmware):
    (firmware / "table.dat").unlink()
    shutil.rmtree(firmware / "pack")
    (firmware / "new" / "folder").mkdir(parents=True)
    (firmware / "new" / "folder" / "x.py").write_text("X = 1\n")
    application = build_application(device.board, firmware)
    deployed(device, application)
    assert device.contents().slot("b") == dict(application.files)
    # And back, into a slot that holds something else.
    (firmware / "new" / "folder" / "x.py").unlink()
    change(firmware, "two")
    application = build_application(device.board, firmware)
    assert deployed(device, application).slot == "a"
    assert device.contents().slot("a") == dict(application.files)


def test_a_file_system_full_of_something_else_is_told_and_the_old_firmware_goes_on(
    device, firmware
):
    before = device.contents().image_hash
    device.fill(150_000)
    (firmware / "table.dat").write_bytes(os.urandom(20_000))
    application = build_application(device.board, firmware)
    with BoardRepl.open(device.port) as repl:
        full = "file system is full: remove what is not the firmware's"
        with pytest.raises(BoardFull, match=full):
            deploy(repl, device.board, application)
        assert booted(repl) == before
    contents = device.contents()
    assert (contents.slot_state.next_boot, contents.intact) == ("a", True)
    assert contents.image_hash == before


def test_firmware_that_fails_to_boot_shows_its_traceback_and_the_next_one_mends_it(
    device, firmware
):
    (firmware / "helper.py").write_text("WORD = 1 / 0\n")
    broken = MAIN.replace("import board_config, build_info, helper, time", "import helper", 1)
    (firmware / "main.py").write_text(broken)
    with pytest.raises(BootFailure, match="ZeroDivisionError") as caught:
        deployed(device, build_application(device.board, firmware))
    assert 'File "helper.py", line 1' in caught.value.traceback
    (firmware / "main.py").write_text(MAIN)
    change(firmware, "mended")
    assert deployed(device, build_application(device.board, firmware)).slot == "a"


# --- what survives -------------------------------------------------------------------------------


def intact_hash(files: dict[str, bytes]) -> bytes:
    """Return the hash of the firmware that boots next, which is all there."""
    contents = ImageContents(files)
    boots = contents.slot(contents.slot_state.next_boot)
    assert decode_manifest(boots[MANIFEST]).files == entries_of(boots)
    return image_hash(boots)


@pytest.mark.parametrize("name", BOARDS)
def test_a_power_cut_at_any_flash_operation_leaves_a_whole_firmware_that_can_be_deployed_to(
    tmp_path, firmware, name, record_testsuite_property
):
    """An update over the air that was about to be tried; then the old one; then the new one."""
    board = load_board(name)
    layout = layout_of(board)
    old = build_image(board, firmware)
    change(firmware, "update")
    update = build_application(board, firmware)
    change(firmware, "new")
    (firmware / "more.dat").write_bytes(bytes(5000))
    new = build_application(board, firmware)
    files = dict(read_image(old.data).files)
    files |= {f"b/{path}": data for path, data in update.files.items()}
    image = pack_region(files, layout).data
    with (
        VirtualDevice(name, tmp_path / "chip", image) as device,
        BoardRepl.open(device.port) as repl,
    ):
        repl.stop()
        repl.run("import slots\nslots.write('a', slots.NEW)")
        before, granule = device.flash(), device.virtual.chip.flash.granule
        with device.recorded() as operations:
            deploy(repl, board, new)
        after = device.flash()
    reader = Reader(layout)
    checked: dict[str, bytes] = {}
    next_boots: list[bytes] = []
    left = b""
    # With a file system in the slot that can be read, and without.
    samples: dict[bool, list[bytes]] = {False: [], True: []}
    cuts = 0
    states = states_after_cuts(before, operations, granule, granule)
    for cuts, left in enumerate(states, 1):
        found = reader.files(left)
        if found is not checked:
            checked = found
            next_boots.append(intact_hash(found))
        if cuts % 101 == 0:
            kind = bool(read_image(left, layout).unreadable)
            samples[kind].append(left)
    assert left == after
    runs = [known for known, _ in itertools.groupby(next_boots)]
    assert runs == [update.image_hash, old.image_hash, new.image_hash]
    record_testsuite_property(f"cut points: deploy, {name}", cuts)
    assert cuts > 500
    rng = random.Random(3)
    chosen = rng.sample(samples[False], 3)
    if layout.divided:
        chosen += rng.sample(samples[True], 3)
    for n, left in enumerate(chosen):
        with VirtualDevice(name, tmp_path / f"cut{n}", left) as device:
            deployed(device, new)
            assert device.contents().intact
            assert device.contents().image_hash == new.image_hash


def test_a_cable_pulled_during_the_transfer_leaves_the_old_firmware(device, firmware):
    before = device.contents().image_hash
    (firmware / "table.dat").write_bytes(os.urandom(10_000))
    application = build_application(device.board, firmware)

    def pull(fraction: float) -> None:
        if fraction > 0.5:
            device.unplug()

    with pytest.raises(InfrastructureError, match="stopped answering: check the cable"):
        deployed(device, application, progress=pull)
    contents = device.contents()
    assert (contents.slot_state.next_boot, contents.intact) == ("a", True)
    assert contents.image_hash == before


def test_ctrl_c_during_the_transfer_starts_the_old_firmware_again(device, firmware):
    before = device.contents().image_hash
    (firmware / "table.dat").write_bytes(os.urandom(10_000))
    application = build_application(device.board, firmware)

    def interrupt(fraction: float) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with BoardRepl.open(device.port) as repl:
        with pytest.raises(KeyboardInterrupt):
            deploy(repl, device.board, application, progress=interrupt)
        assert booted(repl) == before


# --- what is refused -----------------------------------------------------------------------------


def test_another_board_is_refused_unless_forced(device, firmware):
    other = load_board("hairclip1")
    application = build_application(other, firmware)
    with BoardRepl.open(device.port) as repl:
        with pytest.raises(BoardFault, match="is headband8, and this is for hairclip1"):
            deploy(repl, other, application)
        assert device.contents().slot("b") == {}
        assert deploy(repl, other, application, force=True).board == "hairclip1"


def test_a_board_without_the_loader_is_told_to_be_flashed(tmp_path, firmware):
    board = load_board("headband8")
    bare = pack_region({"main.py": b"print('bare')\n"}, layout_of(board)).data
    with VirtualDevice(board.name, tmp_path / "chip", bare) as device:
        with pytest.raises(BoardFault, match="no loader of eegrig: flash it once"):
            deployed(device, build_application(board, firmware))
        assert set(device.contents().files) == {"main.py"}


def test_a_loader_of_another_version_is_told(tmp_path, firmware):
    board = load_board("headband8")
    files = dict(read_image(build_image(board, firmware).data).files)
    files["boot.py"] += b"# of another version\n"
    image = pack_region(files, layout_of(board)).data
    change(firmware, "two")
    with VirtualDevice(board.name, tmp_path / "chip", image) as device:
        assert deployed(device, build_application(board, firmware)).loader_differs


def test_a_port_nobody_answers_on_is_told(monkeypatch):
    monkeypatch.setattr(board_repl, "_ATTEMPTS", 1)
    monkeypatch.setattr(board_repl, "_ANSWER_TIMEOUT_S", 0.2)
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        with (
            BoardRepl.open(os.ttyname(slave)) as repl,
            pytest.raises(InfrastructureError, match="no MicroPython answers on /dev/pts"),
        ):
            repl.stop()
    finally:
        os.close(master)
        os.close(slave)


# --- the port ------------------------------------------------------------------------------------

HOLD = """
import sys, serial
port = serial.serial_for_url(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_port_in_use_names_who_uses_it(eegrig_main, terminal):
    command = [sys.executable, "-c", HOLD, terminal]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for command in (("deploy", "headband8", "--port", terminal), ("console", terminal)):
            code, _, err = eegrig_main(*command)
            assert code == 3
            assert err.count("\n") == 1
            assert f"the port {terminal} is in use by python" in err
            assert f"(process {holder.pid}): end it" in err
        holder.stdin.close()  # type: ignore[union-attr]


@pytest.fixture
def terminal() -> Iterator[str]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


@pytest.fixture
def eegrig_main(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[object, str, str]]:
    """Run the command line in this process."""
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    monkeypatch.delenv("EEGRIG_DEBUG", raising=False)

    def run(*arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        return (caught.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("command", [("deploy", "headband8", "--port"), ("console",)])
def test_a_port_that_is_not_there_is_one_line(eegrig_main, command):
    code, out, err = eegrig_main(*command, "/dev/tty-nothing")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "there is no port /dev/tty-nothing: plug the board in or name another; there " in err


def test_a_syntax_error_never_reaches_the_port(eegrig_main, firmware):
    (firmware / "helper.py").write_text("WORD = (\n")
    port = ("--port", "/dev/tty-nothing")  # which would be an error of its own
    code, _, err = eegrig_main("deploy", "headband8", *port, "--firmware", str(firmware))
    assert code == 2
    assert "helper.py:2: SyntaxError" in err


def test_firmware_too_large_for_two_slots_never_reaches_the_port(eegrig_main, firmware):
    (firmware / "big.dat").write_bytes(bytes(150_000))
    port = ("--port", "/dev/tty-nothing")
    code, _, err = eegrig_main("deploy", "headband8", *port, "--firmware", str(firmware))
    assert code == 2
    assert "once, not twice" in err


# --- the command ---------------------------------------------------------------------------------


def test_deploy_as_json_and_in_words(eegrig_main, device, firmware):
    change(firmware, "two")
    arguments = ("deploy", "headband8", "--port", device.port, "--firmware", str(firmware))
    code, out, _ = eegrig_main(*arguments, "--json")
    assert code == 0
    report = json.loads(out)
    assert (report["board"], report["slot"], report["sent"]) == ("headband8", "b", 3)
    assert report["image_hash"] == device.contents().image_hash.hex()
    code, out, _ = eegrig_main(*arguments)
    assert code == 0
    assert out.startswith("headband8: runs eegrig ")
    assert "in slot b; 0 files sent (0 bytes)" in out


class Command:
    """A command of eegrig in a process of its own, whose output can be waited for."""

    def __init__(self, *arguments: str, **options) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from eegrig.host.commands.cli import main; main()", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )
        self.said = b""

    def wait_for(self, pattern: str) -> None:
        """Read until the output, from where the last call stopped, has the pattern."""
        stream = self.process.stdout
        assert stream is not None
        while True:
            found = re.search(pattern.encode(), self.said)
            if found is not None:
                self.said = self.said[found.end() :]
                return
            data = os.read(stream.fileno(), 4096)
            assert data, f"it ended without {pattern!r}: {self.said!r}"
            self.said += data

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        with self.process.stdout:
            self.process.stdout.read()
        return self.process.wait(20)


@pytest.fixture
def command() -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start(*arguments: str, **options) -> Command:
        started.append(Command(*arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        for stream in (one.process.stdin, one.process.stdout):
            if stream is not None:
                stream.close()


def test_watch_deploys_every_change_and_goes_on_after_an_error(command, device, firmware):
    port = ("--port", device.port)
    watching = command("deploy", "headband8", *port, "--firmware", str(firmware), "--watch")
    watching.wait_for("in slot a; 0 files sent")
    watching.wait_for("helper says one")
    change(firmware, "two")
    watching.wait_for("in slot b; 3 files sent")
    watching.wait_for("helper says two")
    (firmware / "helper.py").write_text("WORD = (\n")
    watching.wait_for(r"eegrig: helper\.py:2: SyntaxError")
    (firmware / "helper.py").write_text("WORD = 1 / 0\n")
    watching.wait_for(r"eegrig: the firmware fails to boot: ZeroDivisionError")
    change(firmware, "four")
    watching.wait_for("helper says four")
    assert watching.end() == 130
    # And whoever comes next finds the port free, and the board running.
    with open_port(device.port, timeout_s=10) as opened:
        opened.write(b"\x03\x04")
        assert opened.read_until(b"helper says four\r\n")


# --- the console ---------------------------------------------------------------------------------


def test_console_takes_a_script_from_a_pipe_and_keeps_a_log(command, device, tmp_path):
    log = tmp_path / "log"
    talking = command("console", device.port, "--log", str(log), stdin=subprocess.PIPE)
    talking.process.stdin.write(b"\x03print(6 * 7)\nprint('last')\n")
    talking.process.stdin.close()
    talking.wait_for(r"42\r\n(?s:.*)\r\nlast\r\n")
    assert talking.process.wait(20) == 0
    assert b"\r\n42\r\n" in log.read_bytes()


def test_console_resets_the_board(command, device):
    talking = command("console", device.port, "--reset", stdin=subprocess.PIPE)
    talking.wait_for("soft reboot")
    talking.wait_for("eegrig .* headband8 image")
    talking.process.stdin.close()
    assert talking.process.wait(20) == 0


def test_console_in_a_terminal_passes_ctrl_c_on_and_leaves_with_its_key(command, device):
    master, slave = pty.openpty()
    try:
        talking = command("console", device.port, stdin=slave)
        talking.wait_for(r"Ctrl-\] leaves")
        os.write(master, b"\x03")
        talking.wait_for(">>> ")
        os.write(master, b"1 + 41\r")
        talking.wait_for("\r\n42\r\n")
        os.write(master, b"\x1d")
        assert talking.process.wait(20) == 0
    finally:
        os.close(master)
        os.close(slave)
