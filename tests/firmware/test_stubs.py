"""What the firmware is type-checked against is what it meets."""

import ast
from pathlib import Path

import pytest

import eegrig.hil.virtual.micropython
from eegrig.boards import load_board
from eegrig.host.image.application import build_application
from eegrig.host.image.board_config import board_config_source

ROOT = Path(__file__).parents[2]
SHIMS = Path(eegrig.hil.virtual.micropython.__file__).parent / "shim"


def names(source: str, *, of: str | None = None) -> set[str]:
    """Return what a module, or the class `of` in it, defines."""
    body = ast.parse(source).body
    if of is not None:
        (body,) = [n.body for n in body if isinstance(n, ast.ClassDef) and n.name == of]
    found: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if not name.startswith("_")}


def stub(module: str) -> str:
    return (ROOT / "typings" / f"{module}.pyi").read_text()


def test_board_config_has_the_constants_that_are_written_into_an_image():
    written = board_config_source(load_board("headband8")).decode()
    assert names(stub("board_config")) == names(written)


def test_build_info_has_the_constants_that_are_written_into_an_image():
    application = build_application(load_board("headband8"), compile=False)
    written = application.files["build_info.py"].decode()
    assert names(stub("build_info")) == names(written)


@pytest.mark.parametrize(
    ("module", "of"), [("time", None), ("bluetooth", None), ("bluetooth", "BLE")]
)
def test_stubs_promise_nothing_that_the_virtual_board_lacks(module, of):
    shim = (SHIMS / f"{module}.py").read_text()
    assert names(stub(module), of=of) <= names(shim, of=of)
