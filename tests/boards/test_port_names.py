"""What differs between ports is a fact: no code asks for a port or a build by its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from eegrig import boards
from eegrig.boards.ports import list_ports, load_port

ROOT = Path(boards.__file__).parents[1]
ROOMS = ("boards", "firmware", "hil", "host", "signal_sim")
SHIM = ROOT / "hil" / "virtual" / "micropython" / "shim"  # stands in for the port itself
NAMES = {*list_ports(), *(build for port in list_ports() for build in load_port(port).builds)}


def named(source: str) -> list[int]:
    """Return the lines where a text constant is the name of a port or a build."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and node.value in NAMES
    ]


def sources() -> list[Path]:
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [path for path in files if SHIM not in path.parents]


@pytest.mark.parametrize(
    "source",
    [
        'if board.mcu.port == "stm32": pass',
        'match port:\n case "zephyr": pass',
        'FLAGS = {"zephyr": ()}',
        'sleeps = port in ("stm32",)',
        'if build != "NUCLEO_WB55": pass',
    ],
)
def test_the_walk_finds_a_name_wherever_it_decides(source):
    assert named(source)


def test_no_code_outside_of_the_shim_decides_by_the_name_of_a_port():
    files = sources()
    assert len(files) > 200
    found = {str(path.relative_to(ROOT)): named(path.read_text()) for path in files}
    assert {path: lines for path, lines in found.items() if lines} == {}
