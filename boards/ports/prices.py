"""What code costs on a runtime: the sections ``prices`` and ``calls`` of a port's facts."""

from __future__ import annotations

from typing import Annotated

import msgspec

from eegrig.boards.ports.section import Cost, PositiveFloat, Section

__all__ = ["CallFacts", "PriceFacts"]


class PriceFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What bytecode costs: instructions of the processor per event.

    Attributes
    ----------
    cycles_per_instruction : float
        Of the interpreter's own code on that processor.
    spread : float
        Geometric uncertainty of CPU time that these rows give, one sigma: 1.2 is x/÷ 1.2.
    simple : float
        Any opcode that has no row of its own: loads and stores of locals, constants, the stack.
    jump : float
        A jump, taken or not, with its test.
    operation, unary_operation : float
        An operation on small integers, a comparison among them; one with a single operand.
    float_operation : float
        The same on floats, the new object included.
    formatting : float
        ``text % values``.
    global_load, builtin_load : float
        A name that the module has, and one that is found among the builtins after it.
    attribute_load, class_value_load, class_method_load, property_load, module_value_load : float
        An attribute that the instance has; one of its class; a method as a value; a property,
        without the function behind it; an attribute of a module.
    attribute_store, checked_attribute_store : float
        An attribute of an instance; the same where its class has any property.
    method_load, builtin_method_load : float
        A method to call, found in the instance's class; one of a builtin type.
    call, bound_call : float
        A call of anything, and what one of a bound method that is kept in an attribute costs
        beyond.
    function_entry, argument, keyword_argument : float
        What the call of a bytecode function costs beyond, once and per argument; per keyword.
    subscript_load, subscript_store : float
        ``x[i]`` and ``x[i] = y``.
    slice_load, slice_store : float
        ``x[a:b]`` and ``x[a:b] = y``, without what is allocated.
    iteration, generator_resume : float
        The next value of an iterator; what it costs beyond if that is a generator.
    tuple_creation, list_creation, dict_creation, item : float
        A new object without what is allocated, and each of its items.
    exception : float
        One raised and caught.
    with_statement : float
        Entering and leaving one, without the functions behind it.
    function_creation, class_creation, module_import : float
        ``def``, ``class`` and ``import`` where they run.
    allocated_byte, collected_byte : float
        Per byte allocated: finding and clearing it, and the share of collecting it later.
    unpriced_jump : float
        What lies between two jumps of code that nobody counted.
    """

    cycles_per_instruction: PositiveFloat
    spread: Annotated[float, msgspec.Meta(ge=1)]
    simple: Cost
    jump: Cost
    operation: Cost
    unary_operation: Cost
    float_operation: Cost
    formatting: Cost
    global_load: Cost
    builtin_load: Cost
    attribute_load: Cost
    class_value_load: Cost
    class_method_load: Cost
    property_load: Cost
    module_value_load: Cost
    attribute_store: Cost
    checked_attribute_store: Cost
    method_load: Cost
    builtin_method_load: Cost
    call: Cost
    bound_call: Cost
    function_entry: Cost
    argument: Cost
    keyword_argument: Cost
    subscript_load: Cost
    subscript_store: Cost
    slice_load: Cost
    slice_store: Cost
    iteration: Cost
    generator_resume: Cost
    tuple_creation: Cost
    list_creation: Cost
    dict_creation: Cost
    item: Cost
    exception: Cost
    with_statement: Cost
    function_creation: Cost
    class_creation: Cost
    module_import: Cost
    allocated_byte: Cost
    collected_byte: Cost
    unpriced_jump: PositiveFloat


class CallFacts(Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the port's own code costs, in cycles: functions beyond their call, and interrupts.

    Attributes
    ----------
    interrupt : float
        A hard interrupt of a pin, entry and exit around the handler's own code.
    schedule, dispatch : float
        ``micropython.schedule``, and calling what it queued.
    ble_event : float
        Calling the handler of a Bluetooth event.
    packet_completed : float
        What the host does when the controller reports a packet as sent.
    gatts_notify, gatts_notify_byte : float
        A notification, and each of its bytes.
    gatts_read, gatts_write : float
    spi_transfer, spi_end : float
        A transfer of two bytes or more, without the time on the wire: up to its first clock, and
        after its last one, with the interrupts that belong to it.
    spi_byte : float
        A transfer of one byte, without the time on the wire.
    i2c_transfer : float
        One transfer, without the time on the wire.
    pin_read, pin_write, ticks, adc_read : float
    sleep, idle, lightsleep : float
        ``time.sleep_ms``, ``machine.idle`` and ``machine.lightsleep``, without the sleep itself.
    collect, collect_block : float
        ``gc.collect``, and each live block of 16 bytes.
    pack, pack_value, unpack, unpack_value : float
        ``struct.pack`` and ``pack_into``, each of their values; ``struct.unpack`` and
        ``unpack_from``, each of theirs.
    sha256_byte : float
        A byte of ``hashlib.sha256(...).update``.
    long_operation : float
        An operation on integers that are objects, of 256 bits and less, the new object included.
    long_multiplication, long_remainder : float
        A product of two 256-bit integers, and the remainder of one by a third.
    long_power : float
        ``pow(a, b, m)`` of three 256-bit integers.
    summed_item, compared_item, tested_item : float
        An item that ``sum`` goes through; ``min`` or ``max``; ``any`` or ``all``.
    sorted_item : float
        An item that ``sorted`` puts in its place, by each halving of their number.
    crc32_byte, binascii_byte : float
        A byte that ``binascii.crc32`` takes; one that the other functions of ``binascii`` take.
    json_dumps_byte, json_loads_byte : float
        A character that ``json.dumps`` makes, and one that ``json.loads`` takes.
    inflated_byte : float
        A byte read of a ``deflate.DeflateIO``.
    file_read, file_read_byte : float
        A read of the block device by the file system, with its own work on it, and each byte.
    """

    interrupt: Cost
    schedule: Cost
    dispatch: Cost
    ble_event: Cost
    packet_completed: Cost
    gatts_notify: Cost
    gatts_notify_byte: Cost
    gatts_read: Cost
    gatts_write: Cost
    spi_transfer: Cost
    spi_end: Cost
    spi_byte: Cost
    i2c_transfer: Cost
    pin_read: Cost
    pin_write: Cost
    ticks: Cost
    adc_read: Cost
    sleep: Cost
    idle: Cost
    lightsleep: Cost
    collect: Cost
    collect_block: Cost
    pack: Cost
    pack_value: Cost
    unpack: Cost
    unpack_value: Cost
    sha256_byte: Cost
    long_operation: Cost
    long_multiplication: Cost
    long_remainder: Cost
    long_power: Cost
    summed_item: Cost
    compared_item: Cost
    tested_item: Cost
    sorted_item: Cost
    crc32_byte: Cost
    binascii_byte: Cost
    json_dumps_byte: Cost
    json_loads_byte: Cost
    inflated_byte: Cost
    file_read: Cost
    file_read_byte: Cost
