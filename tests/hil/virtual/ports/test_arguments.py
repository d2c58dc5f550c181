"""What `machine` and `bluetooth` say of wrong arguments, held against the ports' C code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from .conftest import World

TABLES = Path(__file__).parent / "arguments"
# Of an OSError the number: what it is called is not in every build.
_PREAMBLE = """
from machine import ADC, I2C, Pin, SPI, SoftI2C, SoftSPI, Timer, WDT
from bluetooth import BLE, UUID

ble = BLE()


def show(f):
    try:
        print(repr(f()))
    except OSError as error:
        print("OSError: %s" % error.args[0])
    except Exception as error:
        print("%s: %s" % (type(error).__name__, error))


"""
_MAKES = {
    ("i2c", "stm32"): "i2c = I2C(1)\n",
    ("i2c", "zephyr"): "i2c = I2C('i2c0')\n",
    ("spi", "stm32"): "spi = SPI(1)\n",
    ("spi", "zephyr"): "spi = SPI('spi0')\n",
}


def rows_of(table: str, port: str) -> list[tuple[str, str, str]]:
    """Read what a port says: expression, what it gives, and where that was read."""
    data = tomllib.loads((TABLES / f"{table}.toml").read_text(encoding="utf-8"))
    rows = [
        *data["first"][port],
        *data.get("both", {}).get("rows", []),
        *data.get("then", {}).get(port, []),
    ]
    return [(expression, gives, source) for expression, gives, source in rows]


@pytest.mark.parametrize("table", sorted(path.stem for path in TABLES.glob("*.toml")))
@pytest.mark.parametrize("port", ["stm32", "zephyr"])
def test_wrong_arguments_are_refused_as_the_port_refuses_them(
    world: World, port: str, table: str
) -> None:
    rows = rows_of(table, port)
    shows = "".join(f"show(lambda: {expression})\n" for expression, _, _ in rows)
    node = world.board(_PREAMBLE + _MAKES.get((table, port), "") + shows, port=port)
    world.run(3.0)
    assert len(node.lines) == len(rows), node.lines[-3:]
    differs = [
        f"{expression}: {line!r}, {source} says {gives!r}"
        for (expression, gives, source), line in zip(rows, node.lines, strict=True)
        if not re.fullmatch(re.escape(gives).replace(r"\*", ".*"), line)
    ]
    assert not differs, "\n".join(differs)
