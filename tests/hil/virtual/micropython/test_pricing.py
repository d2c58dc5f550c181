"""What a piece of source costs, by the events in its bytecode."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.boards.ports import CallFacts, PriceFacts, stock_runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import BytecodeError, Module
from eegrig.hil.virtual.micropython.cpu_time.pricing import FunctionPrices, ImagePrices
from eegrig.host.image.mpycross import compile_module

ZEPHYR = stock_runtime("zephyr", "nrf52840dk_nrf52840")
STM32 = stock_runtime("stm32", "NUCLEO_WB55")
PRICES = msgspec.structs.replace(STM32.prices, cycles_per_instruction=1.0)
CALLS = STM32.calls
ENTRY = PRICES.function_entry
RETURN = 2 * PRICES.simple  # None, and the opcode


def image_of(
    prices: PriceFacts = PRICES, calls: CallFacts = CALLS, **sources: str
) -> dict[str, list[FunctionPrices]]:
    modules = {
        f"{name.replace('__', '/')}.mpy": Module.parse(
            compile_module(source.encode(), f"{name}.py", ZEPHYR)
        )
        for name, source in sources.items()
    }
    image = ImagePrices(modules, prices, calls)
    return {path: image.functions(path) for path in modules}


def function_of(source: str, name: str = "f", **others: str) -> FunctionPrices:
    [found] = [
        function
        for function in image_of(example=source, **others)["example.mpy"]
        if function.code.name == name
    ]
    return found


def cost_of(source: str, name: str = "f", **others: str) -> float:
    """Return what all stretches of a function cost together."""
    return sum(stretch.cycles for stretch in function_of(source, name, **others).stretches)


def body_cost(statement: str, preamble: str = "", arguments: str = "a, b, c") -> float:
    """Return what a statement costs in a function, beyond an empty one."""
    source = f"{preamble}\ndef f({arguments}):\n    {statement}\n"
    return cost_of(source) - cost_of(f"{preamble}\ndef f({arguments}):\n    pass\n")


def test_an_empty_function_costs_its_entry_and_its_arguments():
    assert cost_of("def f(): pass") == ENTRY + RETURN
    assert cost_of("def f(a, b): pass") == ENTRY + 2 * PRICES.argument + RETURN


@pytest.mark.parametrize(
    ("statement", "cost"),
    [
        ("a = b", 2 * PRICES.simple),
        ("a = b + c", 3 * PRICES.simple + PRICES.operation),
        ("a = b < c", 3 * PRICES.simple + PRICES.operation),
        ("a = -b", 2 * PRICES.simple + PRICES.unary_operation),
        ("a = b + 1.5", 3 * PRICES.simple + PRICES.float_operation),
        ("a = 'x%d' % b", 3 * PRICES.simple + PRICES.formatting),
        ("a = b.x", 2 * PRICES.simple + PRICES.attribute_load),
        ("a.x = b", 2 * PRICES.simple + PRICES.attribute_store),
        ("a = b[c]", 3 * PRICES.simple + PRICES.subscript_load),
        ("a[b] = c", 3 * PRICES.simple + PRICES.subscript_store),
        ("a = b[1:2]", 4 * PRICES.simple + PRICES.slice_load),
        ("a[:] = b", 4 * PRICES.simple + PRICES.slice_store),
        ("a = b, c", 3 * PRICES.simple + PRICES.tuple_creation + 2 * PRICES.item),
        ("a = [b, c]", 3 * PRICES.simple + PRICES.list_creation + 2 * PRICES.item),
        ("a(b)", 3 * PRICES.simple + PRICES.call),
        ("a(b, c=1)", 5 * PRICES.simple + PRICES.call + PRICES.keyword_argument),
        ("len(a)", 2 * PRICES.simple + PRICES.builtin_load + PRICES.call),
        ("a.append(b)", 3 * PRICES.simple + PRICES.builtin_method_load + PRICES.call),
    ],
)
def test_a_statement_costs_its_events(statement, cost):
    assert body_cost(statement) == pytest.approx(cost)


def test_a_name_of_the_module_is_found_sooner_than_a_builtin():
    own = body_cost("a = limit", "limit = 3")
    assert own == PRICES.global_load + PRICES.simple
    assert body_cost("a = len") == PRICES.builtin_load + PRICES.simple


def test_branches_are_stretches_of_their_own():
    function = function_of("def f(a):\n    if a:\n        a = 1\n    else:\n        a = 2.5\n")
    costs = [stretch.cycles for stretch in function.stretches]
    assert len(costs) == 4
    assert costs[1:3] == [2 * PRICES.simple + PRICES.jump, 2 * PRICES.simple]


def test_a_loop_pays_its_body_each_time_round():
    function = function_of("def f(a):\n    for x in a:\n        a = x\n")
    before, step, body, after = (stretch.cycles for stretch in function.stretches)
    assert step == PRICES.iteration
    assert body == 3 * PRICES.simple + PRICES.jump
    assert after == RETURN
    assert before > PRICES.iteration


def test_what_is_called_is_cut_off_from_what_comes_after_it():
    """Time is charged ahead: the rest of a block has to wait for what is called before it."""
    function = function_of("def f(a, b):\n    a()\n    b = 1.5\n")
    first, second = function.stretches
    assert first.cycles == ENTRY + 2 * PRICES.argument + 2 * PRICES.simple + PRICES.call
    assert second.cycles == 2 * PRICES.simple + RETURN


CLASSES = """
class Plain:
    LIMIT = 3
    def __init__(self):
        self.x = 1
        self.kept = self.work
    def work(self):
        pass
    def f(self, other):
        {}
"""
CHECKED = CLASSES + "    @property\n    def level(self):\n        return self.x\n"


def method_cost(statement: str, source: str = CLASSES) -> float:
    return cost_of(source.format(statement)) - cost_of(source.format("pass"))


def test_a_property_in_a_class_makes_every_store_on_its_objects_dear():
    two = 2 * PRICES.simple
    assert method_cost("self.x = other") == two + PRICES.attribute_store
    assert method_cost("self.x = other", CHECKED) == two + PRICES.checked_attribute_store


def test_so_does_one_in_a_base_class_of_another_file():
    base = CHECKED.format("pass")
    derived = (
        "from base import Plain\nclass Derived(Plain):\n    def f(self):\n        self.y = 1\n"
    )
    plain = derived.replace("(Plain)", "")
    assert cost_of(derived, base=base) - cost_of(plain, base=base) == pytest.approx(
        PRICES.checked_attribute_store - PRICES.attribute_store
    )


def test_a_store_from_outside_goes_by_the_name_of_the_attribute():
    outside = "\ndef g(a):\n    a.x = 1\n"
    plain = cost_of(CLASSES.format("pass") + outside, "g")
    checked = cost_of(CHECKED.format("pass") + outside, "g")
    assert checked - plain == PRICES.checked_attribute_store - PRICES.attribute_store


@pytest.mark.parametrize(
    ("statement", "source", "cost"),
    [
        ("other.x", CLASSES, PRICES.attribute_load),
        ("other.LIMIT", CLASSES, PRICES.class_value_load),
        ("other.work", CLASSES, PRICES.class_method_load),
        ("other.level", CHECKED, PRICES.property_load),
    ],
)
def test_an_attribute_costs_what_has_to_be_searched_for_it(statement, source, cost):
    assert method_cost(statement, source) == pytest.approx(2 * PRICES.simple + cost)


def test_a_method_is_searched_in_the_class_and_a_kept_one_is_an_attribute():
    two = 2 * PRICES.simple
    assert method_cost("other.work()") == two + PRICES.method_load + PRICES.call
    kept = two + PRICES.attribute_load + PRICES.call + PRICES.bound_call
    assert method_cost("other.kept()") == kept


def test_a_function_of_a_module_is_an_attribute_of_it():
    call = 2 * PRICES.simple + PRICES.call
    in_module = body_cost("part.work(a)", "from package import part")
    builtin = body_cost("part.work(a)", "import part")
    assert builtin == call + PRICES.global_load + PRICES.module_value_load
    # Without the file nothing says that `part` is a module.
    assert in_module == call + PRICES.global_load + PRICES.builtin_method_load
    source = "from package import part\ndef f(a):\n    part.work(a)\n"
    others = {"package____init__": "", "package__part": "def work(a): pass"}
    assert cost_of(source, **others) == (
        ENTRY + PRICES.argument + RETURN + call + PRICES.global_load + PRICES.module_value_load
    )


@pytest.mark.parametrize(
    ("statement", "imported", "cost"),
    [
        ("pack_into(a, b, 0, 1, 2, 3)", "struct", CALLS.pack + 3 * CALLS.pack_value),
        ("pack(a, 1, 2)", "struct", CALLS.pack + 2 * CALLS.pack_value),
        ("unpack_from(a, b)", "struct", CALLS.unpack),
        ("schedule(a, b)", "micropython", CALLS.schedule),
        ("other(a, b)", "struct", 0.0),
    ],
)
def test_what_c_functions_take_comes_on_top_of_their_call(statement, imported, cost):
    name = statement.partition("(")[0]
    free = msgspec.structs.replace(
        CALLS, pack=0.0, pack_value=0.0, unpack=0.0, schedule=0.0, long_power=0.0
    )
    source = f"from {imported} import {name}\ndef f(a, b):\n    {statement}\n"

    def total(calls: CallFacts) -> float:
        [_, function] = image_of(PRICES, calls, example=source)["example.mpy"]
        return sum(stretch.cycles for stretch in function.stretches)

    assert total(CALLS) - total(free) == pytest.approx(cost)


LONG = "P = 57896044618658097711785492504343953926634992332820282019728792003956564819949\n"


@pytest.mark.parametrize(
    ("statement", "cost"),
    [
        ("a = b * c", CALLS.long_multiplication),
        ("a = b % c", CALLS.long_remainder),
        ("a = b + c", CALLS.long_operation),
        ("a += 1", PRICES.operation),  # a counter, most likely
        ("a = b < c", PRICES.operation),
    ],
)
def test_a_module_with_a_long_number_computes_with_such_numbers(statement, cost):
    assert body_cost(statement, LONG) == pytest.approx(3 * PRICES.simple + cost)


def test_a_power_of_long_numbers():
    builtin = PRICES.builtin_load + 4 * PRICES.simple + PRICES.call
    assert body_cost("pow(a, b, c)", LONG) == builtin + CALLS.long_power
    assert body_cost("pow(a, b, c)") == builtin


def test_an_exception_costs_where_it_is_caught():
    source = "def f(a):\n    try:\n        a()\n    except OSError:\n        a = 1\n"
    function = function_of(source)
    caught = [s.cycles for s in function.stretches if s.cycles >= PRICES.exception]
    assert len(caught) == 1
    without = function_of("def f(a):\n    a()\n")
    assert function.stretches[0].cycles < without.stretches[0].cycles + 3 * PRICES.jump


def test_a_generator_costs_each_time_it_goes_on():
    resumed = function_of("def f(a):\n    yield a\n    yield a\n").stretches
    assert [s.cycles >= PRICES.generator_resume for s in resumed] == [True, True, True]
    assert resumed[1].cycles == PRICES.generator_resume + 3 * PRICES.simple


def test_instructions_take_the_cycles_of_the_runtime():
    slower = msgspec.structs.replace(PRICES, cycles_per_instruction=2.0)
    source = "def f(a):\n    a.x = 1\n"
    [_, one] = image_of(PRICES, example=source)["example.mpy"]
    [_, two] = image_of(slower, example=source)["example.mpy"]
    assert two.stretches[0].cycles == 2 * one.stretches[0].cycles


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_file_never_ends_in_another_error(at, byte):
    broken = bytearray(DAMAGED)
    broken[at % len(broken)] = byte
    with contextlib.suppress(BytecodeError):
        module = Module.parse(bytes(broken))
        ImagePrices({"example.mpy": module}, PRICES, CALLS).functions("example.mpy")


DAMAGED = compile_module(CHECKED.format("self.x = other[1:2]").encode(), "damaged.py", ZEPHYR)
