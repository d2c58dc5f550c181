"""The wire protocol between a board and a computer, version 1, without any input or output.

Bytes in, values out, and commands to bytes; ``docs/protocol.md`` specifies every byte. What does
not fit that specification raises `ProtocolError` with one line that says why, never anything else.
"""

from __future__ import annotations
