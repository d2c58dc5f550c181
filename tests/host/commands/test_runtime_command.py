"""`eegrig runtime`, and `eegrig flash --runtime` with a runtime that is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import ConfigError
from eegrig.host.commands import cli
from eegrig.host.flashing import production
from eegrig.host.runtime.runtime_file import read_runtime
from tests.host.fake_runtime import runtime_bytes, write_runtime

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


@pytest.fixture(autouse=True)
def no_other_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "entry_points", lambda group: [])
    monkeypatch.setenv("EEGRIG_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("EEGRIG_DEBUG", raising=False)


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    return write_runtime(tmp_path / "stock.dfu", runtime_bytes())


@pytest.mark.parametrize("command", ["add", "list", "remove"])
def test_every_command_has_examples(eegrig: Run, command: str) -> None:
    ended = eegrig("runtime", command, "--help")
    assert ended.code == 0
    assert f"Examples:\n    eegrig runtime {command}" in ended.out


def test_a_runtime_is_added_listed_and_removed(eegrig: Run, stock: Path) -> None:
    sha256 = read_runtime(stock, load_board("headphone8")).sha256
    added = eegrig("runtime", "add", str(stock))
    assert (added.code, added.err) == (0, "")
    assert added.out == (
        "stock.dfu: MicroPython v1.26.1 of 2025-09-11 for NUCLEO-WB55 with STM32WB55RGV6, "
        f"{sha256[:12]}: kept\n"
    )
    assert "its build is kept already, as stock" in eegrig("runtime", "add", str(stock)).out
    listed = eegrig("runtime", "list").out.splitlines()
    assert listed[0].split()[:4] == ["version", "date", "board", "MCU"]
    assert listed[1].split() == [
        *("v1.26.1", "2025-09-11", "NUCLEO-WB55", "STM32WB55RGV6", "8192", "-", "yes"),
        *(sha256[:12], "stock"),
    ]
    (found,) = json.loads(eegrig("runtime", "list", "--json").out)
    assert found == {
        "sha256": sha256,
        "name": "stock",
        "version": "v1.26.1",
        "date": "2025-09-11",
        "board": "NUCLEO-WB55",
        "mcu": "STM32WB55RGV6",
        "bluetooth": True,
        "bytes": 8192,
        "symbols": False,
        "tried": True,
    }
    removed = eegrig("runtime", "remove", sha256[:8])
    assert removed.out == f"stock: MicroPython v1.26.1, {sha256[:12]}: not kept any more\n"
    assert "none is kept" in eegrig("runtime", "list").out
    assert json.loads(eegrig("runtime", "list", "--json").out) == []


def test_a_version_that_nobody_tried_is_kept_with_a_warning(eegrig: Run, tmp_path: Path) -> None:
    path = write_runtime(tmp_path / "new.bin", runtime_bytes(version="v1.99.0"))
    added = eegrig("runtime", "add", str(path), "--json")
    assert added.code == 0
    assert added.err.startswith("eegrig: warning: new is MicroPython v1.99.0, which was never")
    assert json.loads(added.out)["new"] is True
    (listed,) = json.loads(eegrig("runtime", "list", "--json").out)
    assert listed["tried"] is False


def test_a_runtime_that_is_refused_is_told_in_one_line(eegrig: Run, tmp_path: Path) -> None:
    machine = "PYBv1.1 with STM32F405RG"
    path = write_runtime(tmp_path / "pyb.bin", runtime_bytes(machine=machine))
    ended = eegrig("runtime", "add", str(path))
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "is MicroPython for PYBv1.1 with STM32F405RG, and none of the boards" in ended.err
    named = eegrig("runtime", "add", str(path), "--board", "headphone8", "--json")
    assert named.code == 2
    assert "headphone8 has an stm32wb55" in json.loads(named.out)["error"]


def test_flash_takes_a_runtime_that_is_kept(
    eegrig: Run, stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = []

    def produce(order: production.Order, *_: object) -> production.Outcome:
        orders.append(order)
        raise ConfigError("that is enough")

    monkeypatch.setattr(production, "produce", produce)
    eegrig("runtime", "add", str(stock))
    image = tmp_path / "image.bin"
    eegrig("build", "headphone8", "-o", str(image))
    for text in ("v1.26.1", "stock", str(stock)):
        eegrig("flash", "headphone8", "--image", str(image), "--runtime", text)
    wanted = read_runtime(stock, load_board("headphone8")).sha256
    assert [order.runtime.sha256 for order in orders] == [wanted] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("v9", "no runtime 'v9'"), ("gone.hex", "cannot read the runtime gone.hex")],
)
def test_flash_says_which_runtime_is_not_there(eegrig: Run, text: str, message: str) -> None:
    ended = eegrig("flash", "headphone8", "--runtime", text)
    assert ended.code == 2
    assert message in ended.err


def test_flash_warns_of_a_version_that_nobody_tried(
    eegrig: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def produce(*_: object) -> production.Outcome:
        raise ConfigError("that is enough")

    monkeypatch.setattr(production, "produce", produce)
    path = write_runtime(tmp_path / "new.bin", runtime_bytes(version="v1.99.0"))
    image = tmp_path / "image.bin"
    eegrig("build", "headphone8", "-o", str(image))
    ended = eegrig("flash", "headphone8", "--image", str(image), "--runtime", str(path))
    assert "eegrig: warning: new is MicroPython v1.99.0" in ended.err
