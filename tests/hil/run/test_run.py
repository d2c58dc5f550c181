"""Runs of the suites as commands: the same twice, and what is left when one goes wrong."""

from __future__ import annotations

import errno
import html
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eegrig.boards.errors import ConfigError, EegrigError, InfrastructureError
from eegrig.hil.figures.results import Results
from eegrig.hil.run import RunRequest, run_suites
from eegrig.hil.run.run_folder import open_run_folder
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.commands import cli

from ..firmwares import patched_firmware

PRODUCTS = ("results.json", "report.html", "junit.xml", "recording.bdf", "image.bin")


def left(out: Path) -> list[str]:
    """Return what of a finished run's products is in a folder."""
    return [name for name in PRODUCTS if (out / name).exists()]


def request(out: Path, **options: object) -> RunRequest:
    settings = {"board": "headband8", "seconds": 5.0, "select": "equals_the_input", **options}
    return RunRequest(out=out, **settings)  # type: ignore[arg-type]


# ---- the same twice


def command(out: Path, seed: int, hash_seed: str) -> bytes:
    """Run a part of the suites as a process of its own; return its recording."""
    select = "equals_the_input or test_streaming or soon_be_found"
    main = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"
    arguments = ["hil", "run", "--out", str(out), "--seconds", "5", "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, "-c", main, *arguments, "-k", select],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return (out / "recording.bdf").read_bytes()


def test_one_seed_gives_the_same_recording_and_figures_in_another_process(tmp_path):
    first = command(tmp_path / "a", 11, hash_seed="1")
    second = command(tmp_path / "elsewhere" / "b", 11, hash_seed="2")
    assert second == first
    one, other = (Results.load(tmp_path / name) for name in ("a", "elsewhere/b"))
    assert one.figures == other.figures
    assert one.digest() == other.digest()


def test_another_seed_gives_another_recording(tmp_path):
    recordings = []
    for seed in (1, 2):
        run_suites(request(tmp_path / str(seed), seed=seed), quiet=True, progress=False)
        recordings.append((tmp_path / str(seed) / "recording.bdf").read_bytes())
    assert recordings[0] != recordings[1]


def test_a_verdict_does_not_depend_on_its_surroundings(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "conftest.py").write_text("raise SystemExit('a conftest.py of somebody else')")
    for name in ("pytest.ini", "tox.ini"):
        (folder / name).write_text("[pytest]\naddopts = -k nothing --no-such-option\n")
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--lf -x"\n')
    (folder / "pyocd.yaml").write_text("frequency: [nonsense\n")
    (folder / "pyocd_user.py").write_text("raise SystemExit('a script of somebody else')")
    (folder / "matplotlibrc").write_text("backend: nonsense\n")
    strange = {
        "PYTEST_ADDOPTS": "-k goodput -n 3 --maxfail=1",
        "PYTEST_PLUGINS": "no_such_module",
        "PYTEST_TIMEOUT": "0.001",
        "PYOCD_PROJECT_DIR": str(folder),
        "PYTHONWARNINGS": "error",
        "MPLBACKEND": "nonsense",
        "MNE_LOGGING_LEVEL": "nonsense",
        "EEGRIG_STATE": str(tmp_path / "state"),
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
    }
    for name, more, cwd in (("plain", {}, tmp_path), ("strange", strange, folder)):
        out = tmp_path / name
        code = "import sys; from eegrig.host.commands.cli import main; main(sys.argv[1:])"
        arguments = ["hil", "run", "--out", str(out), "--seconds", "5", "-k", "equals_the_input"]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **more},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "PART: " in done.stdout
        assert "PASS" not in done.stdout
    one, other = (Results.load(tmp_path / name) for name in ("plain", "strange"))
    assert one.digest() == other.digest()


# ---- what is left when it goes wrong


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def earlier_run(out: Path) -> dict[str, bytes]:
    """Make what an earlier run left, and something of the user's; return all of it."""
    with open_run_folder(out, PRODUCTS) as folder:
        for name in PRODUCTS:
            (folder.work / name).write_text("of an earlier run")
        folder.publish()
    (out / "traces").mkdir()
    (out / "traces" / "mine.txt").write_text("mine")
    return contents(out)


def failing(out: Path, **options: object) -> str:
    """Run into a mistake of who runs it; return its line, after checking that all is as it was."""
    before = earlier_run(out)
    with pytest.raises(ConfigError) as caught:
        run_suites(request(out, **options), quiet=True, progress=False)
    assert "\n" not in str(caught.value)
    assert contents(out) == before
    return f"{caught.value.exit_code}: {caught.value}"


def ending(out: Path, error: type[BaseException] = EegrigError, **options: object) -> str:
    """Run into the end of a run; return why it ended, after checking that all say the same."""
    with pytest.raises(error) as caught:
        run_suites(request(out, **options), quiet=True, progress=False)
    assert "\n" not in str(caught.value)
    code = getattr(caught.value, "exit_code", 130)
    results = Results.load(out)
    assert results.stopped is not None
    assert (results.verdict, results.exit_code, results.stopped.exit_code) == (
        "inconclusive",
        code,
        code,
    )
    reason = results.stopped.reason
    for target in results.targets:
        figure = results.figure(target)
        left_out = [entry for entry in results.not_measured if entry.what == target]
        assert figure is not None or reason in left_out[0].why
    page = html.unescape((out / "report.html").read_text(encoding="utf-8"))
    assert "INCONCLUSIVE" in page.upper()
    assert reason in page
    suite = ElementTree.parse(out / "junit.xml").getroot()
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties.get("exit_code", str(code)) == str(code)
    return f"{code}: {reason}"


def test_firmware_that_fails_to_boot_is_exit_code_1(tmp_path):
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", "app.walk()"))
    message = ending(tmp_path / "out", firmware_dir=firmware)
    assert message.startswith("1: the firmware fails to boot: AttributeError")


def test_firmware_that_dies_before_streaming_is_exit_code_1(tmp_path):
    code = (
        "from eeg.acquisition import Acquisition\n"
        "def start(self, *rest):\n"
        "    raise ValueError('on purpose')\n"
        "Acquisition.start = start\n"
        "app.run()"
    )
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", code))
    assert run_suites(request(tmp_path / "out", firmware_dir=firmware), quiet=True) == 1
    assert Results.load(tmp_path / "out").verdict == "fail"


def test_firmware_that_does_not_compile_is_exit_code_2_with_file_and_line(tmp_path):
    firmware = patched_firmware(tmp_path, ("main.py", "from eeg import app", "from eeg import"))
    message = failing(tmp_path / "out", firmware_dir=firmware)
    assert message.startswith("2: ")
    assert "main.py:" in message


def test_a_link_that_is_too_narrow_is_exit_code_3(tmp_path, monkeypatch):
    enter = VirtualBench.__enter__

    def narrow(self: VirtualBench) -> VirtualBench:
        self.central.keep_default_mtu = True
        return enter(self)

    monkeypatch.setattr(VirtualBench, "__enter__", narrow)
    assert "3: the link to eegrig-headband8 has an MTU of 23" in ending(tmp_path / "out")


def test_a_selection_without_a_test_is_exit_code_2(tmp_path):
    message = failing(tmp_path / "out", select="nothing_has_this_name")
    assert message == "2: no test of the suites matches -k 'nothing_has_this_name'"


@pytest.mark.parametrize("select", ["latency and", "(", "a b", "not"])
def test_a_broken_selection_is_exit_code_2_and_one_line(tmp_path, capfd, select):
    message = failing(tmp_path / "out", select=select)
    assert message.startswith("2: -k: ")
    assert "usage:" not in (said := capfd.readouterr().err)
    assert "ERROR" not in said


def test_a_disk_that_fills_up_is_one_line(tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix == ".npz":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    message = failing(tmp_path / "out")
    assert message.startswith("2: cannot write ")
    assert message.endswith("No space left on device")


def test_a_disk_without_the_room_is_found_before_anything_runs(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    monkeypatch.setattr("pytest.main", None)
    assert "there is room for 1.0 MB" in failing(tmp_path / "out")


def test_an_interrupted_run_leaves_what_it_has(tmp_path, monkeypatch):
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    mine = earlier_run(tmp_path / "out")["traces/mine.txt"]
    monkeypatch.setattr("eegrig.hil.suites.stretches.streams.record", interrupted)
    select = "flash or equals_the_input or latency"
    assert ending(tmp_path / "out", KeyboardInterrupt, select=select) == "130: it was stopped"
    results = Results.load(tmp_path / "out")
    assert (tmp_path / "out" / "traces" / "mine.txt").read_bytes() == mine
    assert "latency.mean" in {e.what for e in results.not_measured if e.because == "stopped"}


def test_a_run_without_a_bench_leaves_its_files_too(tmp_path, monkeypatch):
    def lost(*_: object, **__: object) -> None:
        raise InfrastructureError("the bench is not there: plug it in")

    monkeypatch.setattr("eegrig.hil.rig.open_benches", lost)
    assert ending(tmp_path / "out") == "3: the bench is not there: plug it in"


def test_a_run_whose_tests_all_break_is_inconclusive_and_says_why(tmp_path, monkeypatch, capsys):
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake in the rig")

    monkeypatch.setattr("eegrig.hil.suites.stretches.streams.record", broken)
    code = run_suites(request(tmp_path / "out"), quiet=True)
    assert code == 1
    results = Results.load(tmp_path / "out")
    assert results.verdict == "inconclusive"
    assert [test.reason for test in results.tests] == ["RuntimeError: a mistake in the rig"]
    assert "a mistake in the rig" in capsys.readouterr().err


# ---- on the command line


def broken_edf(folder: Path) -> Path:
    path = folder / "broken.edf"
    path.write_bytes(b"0       " + b" " * 100)
    return path


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--board", "nosuchboard"], "nosuchboard"),
        (["--scene", "nosuchscene"], "nosuchscene"),
        (["--input", "missing.edf"], "missing.edf"),
        (["--input", "broken.edf"], "broken.edf"),
        (["--seconds", "-3"], "--seconds"),
    ],
)
def test_demo_with_something_wrong_is_exit_code_2_and_leaves_nothing(
    tmp_path, monkeypatch, capsys, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    broken_edf(tmp_path)
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as caught:
        cli.main(["demo", "--out", str(out), *arguments])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert reason in errors
    assert "Traceback" not in errors
    assert left(out) == []


def test_notes_of_the_bench_are_told_after_the_table(capsys, tmp_path):
    from eegrig.hil.run.run import _print

    _print(Results(board="headband8", bench="x", notes=["a HardFault"]), tmp_path)
    assert capsys.readouterr().err == "note: a HardFault\n"
