"""MicroPython's own tests print the same from a charging copy as from the file.

They are not in this repository: the environment variable EEGRIG_MICROPYTHON names a checkout of
github.com/micropython/micropython to run them from.
"""

import os
import subprocess
from pathlib import Path

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import Module
from eegrig.hil.virtual.micropython.cpu_time.charging import CHARGE, charging_copy
from eegrig.hil.virtual.micropython.cpu_time.pricing import ImagePrices
from eegrig.hil.virtual.micropython.process import micropython_executable
from eegrig.host.image.mpycross import compile_module

TESTS = Path(os.environ.get("EEGRIG_MICROPYTHON", "no-checkout")) / "tests"

if not TESTS.is_dir():
    pytest.skip(
        "EEGRIG_MICROPYTHON names no checkout of github.com/micropython/micropython",
        allow_module_level=True,
    )

STM32 = stock_runtime("stm32", "NUCLEO_WB55")
BYTECODE = stock_runtime("zephyr", "nrf52840dk_nrf52840")
RUN = f"import builtins, sys\nsetattr(builtins, {CHARGE!r}, lambda ns: None)\nsys.path[:] = ['.']\n"


def output(folder: Path, data: bytes) -> tuple[int, bytes, bytes]:
    (folder / "program.mpy").write_bytes(data)
    ended = subprocess.run(
        [micropython_executable(), "-c", RUN + "import program"],
        cwd=folder, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("folder", ["basics", "misc", "float"])
def test_a_copy_prints_what_the_file_does(tmp_path, folder):
    different = []
    n = 0
    for path in sorted((TESTS / folder).glob("*.py")):
        try:
            data = compile_module(path.read_bytes(), path.name, BYTECODE)
        except ConfigError:  # it tests what the compiler refuses
            continue
        module = Module.parse(data)
        prices = ImagePrices({"program.mpy": module}, STM32.prices, STM32.calls)
        copy = charging_copy(module, prices.functions("program.mpy"), 64e6).encode()
        n += 1
        if output(tmp_path, data) != output(tmp_path, copy):
            different.append(path.name)
    assert n > 5
    assert different == []
