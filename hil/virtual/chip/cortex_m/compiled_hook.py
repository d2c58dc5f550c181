"""The hook before every basic block, compiled: some ten times as fast as one in Python.

numba compiles it when it is first asked for, without a compiler being installed; it is an extra of
its own (``pip install 'eegrig[exact]'``), for it is large.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from unicorn import UC_HOOK_BLOCK
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from eegrig.hil.virtual.chip.bus import GRANULE
from eegrig.hil.virtual.chip.cortex_m.tally import N_WORDS, NONE, Field, Reason

__all__ = ["add_compiled_hook", "is_available"]


def is_available() -> bool:
    """Whether what compiles it is installed."""
    return find_spec("numba") is not None


def add_compiled_hook(uc: Any, tally_address: int) -> None:
    """Let an engine call the compiled hook before every block.

    Parameters
    ----------
    uc : unicorn.Uc
    tally_address : int
        Of the `Tally`'s buffer, which must live as long as the engine.
    """
    handle = ctypes.c_size_t()
    status = uclib.uc_hook_add(
        uc._uch,
        ctypes.byref(handle),
        UC_HOOK_BLOCK,
        ctypes.cast(_compiled().address, ctypes.c_void_p),
        ctypes.cast(tally_address, ctypes.c_void_p),
        ctypes.c_uint64(1),
        ctypes.c_uint64(0),
    )
    if status:
        raise RuntimeError(f"the emulator takes no compiled hook (error {status})")


# numba takes what it compiles with for constants: plain integers, not members of an enumeration.
NOW, ALARM, PRICE = int(Field.NOW), int(Field.ALARM), int(Field.PRICE)
INSTRUCTIONS, BLOCKS_LEFT = int(Field.INSTRUCTIONS), int(Field.BLOCKS_LEFT)
URGENCY, BASEPRI_MASK = int(Field.URGENCY), int(Field.BASEPRI_MASK)
OVERLOOK, REASON, SCRATCH = int(Field.OVERLOOK), int(Field.REASON), int(Field.SCRATCH)
LAST_START, LAST_END = int(Field.LAST_START), int(Field.LAST_END)
BUSY, BUSY_END = int(Field.BUSY), int(Field.BUSY_END)
N_MEMORIES, MEMORIES = int(Field.N_MEMORIES), int(Field.MEMORIES)
ATTENTION, SLICE = int(Reason.ATTENTION), int(Reason.SLICE)
PRIMASK, FAULTMASK, BASEPRI = (
    int(arm.UC_ARM_REG_PRIMASK),
    int(arm.UC_ARM_REG_FAULTMASK),
    int(arm.UC_ARM_REG_BASEPRI),
)


@cache
def _compiled() -> Any:
    import numpy as np

    # Untyped: what it compiles is a language of its own, in which pointers are integers.
    numba: Any = import_module("numba")
    cgutils: Any = import_module("numba.core.cgutils")
    intrinsic: Any = import_module("numba.extending").intrinsic
    carray, types = numba.carray, numba.types

    @intrinsic
    def pointer(_context: Any, address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], cgutils.voidptr_t)

        return types.voidptr(address), generate

    stop = _function(uclib.uc_emu_stop, ctypes.c_void_p)
    read_register = _function(uclib.uc_reg_read, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

    @numba.njit
    def register(engine: Any, words: Any, number: Any) -> Any:
        words[SCRATCH] = 0
        read_register(engine, number, pointer(words.ctypes.data + 8 * SCRATCH))
        return words[SCRATCH] & 0xFF

    @numba.njit
    def is_due(engine: Any, words: Any) -> Any:
        if register(engine, words, FAULTMASK):
            return False
        if words[URGENCY] < 0:
            return True
        if register(engine, words, PRIMASK):
            return False
        basepri = register(engine, words, BASEPRI) & words[BASEPRI_MASK]
        return basepri == 0 or words[URGENCY] < basepri

    @numba.njit
    def count(words: Any, address: Any, size: Any) -> Any:
        for memory in range(MEMORIES, MEMORIES + 4 * words[N_MEMORIES], 4):
            base, end = words[memory], words[memory + 1]
            if base <= address and address + size <= end:
                at, last = address - base, address + size - base
                code = carray(pointer(words[memory + 2]), (end - base,), np.uint8)
                marks = carray(pointer(words[memory + 3]), ((end - base) // GRANULE,), np.uint8)
                for granule in range(at // GRANULE, (last - 1) // GRANULE + 1):
                    marks[granule] = 1
                n = 0
                while at + 1 < last:
                    at += 4 if code[at + 1] >> 3 >= 0b11101 else 2
                    n += 1
                return n
        return size // 2

    @numba.cfunc(types.void(types.voidptr, types.uint64, types.uint32, types.voidptr))
    def before_block(engine: Any, address: Any, size: Any, tally: Any) -> None:
        words = carray(tally, (N_WORDS,), np.int64)
        if words[NOW] < words[BUSY] and np.int64(address) < words[BUSY_END]:
            words[NOW] = words[BUSY]
        if words[NOW] >= words[ALARM] or (
            words[URGENCY] < NONE and not words[OVERLOOK] and is_due(engine, words)
        ):
            words[REASON] = ATTENTION
            stop(engine)
            return
        words[OVERLOOK] = 0
        if words[BLOCKS_LEFT] <= 0:
            words[REASON] = SLICE
            stop(engine)
            return
        start, extent = np.int64(address), np.int64(size)
        n = count(words, start, extent)
        words[BLOCKS_LEFT] -= 1
        words[INSTRUCTIONS] += n
        words[NOW] += n * words[PRICE]
        words[LAST_START], words[LAST_END] = start, start + extent

    return before_block


def _function(function: Any, *parameters: Any) -> Any:
    """Return a C function of the emulator's library as one that numba can call."""
    address: Any = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.CFUNCTYPE(ctypes.c_int, *parameters)(address)
