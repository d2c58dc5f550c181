"""One board through all it takes to leave with its firmware: flashed, checked, tested, locked.

What is asked for is an `Order`, the same for all boards of a run; what came out is an `Outcome`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from eegrig.boards.errors import BoardFault, EegrigError
from eegrig.host.flashing.flash import ErasePolicy, FlashReport, flash
from eegrig.host.flashing.flash_record import FlashRecord, append_record, now
from eegrig.host.process.run_async import run_async

if TYPE_CHECKING:
    from eegrig.boards.schema import Board
    from eegrig.host.console.console import RunningFirmware
    from eegrig.host.recording.self_test import SelfTestFigure
    from eegrig.host.runtime.runtime_file import Runtime

__all__ = ["Order", "Outcome", "Station", "produce"]


class Station(NamedTuple):
    """Where a board is.

    Attributes
    ----------
    probe : str or None
        pyOCD's id of its probe; None if there is only one.
    console : str or None
        URL of its console, to check what boots.
    radio : str or None
        Radio that reaches it, see `host.link.radio`.
    address : str or None
        Its Bluetooth address; None for the one its chip makes, or where a radio shows no addresses
        or the chip's is not known, for the name that boards of its kind advertise.
    alone : bool
        Whether no other board of its kind is within reach.
    """

    probe: str | None
    console: str | None = None
    radio: str | None = None
    address: str | None = None
    alone: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """What is to happen to boards.

    Attributes
    ----------
    board : Board
    image : bytes
        What goes into the file-system region.
    image_hash, version : str
        Identity of its firmware.
    runtime : Path, Runtime or None
    erase : ErasePolicy
    trust : bytes or None
        As `host.flashing.flash.flash` takes them.
    unlock : bool
        Erase a chip that is locked, to open it.
    lock : bool
        Lock the chip, after everything else.
    self_test : bool
        Test the board over its radio.
    record : Path or None
        File of the manufacturing record.
    operator : str
        Who does it, for the record.
    """

    board: Board
    image: bytes
    image_hash: str
    version: str
    runtime: Path | Runtime | None = None
    erase: ErasePolicy = "auto"
    trust: bytes | None = None
    unlock: bool = False
    lock: bool = False
    self_test: bool = False
    record: Path | None = None
    operator: str = "unknown"


@dataclasses.dataclass
class Outcome:
    """What came out for one board.

    Attributes
    ----------
    probe : str or None
        The probe, as far as it is known.
    report : FlashReport or None
        None if it was not flashed.
    identity : RunningFirmware or None
        What the firmware said on the console, if that was asked for.
    figures : list of SelfTestFigure or None
        Of the self-test, if that was asked for.
    unlocked : bool
        Whether the chip was locked, and is erased and open now.
    locked : bool
        Whether the chip was locked in the end.
    duration_s : float
        Wall time of all of it.
    error : str or None
        Why it is not finished, in one line.
    exit_code : int
        0, or what that error ends a command with.
    traceback : str or None
        What the firmware printed, if it fails to boot.
    """

    probe: str | None
    report: FlashReport | None = None
    identity: RunningFirmware | None = None
    figures: list[SelfTestFigure] | None = None
    unlocked: bool = False
    locked: bool = False
    duration_s: float = 0.0
    error: str | None = None
    exit_code: int = 0
    traceback: str | None = None

    def fail(self, error: EegrigError) -> None:
        """Note why it is not finished; the first reason is the one that counts."""
        if self.error is None:
            self.error, self.exit_code = str(error), error.exit_code
            self.traceback = getattr(error, "traceback", None)


def produce(
    order: Order, station: Station, progress: Callable[[float], None] | None = None
) -> Outcome:
    """Take one board through an order, and note in the record what came out.

    Parameters
    ----------
    order : Order
    station : Station
    progress : callable or None
        Called with the fraction of the flash that is done.

    Returns
    -------
    Outcome
        Also for a board that failed: nothing that eegrig raises leaves this function.
    """
    outcome = Outcome(station.probe)
    time_began, start_ns = now(), time.monotonic_ns()
    try:
        _produce(order, outcome, station, progress)
    except EegrigError as error:
        outcome.fail(error)
    outcome.duration_s = (time.monotonic_ns() - start_ns) / 1e9
    if order.record is not None:
        try:
            append_record(order.record, _record(order, outcome, time_began))
        except EegrigError as error:
            outcome.fail(error)
    return outcome


def _produce(
    order: Order,
    outcome: Outcome,
    station: Station,
    progress: Callable[[float], None] | None,
) -> None:
    board = order.board
    with contextlib.ExitStack() as stack:
        console = None
        if station.console is not None:
            from eegrig.host.console.console import Console

            # It listens before the reset: the banner comes only once.
            console = stack.enter_context(Console.open(station.console))
        if order.unlock:
            from eegrig.host.flashing.chip_lock import mass_erase_unlock

            outcome.unlocked = mass_erase_unlock(board, outcome.probe)
        outcome.report = flash(
            board,
            order.image,
            probe=outcome.probe,
            runtime=order.runtime,
            erase=order.erase,
            trust=order.trust,
            progress=progress,
        )
        outcome.probe = outcome.report.probe
        if console is not None:
            outcome.identity = run_async(console.identity())
            _check_identity(outcome.identity, order)
    if order.self_test:
        outcome.figures = run_async(_self_test(order, station, outcome.report.radio_address))
        missed = [figure for figure in outcome.figures if not figure.passed]
        if missed:
            raise BoardFault(f"the self-test failed: {', '.join(map(_described, missed))}")
    if order.lock:
        from eegrig.host.flashing.chip_lock import lock

        lock(board, outcome.probe)
        outcome.locked = True


def _check_identity(identity: RunningFirmware, order: Order) -> None:
    if identity.board != order.board.name:
        raise BoardFault(
            f"the board says it is {identity.board}, and {order.board.name} was flashed: is this "
            "the console of another board?"
        )
    if identity.image_hash != order.image_hash:
        raise BoardFault(
            f"the board runs image {identity.image_hash[:12]}, not {order.image_hash[:12]} that "
            "was flashed: is this the console of another board?"
        )


async def _self_test(
    order: Order, station: Station, radio_address: str | None
) -> list[SelfTestFigure]:
    from eegrig.host.link.connection import connect
    from eegrig.host.link.radio import open_radio, shows_addresses
    from eegrig.host.recording.self_test import self_test

    known = radio_address if shows_addresses(station.radio) else None
    if not (station.address or known or station.alone):
        raise BoardFault(
            "its chip tells no Bluetooth address, and boards of its kind advertise under one name: "
            "name it with --address UID=ADDRESS"
        )
    async with (
        open_radio(station.radio) as backends,
        connect(
            station.address or known or order.board.radio.name,
            scanner_backend=backends.scanner_backend,
            client_backend=backends.client_backend,
        ) as link,
    ):
        return await self_test(link, order.board, order.image_hash)


def _described(figure: SelfTestFigure) -> str:
    where = f" of {figure.channel}" if figure.channel else ""
    low = "" if figure.low is None else f"{figure.low:.4g} <= "
    high = "" if figure.high is None else f" <= {figure.high:.4g}"
    return f"{figure.name}{where} {figure.value:.4g} {figure.unit} (limits: {low}it{high})"


def _record(order: Order, outcome: Outcome, time_began: str) -> FlashRecord:
    report = outcome.report
    figures: list[dict[str, Any]] | None = None
    if outcome.figures is not None:
        figures = msgspec.to_builtins(outcome.figures)
    return FlashRecord(
        time=time_began,
        operator=order.operator,
        board=order.board.name,
        probe=outcome.probe,
        chip=report.chip if report else None,
        chip_id=report.chip_id if report else None,
        radio_address=report.radio_address if report else None,
        version=order.version,
        image_hash=order.image_hash,
        runtime_sha256=report.runtime_sha256 if report else None,
        way=report.way if report else None,
        locked=outcome.locked,
        duration_s=round(outcome.duration_s, 3),
        result="pass" if outcome.error is None else "fail",
        exit_code=outcome.exit_code,
        error=outcome.error,
        self_test=figures,
    )
