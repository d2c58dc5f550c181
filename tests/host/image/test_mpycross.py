"""Sources compiled for a board's port."""

import pytest

from eegrig.boards.errors import ConfigError
from eegrig.boards.ports import stock_runtime
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
