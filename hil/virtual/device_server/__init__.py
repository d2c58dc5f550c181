"""Virtual boards as devices on the desk: up in a process of their own, for every other process.

``eegrig virtual up`` starts the process (`daemon`), which holds the boards on one loop and one air
(`server`) and gives each what a board has: a serial port (`serial_port`), a debug probe
(`probe_server`, and `remote_chip` at pyOCD's end), and Bluetooth adapters beside it
(`hci_server`, and `radio` at bleak's end). What is up is found through a file in each board's
state directory (`registry`); commands reach the process over a socket (`control`).

Importing this package is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eegrig.hil.virtual.device_server.radio import backends, central

__all__ = ["backends", "central"]


def __getattr__(name: str) -> Any:
    # Bumble and bleak are wanted by the radio's users only; pyOCD's plugin imports this package.
    if name in __all__:
        from eegrig.hil.virtual.device_server import radio

        return getattr(radio, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
