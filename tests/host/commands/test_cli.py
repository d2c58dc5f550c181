from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest
import typer

from eegrig.boards import list_boards, load_board
from eegrig.boards.errors import BoardFault, ConfigError, EegrigError, InfrastructureError
from eegrig.host.commands import cli
from eegrig.host.commands.output import JsonOption
from eegrig.host.console.console import BootFailure
from eegrig.host.image.file_system import pack
from eegrig.host.image.firmware_image import build_image, read_image

Run = Callable[..., "Ended"]


class Ended:
    """How a command ended: exit code and what it printed."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def eegrig(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        return Ended(caught.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def with_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Install a package that adds a command `try` through the entry points."""

    def install(body: Callable[[], None]) -> None:
        def command(*, as_json: JsonOption = False) -> None:
            body()

        def register(app: typer.Typer) -> None:
            app.command("try")(command)

        class Point:
            name = "test"

            def load(self) -> Callable[[typer.Typer], None]:
                return register

        monkeypatch.setattr(cli, "entry_points", lambda group: [Point()])

    return install


@pytest.fixture(autouse=True)
def no_other_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("EEGRIG_DEBUG", raising=False)


# --- the application -----------------------------------------------------------------------------


def test_without_a_command_it_shows_its_help(eegrig: Run) -> None:
    ended = eegrig()
    assert ended.code == 0
    for command in ("boards", "build", "flash"):
        assert f"\n  {command} " in ended.out


@pytest.mark.parametrize(
    "command", ["boards", "build", "image", "flash", "deploy", "console", "doctor"]
)
def test_every_command_has_examples(eegrig: Run, command: str) -> None:
    ended = eegrig(command, "--help")
    assert ended.code == 0
    assert f"Examples:\n    eegrig {command}" in ended.out


def test_version(eegrig: Run) -> None:
    assert eegrig("--version").out == f"eegrig {version('eegrig')}\n"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "gbk"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "latin-1", "gbk", "C"],
)
def test_a_stream_that_lacks_a_character_gets_something_else(
    surroundings: dict[str, str], as_json: bool
) -> None:
    script = (
        "import typer\n"
        "from eegrig.host.commands import cli\n"
        "from eegrig.host.commands.output import print_json, print_table\n"
        "def say(as_json: bool = typer.Option(False, '--json')):\n"
        "    if as_json: print_json({'\\u00b5': '\\u2264 \\u03a9'})\n"
        "    else: print_table(['\\u00b5'], [['\\u2264 \\u03a9']])\n"
        "    for err in (False, True)[as_json:]: typer.echo('\\u2713', err=err)\n"
        "cli.make_app = lambda: (app := typer.Typer(), app.command('say')(say),"
        " app.callback()(lambda: None))[0]\n"
        f"cli.main({['say', *(['--json'] * as_json)]})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **surroundings},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    if as_json:
        encoding = "gbk" if "gbk" in surroundings.values() else "latin-1"
        assert json.loads(done.stdout.decode(encoding)) == {"µ": "≤ Ω"}


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from eegrig.host.commands.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1].replace("'", '"')))
    heavy = {"numpy", "scipy", "matplotlib", "pyocd", "bleak", "bumble", "unicorn", "edfio", "mne"}
    heavy |= {"sqlalchemy", "alembic", "psycopg"}
    assert not heavy & loaded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "eegrig: No such command 'nonsense'; see `eegrig --help`\n"),
        (["boards", "--x"], "eegrig: No such option: --x; see `eegrig boards --help`\n"),
        (["flash"], "eegrig: Missing argument 'board'; see `eegrig flash --help`\n"),
    ],
)
def test_wrong_usage_is_one_line_and_2(eegrig: Run, arguments: list[str], message: str) -> None:
    ended = eegrig(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.lower() == message.lower()


def test_wrong_usage_is_json_where_json_is_asked_for(eegrig: Run) -> None:
    ended = eegrig("boards", "--json", "--x")
    assert (ended.code, ended.err) == (2, "")
    assert json.loads(ended.out)["exit_code"] == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(BoardFault("wrong"), 1), (ConfigError("wrong"), 2), (InfrastructureError("wrong"), 3)],
)
def test_an_error_is_one_line_and_its_exit_code(
    eegrig: Run, with_command: Callable[..., None], error: EegrigError, code: int
) -> None:
    def fail() -> None:
        raise error

    with_command(fail)
    ended = eegrig("try")
    assert (ended.code, ended.out, ended.err) == (code, "", "eegrig: wrong\n")
    ended = eegrig("try", "--json")
    assert (ended.code, ended.err) == (code, "")
    assert json.loads(ended.out) == {"error": "wrong", "exit_code": code}


def test_a_firmware_that_fails_to_boot_shows_its_traceback(
    eegrig: Run, with_command: Callable[..., None]
) -> None:
    traceback = 'Traceback (most recent call last):\n  File "main.py", line 1\nValueError: no'

    def fail() -> None:
        raise BootFailure(traceback)

    with_command(fail)
    ended = eegrig("try")
    assert ended.code == 1
    assert ended.err.startswith(traceback + "\neegrig: the firmware fails to boot: ValueError: no")
    assert json.loads(eegrig("try", "--json").out)["traceback"] == traceback


def test_a_bug_is_one_line_unless_somebody_debugs(
    eegrig: Run, with_command: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("x")

    with_command(fail)
    ended = eegrig("try")
    assert ended.code == 3
    assert ended.err == "eegrig: internal error, KeyError: 'x'; EEGRIG_DEBUG=1 shows where\n"
    monkeypatch.setenv("EEGRIG_DEBUG", "1")
    with pytest.raises(KeyError):
        cli.main(["try"])


def test_an_interrupt_ends_with_130(eegrig: Run, with_command: Callable[..., None]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with_command(interrupted)
    assert eegrig("try").code == 130


def test_an_interrupt_that_a_library_made_another_exception_of_ends_with_130(
    eegrig: Run, with_command: Callable[..., None]
) -> None:
    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    with_command(interrupted)
    ended = eegrig("try")
    assert (ended.code, ended.err) == (130, "")


def test_a_command_chooses_its_exit_code(eegrig: Run, with_command: Callable[..., None]) -> None:
    def missed() -> None:
        raise typer.Exit(1)

    with_command(missed)
    assert eegrig("try").code == 1


def test_a_package_that_cannot_be_imported_takes_no_other_command_along(
    eegrig: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("broken", "eegrig_does_not_exist:register", "eegrig.commands")
    monkeypatch.setattr(cli, "entry_points", lambda group: [point])
    ended = eegrig("boards")
    assert ended.code == 0
    assert "headband8" in ended.out
    assert ended.err == (
        "eegrig: no commands of 'broken': No module named 'eegrig_does_not_exist'\n"
    )


# --- boards --------------------------------------------------------------------------------------


def test_boards_lists_what_they_are_on_one_screen(eegrig: Run) -> None:
    ended = eegrig("boards")
    for word in ("headband8", "headband", "nrf52840", "ads1299"):
        assert word in ended.out
    lines = ended.out.splitlines()
    assert len(lines) <= 24
    assert max(len(line.rstrip()) for line in lines) <= 80


def test_one_board_is_listed_with_all_that_it_promises(eegrig: Run) -> None:
    ended = eegrig("boards", "headband8")
    assert ended.code == 0
    targets = load_board("headband8").targets
    assert f"power.streaming ≤ {targets['power.streaming'].limit:g} W" in ended.out.splitlines()
    assert all(name in ended.out for name in targets)
    assert "hairclip1" not in ended.out
    assert eegrig("boards", "no-such-board").code == 2


def test_boards_as_json(eegrig: Run) -> None:
    boards = {board["name"]: board for board in json.loads(eegrig("boards", "--json").out)}
    board = boards["headband8"]
    assert len(board["channels"]) == 8
    assert board["targets"]["power.streaming"]["unit"] == "W"


# --- build ---------------------------------------------------------------------------------------


@pytest.fixture
def small_firmware(tmp_path: Path) -> Path:
    folder = tmp_path / "firmware"
    folder.mkdir()
    # Too long for LittleFS to keep it beside its name, where it would be under a checksum.
    (folder / "main.py").write_text("print('hello')\n" * 60)
    return folder


def test_build_writes_an_image(eegrig: Run, tmp_path: Path, small_firmware: Path) -> None:
    image = tmp_path / "image.bin"
    ended = eegrig("build", "headband8", "-o", str(image), "--firmware", str(small_firmware))
    assert ended.code == 0
    assert "headband8" in ended.out
    assert image.stat().st_size == 0x4_0000


def test_build_as_json_tells_every_file(eegrig: Run, tmp_path: Path, small_firmware: Path) -> None:
    image = str(tmp_path / "image.hex")
    ended = eegrig("build", "headband8", "-o", image, "--firmware", str(small_firmware), "--json")
    built = json.loads(ended.out)
    assert built["path"] == image
    assert len(built["image_hash"]) == 64
    assert "main.mpy" in [file["path"] for file in built["files"]]


def test_build_of_an_unknown_board(eegrig: Run, tmp_path: Path) -> None:
    ended = eegrig("build", "headband9", "-o", str(tmp_path / "image.bin"))
    assert ended.code == 2
    assert "unknown board 'headband9'" in ended.err
    assert "headband8" in ended.err


def test_build_shows_what_takes_how_much_room(
    eegrig: Run, tmp_path: Path, small_firmware: Path
) -> None:
    image = tmp_path / "image.bin"
    ended = eegrig("build", "headband8", "-o", str(image), "--firmware", str(small_firmware))
    assert re.search(r"^main\.mpy +\d+ +1 *$", ended.out, re.MULTILINE)
    assert "(loader)" in ended.out
    assert re.search(r"\d+ KiB of 256 KiB used, \d+ KiB free, \d+ KiB beside an update", ended.out)


def test_build_warns_of_an_image_that_cannot_be_updated(
    eegrig: Run, tmp_path: Path, small_firmware: Path
) -> None:
    (small_firmware / "big.dat").write_bytes(bytes(150_000))
    image = tmp_path / "image.bin"
    ended = eegrig("build", "headband8", "-o", str(image), "--firmware", str(small_firmware))
    assert ended.code == 0
    assert "big.dat first" in ended.err
    assert ended.err.count("\n") == 1


def test_build_all_makes_an_image_and_a_manifest_of_every_board(
    eegrig: Run, tmp_path: Path, small_firmware: Path
) -> None:
    firmware = ("--firmware", str(small_firmware))
    built = json.loads(eegrig("build", "--all", "-o", str(tmp_path), *firmware, "--json").out)
    assert [one["board"] for one in built] == list_boards()
    for one in built:
        assert (tmp_path / f"{one['board']}.bin").stat().st_size == one["size"]
        assert (
            json.loads((tmp_path / f"{one['board']}.json").read_text())["sha256"] == one["sha256"]
        )


@pytest.mark.parametrize("arguments", [(), ("headband8", "--all")])
def test_build_wants_one_board_or_all(
    eegrig: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = eegrig("build", *arguments, "-o", str(tmp_path / "x.bin"))
    assert ended.code == 2
    assert "name one board, or give --all" in ended.err


# --- image ---------------------------------------------------------------------------------------


@pytest.fixture
def keys(eegrig: Run, tmp_path: Path) -> tuple[Path, Path]:
    """Two private keys."""
    paths = (tmp_path / "release.pem", tmp_path / "other.pem")
    for path in paths:
        eegrig("key", "new", str(path))
    return paths


@pytest.mark.parametrize("suffix", [".bin", ".hex"])
def test_a_signed_image_says_so_and_stands_against_its_key_only(
    eegrig: Run, tmp_path: Path, small_firmware: Path, keys: tuple[Path, Path], suffix: str
) -> None:
    path = str(tmp_path / f"image{suffix}")
    firmware = ("--firmware", str(small_firmware))
    built = json.loads(
        eegrig("build", "headband8", "-o", path, *firmware, "--key", str(keys[0]), "--json").out
    )
    assert len(built["signature"]) == 128
    ended = eegrig("image", path, "--key", f"{keys[0]}.pub", "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert (found["board"], found["intact"], found["signed"]) == ("headband8", True, True)
    assert found["image_hash"] == built["image_hash"]
    wrong = eegrig("image", path, "--key", f"{keys[1]}.pub")
    assert wrong.code == 1
    assert "signed with another key" in wrong.err


def test_an_image_that_is_not_signed_does_not_stand_against_a_key(
    eegrig: Run, image: Path, keys: tuple[Path, Path]
) -> None:
    assert "intact, not signed" in eegrig("image", str(image)).out
    ended = eegrig("image", str(image), "--key", f"{keys[0]}.pub")
    assert ended.code == 1
    assert "the firmware is not signed" in ended.err


def test_a_damaged_image_is_found(eegrig: Run, image: Path) -> None:
    data = bytearray(image.read_bytes())
    at = data.index(b"hello")
    data[at : at + 5] = b"prinT"
    image.write_bytes(bytes(data))
    ended = eegrig("image", str(image))
    assert ended.code == 1
    assert "damaged" in ended.out
    assert "its files are not those its manifest names" in ended.err
    assert "not the file that" in ended.err


def test_a_file_that_is_no_image_is_refused(eegrig: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\xff" * 0x4_0000)
    ended = eegrig("image", str(path))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)


# --- flash ---------------------------------------------------------------------------------------


@pytest.fixture
def image(eegrig: Run, tmp_path: Path, small_firmware: Path) -> Path:
    path = tmp_path / "image.bin"
    eegrig("build", "headband8", "-o", str(path), "--firmware", str(small_firmware))
    return path


@pytest.fixture
def image_hash(eegrig: Run, tmp_path: Path, small_firmware: Path) -> str:
    path = str(tmp_path / "same.bin")
    ended = eegrig("build", "headband8", "-o", path, "--firmware", str(small_firmware), "--json")
    return str(json.loads(ended.out)["image_hash"])


def flash(eegrig: Run, image: Path, *more: str) -> Ended:
    probe = ("--probe", "virtual:headband8")
    return eegrig("flash", "headband8", *probe, "--image", str(image), *more)


def test_flash_programs_and_verifies(eegrig: Run, image: Path, image_hash: str) -> None:
    report = json.loads(flash(eegrig, image, "--json").out)
    assert report["verified"] is True
    assert report["image_hash"] == image_hash
    assert report["bytes_programmed"] > 0
    assert report["identity"] is None
    again = flash(eegrig, image)
    assert again.code == 0
    assert f"image {image_hash[:12]} in flash memory and verified, 0 bytes programmed" in again.out


def test_flash_of_a_hex_image_is_the_same(
    eegrig: Run, tmp_path: Path, image: Path, small_firmware: Path
) -> None:
    path = tmp_path / "image.hex"
    eegrig("build", "headband8", "-o", str(path), "--firmware", str(small_firmware))
    first = json.loads(flash(eegrig, image, "--json").out)
    second = json.loads(flash(eegrig, path, "--json").out)
    assert second["image_hash"] == first["image_hash"]
    assert second["bytes_programmed"] == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ""),
        (b"\xff" * 0x4_0000, ""),
        (bytes(0x4_0001), "only 262144"),
    ],
)
def test_a_file_that_is_no_image_is_not_flashed(
    eegrig: Run, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "wrong.bin"
    path.write_bytes(content)
    ended = flash(eegrig, path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert reason in ended.err


def test_a_damaged_image_is_not_flashed(eegrig: Run, image: Path) -> None:
    data = bytearray(image.read_bytes())
    at = data.index(b"hello")
    data[at : at + 5] = b"prinT"
    image.write_bytes(bytes(data))
    ended = flash(eegrig, image)
    assert ended.code == 2
    assert "damaged" in ended.err


def test_an_image_of_blocks_that_the_port_does_not_mount_is_one_line(
    eegrig: Run, tmp_path: Path
) -> None:
    built = build_image(load_board("nucleo-wb55-ads1299"))
    image = tmp_path / "image.bin"
    image.write_bytes(pack(read_image(built.data).files, len(built.data), 4096)[0])
    ended = eegrig("flash", "nucleo-wb55-ads1299", "--probe", "nobody", "--image", str(image))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"eegrig: {image} has a file system of 4096-byte blocks, and the stm32 port of "
        "nucleo-wb55-ads1299 mounts 512-byte blocks only: build it with "
        "`eegrig build nucleo-wb55-ads1299`\n"
    )


def test_a_missing_image_is_one_line(eegrig: Run, tmp_path: Path) -> None:
    ended = flash(eegrig, tmp_path / "nowhere.bin")
    assert (ended.code, ended.out) == (2, "")
    assert "cannot read the image" in ended.err


def test_an_unknown_probe_is_infrastructure(eegrig: Run, image: Path) -> None:
    ended = eegrig("flash", "headband8", "--probe", "virtual:nothing", "--image", str(image))
    assert ended.code == 3
    assert ended.err.startswith("eegrig: no debug probe")


@pytest.fixture
def talking_console() -> Iterator[Callable[[bytes], str]]:
    """A console on which a board says something, over and over, like one that boots again."""
    board, host = pty.openpty()
    tty.setraw(host)
    os.set_blocking(board, False)
    done = threading.Event()
    threads = []

    def says(text: bytes) -> str:
        def talk() -> None:
            while not done.wait(0.02):
                # Nobody may be listening any more, and then the terminal fills up.
                with contextlib.suppress(BlockingIOError):
                    os.write(board, text)

        threads.append(threading.Thread(target=talk))
        threads[-1].start()
        return os.ttyname(host)

    yield says
    done.set()
    for thread in threads:
        thread.join()
    os.close(host)
    os.close(board)


def banner(board: str, image_hash: str) -> bytes:
    return f"eegrig 0.1.0 {board} image {image_hash}\r\n".encode()


def test_flash_compares_what_boots(
    eegrig: Run, image: Path, image_hash: str, talking_console: Callable[[bytes], str]
) -> None:
    url = talking_console(banner("headband8", image_hash))
    report = json.loads(flash(eegrig, image, "--console", url, "--json").out)
    assert report["identity"] == {
        "version": "0.1.0",
        "board": "headband8",
        "image_hash": image_hash,
    }


@pytest.mark.parametrize(
    ("board", "image_of_board", "reason"),
    [("headband4", None, "says it is headband4"), ("headband8", "f" * 64, "runs image ffffffff")],
)
def test_another_firmware_than_flashed_is_the_boards_fault(
    eegrig: Run,
    image: Path,
    image_hash: str,
    talking_console: Callable[[bytes], str],
    board: str,
    image_of_board: str | None,
    reason: str,
) -> None:
    url = talking_console(banner(board, image_of_board or image_hash))
    ended = flash(eegrig, image, "--console", url)
    assert ended.code == 1
    assert reason in ended.err


def test_flash_says_which_way_it_took(eegrig: Run, image: Path, tmp_path: Path) -> None:
    assert "the whole file system was written anew: there is no" in flash(eegrig, image).out
    assert "slot a held this firmware already" in flash(eegrig, image).out
    other = tmp_path / "other"
    other.mkdir()
    (other / "main.py").write_text("print('other')\n")
    newer = tmp_path / "newer.bin"
    eegrig("build", "headband8", "-o", str(newer), "--firmware", str(other))
    assert "written into slot b beside the firmware before" in flash(eegrig, newer).out
    anew = flash(eegrig, image, "--erase", "region").out
    assert "the whole file system was written anew: --erase region" in anew


def test_a_locked_board_opens_only_when_it_may_be_erased(eegrig: Run, image: Path) -> None:
    assert "locked; take its power away" in flash(eegrig, image, "--lock").out
    refused = flash(eegrig, image)
    assert refused.code == 1
    assert "--mass-erase-unlock" in refused.err
    opened = flash(eegrig, image, "--mass-erase-unlock")
    assert opened.code == 0
    assert "was locked, and erased to open it" in opened.out
    assert "held this firmware already" in flash(eegrig, image, "--mass-erase-unlock").out


def test_an_image_has_to_be_signed_where_a_key_is_required(
    eegrig: Run, image: Path, small_firmware: Path, tmp_path: Path
) -> None:
    from eegrig.boards import load_board
    from eegrig.host.image.application import build_application
    from eegrig.host.image.firmware_image import image_of
    from eegrig.host.image.signing import new_key, public_path

    key = new_key(tmp_path / "key")
    pub = str(public_path(tmp_path / "key"))
    refused = flash(eegrig, image, "--require-key", pub)
    assert refused.code == 2
    assert "not signed" in refused.err
    board = load_board("headband8")
    signed = tmp_path / "signed.bin"
    image_of(board, build_application(board, small_firmware, key=key)).write(signed)
    assert flash(eegrig, signed, "--require-key", pub, "--trust", pub).code == 0
    new_key(tmp_path / "other")
    refused = flash(eegrig, signed, "--require-key", str(public_path(tmp_path / "other")))
    assert refused.code == 2
    assert "another key" in refused.err


def test_a_radio_that_is_not_there_is_told_before_a_board_is_touched(
    eegrig: Run, image: Path, tmp_path: Path
) -> None:
    ended = flash(eegrig, image, "--self-test", "--radio", "nothing:at-all")
    assert ended.code == 2
    assert "there is no radio 'nothing:at-all'" in ended.err
    assert not (tmp_path / "state").exists()


def test_a_board_says_its_build_of_micropython_and_what_it_needs_beyond_stock(eegrig: Run) -> None:
    said = "runs MicroPython's stock build {}; beyond stock: {}\n"
    zephyr, stm32 = eegrig("boards", "headband8").out, eegrig("boards", "earpatch2").out
    assert said.format("nrf52840dk_nrf52840 (zephyr)", "SPI, ADC, FLASH_MAP") in zephyr
    assert said.format("NUCLEO_WB55 (stm32)", "nothing") in stm32
    (board,) = json.loads(eegrig("boards", "earpatch2", "--json").out)
    assert board["runtime"] == {"port": "stm32", "build": "NUCLEO_WB55", "options": {}}
