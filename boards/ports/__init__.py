"""MicroPython as boards run it: what a port and its builds are like, each fact with its source.

``<port>.toml`` says what is true of a port and, in a column for each stock build, what is true of
that build; options a board may ask for beyond it stand there too. `board_runtime` puts together
what a board runs.

>>> from eegrig.boards import load_board
>>> runtime = board_runtime(load_board("headphone8"))
>>> runtime.memory.heap_bytes, runtime.row("memory.heap_bytes").source
(154048, 'the stock binary of 1c3c201149: _heap_end - _heap_start')
"""

from __future__ import annotations

from eegrig.boards.ports.facts import BluetoothFacts, MemoryFacts, PinFacts
from eegrig.boards.ports.port import Option, Port, list_ports, load_port
from eegrig.boards.ports.prices import CallFacts, PriceFacts
from eegrig.boards.ports.rows import Row
from eegrig.boards.ports.runtime import Runtime, beyond_stock, board_runtime, stock_runtime

__all__ = [
    "BluetoothFacts",
    "CallFacts",
    "MemoryFacts",
    "Option",
    "PinFacts",
    "Port",
    "PriceFacts",
    "Row",
    "Runtime",
    "beyond_stock",
    "board_runtime",
    "list_ports",
    "load_port",
    "stock_runtime",
]
