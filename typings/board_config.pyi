# The module that `host.board_config` writes into every image: a board, as the firmware needs to
# know it.
from typing import Any, Final

NAME: Final[str]
KIND: Final[int]
AFE_DRIVER: Final[str]
CHANNELS: Final[tuple[str, ...]]
GAIN: Final[int]
HIGH_RESOLUTION: Final[bool]
VREF_UV: Final[int]
RATES: Final[tuple[int, ...]]
DEFAULT_RATE: Final[int]
# Pins and buses are what `machine` of the board's port takes: names, numbers or tuples.
SPI_ID: Final[Any]
SPI_HZ: Final[int]
PIN_CS: Final[Any]
PIN_DRDY: Final[Any]
PIN_RESET: Final[Any]
PIN_START: Final[Any]
PIN_PWDN: Final[Any]
PIN_BATTERY: Final[Any]
ADC_REFERENCE_UV: Final[int]
OPTICS: Final[dict[str, Any] | None]
BATTERY_DIVIDER: Final[int]
BLE_NAME: Final[str]
ADV_INTERVAL_US: Final[int]
MTU: Final[int]
SHORTEST_PACKET_US: Final[int]
