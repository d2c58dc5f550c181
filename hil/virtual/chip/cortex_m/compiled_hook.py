"""The hook before every basic block, compiled: some ten times as fast as one in Python.

numba compiles it when it is first asked for, without a compiler being installed; it is an extra of
its own (``pip install 'eegrig[exact]'``), for it is large.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from unicorn import UC_HOOK_BLOCK
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from eegrig.hil.virtual.chip.cortex_m.tally import NONE, Field, Reason

__all__ = ["add_compiled_hook", "is_available"]

_N_WORDS = int(Field.MEMORIES) + 48
_FETCHED = 6  # bits of an address within a granule of the map of code


def is_available() -> bool:
    """Whether what compiles it is installed."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


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


@cache
def _compiled() -> Any:
    import numpy as np
    from numba import carray, cfunc, njit, types
    from numba.core import cgutils
    from numba.extending import intrinsic

    @intrinsic  # type: ignore[untyped-decorator]
    def pointer(_context: Any, address: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], cgutils.voidptr_t)

        return types.voidptr(address), generate

    stop = _function(uclib.uc_emu_stop, ctypes.c_void_p)
    read_register = _function(uclib.uc_reg_read, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    # numba takes these for constants: plain integers, not members of an enumeration.
    now, alarm, price, instructions, blocks_left = (
        int(Field.NOW),
        int(Field.ALARM),
        int(Field.PRICE),
        int(Field.INSTRUCTIONS),
        int(Field.BLOCKS_LEFT),
    )
    urgency, basepri_mask, overlook, reason = (
        int(Field.URGENCY),
        int(Field.BASEPRI_MASK),
        int(Field.OVERLOOK),
        int(Field.REASON),
    )
    last_start, last_end, scratch, n_memories, memories = (
        int(Field.LAST_START),
        int(Field.LAST_END),
        int(Field.SCRATCH),
        int(Field.N_MEMORIES),
        int(Field.MEMORIES),
    )
    none, attention, slice_over = NONE, int(Reason.ATTENTION), int(Reason.SLICE)
    n_words, fetched = _N_WORDS, _FETCHED
    primask, faultmask, basepri = (
        int(arm.UC_ARM_REG_PRIMASK),
        int(arm.UC_ARM_REG_FAULTMASK),
        int(arm.UC_ARM_REG_BASEPRI),
    )

    @njit(inline="always")  # type: ignore[untyped-decorator]
    def register(engine: Any, words: Any, tally: Any, number: Any) -> Any:
        words[scratch] = 0
        read_register(engine, number, pointer(tally + 8 * scratch))
        return words[scratch] & 0xFF

    @njit  # type: ignore[untyped-decorator]
    def is_due(engine: Any, words: Any, tally: Any) -> Any:
        level = words[urgency]
        if level < 0:
            return not register(engine, words, tally, faultmask)
        if register(engine, words, tally, primask) or register(engine, words, tally, faultmask):
            return False
        base = register(engine, words, tally, basepri) & words[basepri_mask]
        return base == 0 or level < base

    @njit  # type: ignore[untyped-decorator]
    def length(words: Any, address: Any, size: Any) -> Any:
        """Count the instructions, and mark what was fetched in the map of code."""
        for i in range(words[n_memories]):
            base, end = words[memories + 4 * i], words[memories + 4 * i + 1]
            if base <= address and address + size <= end:
                at = address - base
                code = carray(pointer(words[memories + 4 * i + 2]), (end - base,), np.uint8)
                marks = carray(
                    pointer(words[memories + 4 * i + 3]), (((end - base) >> fetched) + 1,), np.uint8
                )
                for granule in range(at >> fetched, ((at + size - 1) >> fetched) + 1):
                    marks[granule] = 1
                n, last = 0, at + size
                while at + 1 < last:
                    at += 4 if code[at + 1] >> 3 >= 0b11101 else 2
                    n += 1
                return n
        return size // 2

    @cfunc(types.void(types.voidptr, types.uint64, types.uint32, types.voidptr))  # type: ignore[untyped-decorator]
    def before_block(engine: Any, address: Any, size: Any, tally_pointer: Any) -> None:
        words = carray(tally_pointer, (n_words,), np.int64)
        tally = words.ctypes.data
        if words[now] >= words[alarm] or (
            words[urgency] < none and not words[overlook] and is_due(engine, words, tally)
        ):
            words[reason] = attention
            stop(engine)
            return
        words[overlook] = 0
        if words[blocks_left] <= 0:
            words[reason] = slice_over
            stop(engine)
            return
        start, extent = np.int64(address), np.int64(size)
        n = length(words, start, extent)
        words[blocks_left] -= 1
        words[instructions] += n
        words[now] += n * words[price]
        words[last_start], words[last_end] = start, start + extent

    return before_block


def _function(function: Any, *parameters: Any) -> Any:
    """Return a C function of the emulator's library as one that numba can call."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.CFUNCTYPE(ctypes.c_int, *parameters)(address)
