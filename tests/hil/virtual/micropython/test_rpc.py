"""Both ends of the exchange have the same numbers."""

import ast
import re
import struct
from collections import Counter

from eegrig.hil.virtual.micropython import rpc
from eegrig.hil.virtual.micropython.rpc import Op, parse_request
from eegrig.hil.virtual.micropython.shim_folder import BOARD_PARTS, SHIM, board_module


def shim_constants() -> dict[str, object]:
    """What ``_board`` assigns at its top level before anything runs."""
    names: dict[str, object] = {}
    for statement in ast.parse(board_module()).body:
        if not isinstance(statement, ast.Assign):
            continue
        (target,) = statement.targets
        code = compile(ast.Expression(statement.value), "_board.py", "eval")
        try:
            value = eval(code, {"range": range, "__builtins__": {}}, dict(names))
        except (NameError, AttributeError, TypeError):
            continue
        if isinstance(target, ast.Name):
            names[target.id] = value
        elif isinstance(target, ast.Tuple):
            for element, item in zip(target.elts, value, strict=True):
                assert isinstance(element, ast.Name)
                names[element.id] = item
    return names


def assigned(source: str) -> list[str]:
    """What a source defines at its top level."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [
                part.id
                for target in node.targets
                for part in ast.walk(target)
                if isinstance(part, ast.Name)
            ]
    return names


def test_the_shim_has_the_numbers_of_the_simulator():
    shim = shim_constants()
    assert (shim["FRAME"], shim["HEADER"], shim["EVENT_AT"], shim["IRQ_AT"]) == (
        rpc.FRAME_SIZE,
        rpc.HEADER_SIZE,
        rpc.EVENT_AT,
        rpc.IRQ_AT,
    )
    assert (shim["MAX_PREFETCHED"], shim["SKIPPED_AT"]) == (rpc.MAX_PREFETCHED, rpc.SKIPPED_AT)
    assert (shim["INTERRUPTED"], shim["FOREVER"]) == (rpc.INTERRUPTED, rpc.FOREVER)
    assert shim["HOST_WORK"] == rpc.HOST_WORK
    assert {op.name: shim.get(op.name) for op in Op} == {op.name: op.value for op in Op}


def test_the_files_of_the_shims_board_define_nothing_twice_and_no_number_of_the_exchange():
    assert sorted(BOARD_PARTS) == sorted(file.stem for file in (SHIM / "board").glob("*.py"))
    names = Counter(assigned(board_module()))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_shim_asks_for_nothing_that_is_no_operation():
    there = set(assigned(board_module()))
    for file in SHIM.glob("*.py"):
        asked = set(re.findall(r"\b_b(?:oard)?\.([A-Za-z_][A-Za-z_0-9]*)", file.read_text()))
        assert asked <= there, file.name


def test_operations_are_numbered_without_a_gap():
    assert [op.value for op in Op] == list(range(len(Op)))


def test_the_parts_of_a_reply_do_not_overlap():
    largest_ble_value = 512
    assert rpc.REPLY.size <= rpc.HEADER_SIZE
    assert rpc.HEADER_SIZE + largest_ble_value <= rpc.EVENT_AT
    assert rpc.EVENT_AT + 64 <= rpc.IRQ_AT
    assert rpc.IRQ_AT + rpc.MAX_IRQS == rpc.FRAME_SIZE
    assert rpc.SKIPPED_AT >= rpc.HEADER_SIZE + rpc.MAX_DATA


def test_a_request_is_seven_integers_and_a_payload():
    frame = struct.pack("<7q", Op.SPI, 123_456_789_012, -1, 4_000_000, 0, 3, 9)
    request = parse_request(
        (frame.ljust(rpc.HEADER_SIZE, b"\0") + b"abcdef").ljust(rpc.FRAME_SIZE, b"\0")
    )
    assert request[:7] == (Op.SPI, 123_456_789_012, -1, 4_000_000, 0, 3, 9)
    assert request.payload == b"abc"
