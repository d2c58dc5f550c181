"""The power model against what others have published, row by row of ``docs/validation.md``.

Charge of one radio event at the chip's pins, which is what those measurements give. V1 to V6 were
taken on nRF52832 kits, V7 to V9 are Nordic's own profiler, V10 is a range of an nRF52840-class
board, V11 tests how charge goes with the interval, once with what the radio does told by hand and
once by the link layer of the virtual board. Front ends are held against their data sheets.

The model was fitted to some of the rows (``boards/parts/nrf52840.toml``): the processor's share of
an empty connection event to 4.5 uC (V8, V10), that of a further packet to V1 to V3. V4 is V1's
event, seldom. The others had no say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from eegrig.boards import Board, load_board, load_part
from eegrig.hil.pages.runs.ledger_bench import LedgerBench
from eegrig.hil.pages.runs.link_layer import connection_current_a
from eegrig.hil.pages.stored import Figures, StoredFigure
from eegrig.hil.virtual.afe.power import AfeState
from eegrig.hil.virtual.air.activity import ActivityKind
from eegrig.hil.virtual.power.ledger import PowerLedger
from eegrig.hil.virtual.power.loads import SleepMode

__all__ = [
    "RADIO_BOARD",
    "RADIO_ROWS",
    "Activity",
    "RadioRow",
    "advertising",
    "both_awake_a",
    "connection",
    "event_charge_c",
    "floor_a",
    "front_end_w",
    "models",
    "optical_slot_w",
]

Activity = list[tuple[ActivityKind, int, int]]
"""What the radio does: kind, start and duration in microseconds."""

RADIO_BOARD = "headband8"
"""Board whose radio the rows are of; one of them runs its firmware, too."""

_US = 1_000
_BYTE_1M_US = 8
_OVERHEAD_BYTES = 1 + 4 + 2 + 3  # preamble, access address, header, CRC
_ADDRESS_BYTES = 6
_T_IFS_US = 150
_RETUNE_US = 150  # between channels; assumed, as in hil/virtual/air
_LISTEN_US = 44  # in vain, until the end of an access address


def advertising(data_bytes: int, *, connectable: bool) -> Activity:
    """Return the activity of one advertising event on three channels, 1M."""
    parts: Activity = []
    time_us = 0
    for _ in range(3):
        air_us = (_OVERHEAD_BYTES + _ADDRESS_BYTES + data_bytes) * _BYTE_1M_US
        parts.append(("tx", time_us, air_us))
        time_us += air_us
        if connectable:
            parts.append(("ifs", time_us, _T_IFS_US))
            parts.append(("rx", time_us + _T_IFS_US, _LISTEN_US))
            time_us += _T_IFS_US + _LISTEN_US
        time_us += _RETUNE_US
    return [*parts, ("advertising_event", 0, time_us - _RETUNE_US)]


def connection(*, widening_us: int, payload_bytes: int = 0) -> Activity:
    """Return the activity of one connection event: an empty packet received, one sent, 1M."""
    empty_us = _OVERHEAD_BYTES * _BYTE_1M_US
    listened_us = widening_us + empty_us
    sent_us = (_OVERHEAD_BYTES + payload_bytes) * _BYTE_1M_US
    return [
        ("rx", 0, listened_us),
        ("ifs", listened_us, _T_IFS_US),
        ("tx", listened_us + _T_IFS_US, sent_us),
        ("connection_event", 0, listened_us + _T_IFS_US + sent_us),
    ]


def event_charge_c(board: Board, supply_v: float, activity: Activity) -> float:
    """Return the charge the radio takes for an activity at a supply voltage, in coulombs."""
    supply = msgspec.structs.replace(board.supply, mcu_v=supply_v)
    bench = LedgerBench(msgspec.structs.replace(board, supply=supply))

    def report(ledger: PowerLedger) -> None:
        for kind, start_us, duration_us in activity:
            ledger.radio(kind, 10_000_000 + start_us * _US, duration_us * _US)

    return bench.capture(report, 50_000_000).energy_j["radio"] / supply_v


@dataclass(frozen=True)
class RadioRow:
    """A published measurement of a radio.

    Attributes
    ----------
    name : str
        In the name of its figure.
    row, conditions, published : str
        As the page says it.
    unit : {"C", "A"}
        Charge of an event, or mean current.
    measured : float
        What the model is held to.
    tolerance : float
        Relative.
    supply_v : float
    activity : Activity
    interval_s : float
        Between events, for a current.
    floor_a : float
        What flows besides the events.
    is_range : bool
        Whether a range was published, and `measured` lies in it.
    fitted : bool
        Whether a figure of the part was chosen so that this row, or another of the same event on
        the same kit, comes out: then it shows that nobody moves the model, not that it is right.
    by_link_layer : bool
        Whether the virtual board's own link layer says what the radio does, and not `activity`.
    """

    name: str
    row: str
    conditions: str
    published: str
    unit: Literal["C", "A"]
    measured: float
    tolerance: float
    supply_v: float
    activity: Activity
    interval_s: float = 0.0
    floor_a: float = 0.0
    is_range: bool = False
    fitted: bool = False
    by_link_layer: bool = False

    def modelled(self, board: Board) -> float:
        """Return what the model says, for a board with the same radio."""
        if self.by_link_layer:
            return connection_current_a(board, self.supply_v, round(self.interval_s * 1e3))
        charge_c = event_charge_c(board, self.supply_v, self.activity)
        return charge_c if self.unit == "C" else charge_c / self.interval_s + self.floor_a


def _in_a_connection(name: str, row: str, conditions: str, ms: int, measured_ua: int) -> RadioRow:
    # 50 ppm of widening each way are assumed.
    widening_us = round(16 + 2 * 50e-6 * ms * 1000)
    return RadioRow(
        name, row, conditions, f"{measured_ua} µA", "A", measured_ua * 1e-6, 0.20, 3.3,
        connection(widening_us=widening_us), interval_s=ms * 1e-3,
    )  # fmt: skip


_BEACON = advertising(17, connectable=False)
RADIO_ROWS = (
    RadioRow(
        "v1", "V1", "nRF52832, advertising 17 B, not connectable, 3.3 V (Zephyr, Joulescope)",
        "8.70 µC", "C", 8.70e-6, 0.15, 3.3, _BEACON, fitted=True,
    ),
    RadioRow(
        "v2", "V2", "the same, 2.7 V", "10.0 µC", "C", 10.0e-6, 0.15, 2.7, _BEACON, fitted=True
    ),
    RadioRow(
        "v3", "V3", "as V1 (PPK2)", "8.67 µC", "C", 8.67e-6, 0.15, 3.3, _BEACON, fitted=True
    ),
    RadioRow(
        # 1.4 uA of it is the nRF52832's sleep current.
        "v4", "V4", "as V1, every 10 s: average current", "2.28 µA", "A", 2.28e-6, 0.15, 3.3,
        _BEACON, interval_s=10.0, floor_a=1.4e-6, fitted=True,
    ),
    RadioRow("v5", "V5", "as V1 (bare-metal beacon)", "7.36 µC", "C", 7.36e-6, 0.15, 3.3, _BEACON),
    RadioRow(
        # Payload and supply are not in the excerpt: 17 B and 3.3 V assumed.
        "v6", "V6", "BL652 module, connectable, payload not given", "10.64 µC", "C", 10.64e-6,
        0.20, 3.3, advertising(17, connectable=True),
    ),
    RadioRow(
        "v7", "V7", "Nordic's profiler, connectable, 0 B, 3.3 V", "8.55 µC", "C", 8.55e-6, 0.30,
        3.3, advertising(0, connectable=True),
    ),
    RadioRow(
        # 3 B of payload with L2CAP and ATT headers; 1 s interval: 60 us of widening.
        "v8", "V8", "Nordic's profiler, connection, 3 B, 1 s interval, 3.3 V", "4.5 µC", "C",
        4.5e-6, 0.30, 3.3, connection(widening_us=60, payload_bytes=10), fitted=True,
    ),
    RadioRow(
        "v9", "V9", "Nordic's profiler, connectable, 15 B, 3 V", "11.5 µC", "C", 11.5e-6, 0.30,
        3.0, advertising(15, connectable=True),
    ),
    RadioRow(
        "v10", "V10", "nRF52840 class, connection, 20 ms interval, 3 V", "4.5 to 6.4 µC", "C",
        5.4e-6, 0.30, 3.0, connection(widening_us=16), is_range=True, fitted=True,
    ),
    _in_a_connection(
        "v11_200", "V11", "other silicon (SF32LB52), what a connection adds at 200 ms", 200, 21
    ),
    _in_a_connection("v11_500", "", "at 500 ms", 500, 9),
    _in_a_connection("v11_1000", "", "at 1000 ms", 1000, 5),
    RadioRow(
        "v11_link_200", "V11", "the same at 200 ms, by the virtual board's link layer", "21 µA",
        "A", 21e-6, 0.20, 3.3, [], interval_s=0.2, by_link_layer=True,
    ),
    RadioRow(
        "v11_link_1000", "", "at 1000 ms", "5 µA", "A", 5e-6, 0.20, 3.3, [], interval_s=1.0,
        by_link_layer=True,
    ),
)  # fmt: skip
"""All rows; the page's table is made of them."""


def front_end_w(board: Board, state: AfeState, avdd_v: float, dvdd_v: float) -> float:
    """Return what a board's front end takes at its pins, in watts."""
    supply = msgspec.structs.replace(board.supply, mcu_v=dvdd_v)
    afe = LedgerBench(msgspec.structs.replace(board, supply=supply)).ledger.afe
    avdd_a, dvdd_a = afe.currents(state)
    return avdd_a * avdd_v + dvdd_a * dvdd_v


def optical_slot_w() -> float:
    """Return what the ADPD4101 takes at its pins with one time slot at 25 Hz, in watts."""
    part = load_part("adpd4101")
    slot_s = part["slot_overhead_time"].si + 2 * 24e-6
    return (part["iavdd_go"].si + 25 * slot_s * part["iavdd_slot"].si) * 1.8


def floor_a(board: Board, mode: SleepMode) -> float:
    """Return what a board's processor draws while it waits, in amperes."""
    bench = LedgerBench(board)
    second_ns = 1_000_000_000
    capture = bench.capture(lambda ledger: ledger.mcu.set_sleep(0, mode), second_ns)
    return capture.energy_j["mcu"] / board.supply.mcu_v


def both_awake_a(part: str) -> float:
    """Return what a chip with a second processor draws while both are busy, in amperes."""
    figures = load_part(part)
    return figures["cpu_active"].si + figures["link_cpu"].si


def models() -> Figures:
    """Return what the model says for every row, and what front ends take.

    Returns
    -------
    dict of str to StoredFigure
        ``radio.ROW``, ``front_end.PART...`` and ``floor.PART...``.
    """
    headband8, headphone8, earpatch2 = map(load_board, (RADIO_BOARD, "headphone8", "earpatch2"))
    found = {
        f"radio.{row.name}": StoredFigure.of(row.modelled(headband8), row.unit)
        for row in RADIO_ROWS
    }
    taken: dict[str, Callable[[], float]] = {
        "ads1299.at_3v3": lambda: front_end_w(headband8, AfeState("on", 8), 5.0, 3.3),
        "ads1299.at_1v8": lambda: front_end_w(headband8, AfeState("on", 8), 5.0, 1.8),
        "ads1298.channel": lambda: front_end_w(headphone8, AfeState("on", 8), 3.0, 1.8) / 8,
        "ads1298.high_resolution": lambda: front_end_w(
            headphone8, AfeState("on", 8, high_resolution=True), 3.0, 1.8
        ),
        "ads1292r.two_channels": lambda: front_end_w(earpatch2, AfeState("on", 2), 3.0, 1.8),
        "ads1292r.one_channel": lambda: front_end_w(earpatch2, AfeState("on", 1), 3.0, 1.8),
        "adpd4101.slot": optical_slot_w,
    }
    found |= {f"front_end.{key}": StoredFigure.of(take(), "W") for key, take in taken.items()}
    floors = {
        "nrf52840.idle": floor_a(headband8, "idle"),
        "stm32wb55.light_sleep": floor_a(headphone8, "light"),
        "stm32wb55.both_awake": both_awake_a("stm32wb55"),
    }
    found |= {f"floor.{key}": StoredFigure.of(amperes, "A") for key, amperes in floors.items()}
    return found
