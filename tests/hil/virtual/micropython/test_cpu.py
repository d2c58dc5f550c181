"""What code costs: prices per event, and what the shim gets of them."""

import ast

import pytest

from hil.virtual.micropython.bytecode import Events, Function
from hil.virtual.micropython.cpu import CpuModel

CLOCK_HZ = 64e6


def cost_ns(cycles: float) -> int:
    return round(cycles / CLOCK_HZ * 1e9)


def test_a_function_costs_the_sum_of_its_events():
    events = Events(jumps=1, operations=2, attributes=3, subscripts=4, calls=5, iterations=6)
    model = CpuModel.of_functions([Function("f", events)], CLOCK_HZ)
    cycles = 139 + 2 * 166 + 3 * 292 + 4 * 258 + 5 * 1347 + 6 * 315
    assert model.costs == {"f": (cost_ns(cycles), 1)}
    assert model.jump_ns == cost_ns(cycles)


def test_a_slower_clock_costs_in_proportion():
    functions = [Function("f", Events(calls=10, jumps=2))]
    fast, slow = (CpuModel.of_functions(functions, hz) for hz in (64e6, 32e6))
    assert slow.costs["f"][0] == pytest.approx(2 * fast.costs["f"][0], abs=1)


def test_of_functions_with_one_name_the_dearest_counts():
    functions = [Function("f", Events(calls=n)) for n in (1, 5, 2)]
    assert CpuModel.of_functions(functions, CLOCK_HZ).costs["f"] == (cost_ns(5 * 1347), 0)


def test_the_price_of_a_jump_is_what_lies_between_two_on_average():
    functions = [Function("f", Events(jumps=3)), Function("g", Events(jumps=1, calls=4))]
    model = CpuModel.of_functions(functions, CLOCK_HZ)
    assert model.jump_ns == cost_ns((4 * 139 + 4 * 1347) / 4)


def test_an_image_without_bytecode_takes_time_all_the_same():
    # Otherwise `while True: pass` would stop virtual time for ever.
    assert CpuModel.of_functions([], CLOCK_HZ).jump_ns >= cost_ns(139)


def test_the_shim_gets_a_literal_in_integer_nanoseconds():
    model = CpuModel.of_functions([Function("f", Events(calls=1))], CLOCK_HZ)
    figures = ast.literal_eval(model.for_shim())
    assert figures["costs"] == {"f": (cost_ns(1347), 0)}
    assert figures["irq_ns"] == 18_000
    assert figures["allocation_ns"] == cost_ns(597 / 32)
    assert all(isinstance(ns, int) for ns in figures["api_ns"].values())
