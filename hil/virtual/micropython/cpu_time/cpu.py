"""What the firmware's instructions cost: CPU time of MicroPython on the board's processor.

No interpreter on a PC can tell how long a microcontroller takes. The prices are the runtime's
(`boards.ports`): instructions per event of the bytecode, cycles per function of the port. The
image's files are handed to the interpreter as copies that say what they cost as they run
(`charging`); what else runs (scripts, code typed at the prompt) is charged by its jumps, which the
interpreter tells of.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from eegrig.boards.assumed import Assumed
from eegrig.boards.ports import Runtime
from eegrig.hil.virtual.micropython.cpu_time.bytecode import BytecodeError, Module
from eegrig.hil.virtual.micropython.cpu_time.charging import charging_copy, check_code
from eegrig.hil.virtual.micropython.cpu_time.pricing import FunctionPrices, ImagePrices

__all__ = ["ChargingFile", "CpuModel", "cpu_assumptions"]

_WORD_FACTOR = 2  # bytes of the interpreter here, of 64 bits, for one of the board's


class ChargingFile(NamedTuple):
    """A file of the image and what the interpreter runs instead.

    Attributes
    ----------
    size, checksum : int
        Of the file itself, by which it is known: length and CRC-32.
    copy : bytes
    functions : tuple of (bytes, int)
        What the interpreter keeps of each function of the copy, and how many bytes it would keep of
        the file's own.
    """

    size: int
    checksum: int
    copy: bytes
    functions: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True)
class CpuModel:
    """Prices of one firmware image on one CPU, in integer nanoseconds.

    Attributes
    ----------
    jump_ns : int
        What lies between two jumps of code that does not say what it costs.
    allocation_ns : int
        A byte allocated by the interpreter here.
    call_ns : dict of str to int
        The port's own code: functions beyond their call, and interrupts
        (`boards.ports.CallFacts`).
    files : tuple of ChargingFile
    """

    jump_ns: int
    allocation_ns: int
    call_ns: Mapping[str, int]
    files: tuple[ChargingFile, ...] = field(default=(), repr=False)

    @classmethod
    def of_image(cls, files: Mapping[str, bytes], runtime: Runtime, clock_hz: float) -> CpuModel:
        """Return the model of an image.

        Parameters
        ----------
        files : mapping of str to bytes
            The ``.mpy`` files that may run, by path. One that is no bytecode is left to the
            interpreter, which says what is wrong with it.
        runtime : Runtime
            Whose prices apply.
        clock_hz : float
            CPU clock in hertz.
        """
        prices = runtime.prices

        def ns(cycles: float) -> int:
            return round(cycles / clock_hz * 1e9)

        per_byte = prices.allocated_byte + prices.collected_byte
        return cls(
            ns(prices.unpriced_jump * prices.cycles_per_instruction),
            ns(per_byte * prices.cycles_per_instruction / _WORD_FACTOR),
            {name: ns(cycles) for name, cycles in msgspec.structs.asdict(runtime.calls).items()},
            _charging_files(tuple(sorted(files.items())), runtime.port, runtime.build, clock_hz)
            if files
            else (),
        )

    @property
    def function_sizes(self) -> dict[bytes, int]:
        """What the interpreter keeps of the copies' functions, and the bytes of the files' own."""
        return dict(function for file in self.files for function in file.functions)

    def for_shim(self) -> tuple[str, bytes]:
        """Return the figures as the Python literal that the shim reads, and the copies."""
        places = {}
        at = 0
        for file in self.files:
            places[file.size, file.checksum] = at
            at += len(file.copy)
        figures = {
            "jump_ns": self.jump_ns,
            "allocation_ns": self.allocation_ns,
            "call_ns": dict(self.call_ns),
            "copies": places,
        }
        return repr(figures), b"".join(file.copy for file in self.files)


def cpu_assumptions(runtime: Runtime) -> tuple[Assumed, ...]:
    """Return what CPU time on a runtime rests on that was not measured on a board."""
    spread = runtime.prices.spread
    rows = runtime.assumed("prices", "calls")
    counted = runtime.row("prices.cycles_per_instruction").source is not None
    basis = "counted in the stock binary" if counted else "taken over from the stm32 port"
    return (
        Assumed(part=runtime.port, key="cpu_time", value=spread, unit="x/÷", source=basis),
        Assumed(
            part=runtime.port,
            key="cpu_prices_assumed",
            value=len(rows),
            source=f"boards/ports/{runtime.port}.toml",
        ),
    )


@lru_cache(maxsize=16)
def _charging_files(
    files: tuple[tuple[str, bytes], ...], port: str, build: str, clock_hz: float
) -> tuple[ChargingFile, ...]:
    """Return the copies of an image's files; kept, for a board boots the same ones often."""
    return tuple(
        _charging_file(content, module, functions, clock_hz)
        for content, module, functions in _priced(files, port, build)
    )


@lru_cache(maxsize=4)
def _priced(
    files: tuple[tuple[str, bytes], ...], port: str, build: str
) -> list[tuple[bytes, Module, list[FunctionPrices]]]:
    """Return an image's files, each with its prices in cycles: the same at any clock."""
    from eegrig.boards.ports import stock_runtime

    runtime = stock_runtime(port, build)
    modules = dict(_modules(files))
    data = dict(files)
    prices = ImagePrices(modules, runtime.prices, runtime.calls)
    return [(data[path], module, prices.functions(path)) for path, module in modules.items()]


def _charging_file(
    content: bytes, module: Module, functions: list[FunctionPrices], clock_hz: float
) -> ChargingFile:
    copy = charging_copy(module, functions, clock_hz)
    sizes = tuple(
        (charging.encode(), len(code.encode()))
        for code, charging in zip(module.body.walk(), copy.body.walk(), strict=True)
    )
    return ChargingFile(len(content), zlib.crc32(content), copy.encode(), sizes)


def _modules(files: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, Module]]:
    """Return those files that are bytecode; of the others the interpreter says what is wrong."""
    for path, content in files:
        try:
            module = Module.parse(content)
            check_code(module)
        except BytecodeError:
            continue
        yield path, module
