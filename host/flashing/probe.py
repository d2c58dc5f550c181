"""Debug probes, as pyOCD finds and opens them, with its errors in one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from eegrig.boards.errors import BoardFault, ConfigError, InfrastructureError
from eegrig.host.console.device_holders import probe_holders
from eegrig.host.flashing.chip_identity import is_of_family, is_read_protected, may_be_of_family

if TYPE_CHECKING:
    from eegrig.boards.schema import Board

__all__ = [
    "ProbeInfo",
    "explained",
    "fitting_probes",
    "is_locked",
    "list_probes",
    "one_line",
    "probe_session",
]

# Arm ADIv5, C1.3: a port is bits 31 to 24 of the address; IDR of one that is not there reads as 0.
_AP_IDR, _ACCESS_PORTS = 0xFC, 4

_FORCED_OPTIONS: dict[str, Any] = {
    # A locked chip is reported, never erased behind the user's back.
    "auto_unlock": False,
    "connect_mode": "halt",
    "hide_programming_progress": True,
    # Pages that are right already are left alone, but their CRC-32 does not tell: LittleFS ends
    # its blocks with that very CRC, which makes different blocks of one length look the same.
    "smart_flash": True,
    "fast_program": False,
    "chip_erase": "sector",
}
# A pyocd.yaml of the user's may set these otherwise.
_DEFAULT_OPTIONS: dict[str, Any] = {
    "frequency": 4_000_000,
    "flash.timeout.program": 3.0,
    "flash.timeout.erase_sector": 3.0,
    "reset.post_delay": 0.05,
}


class ProbeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A debug probe.

    Attributes
    ----------
    uid : str
        pyOCD's id.
    description : str
        Maker and product.
    target : str or None
        pyOCD target of the board it sits on, if the probe knows.
    board : str or None
        Name of that board, if the probe knows.
    on_demand : bool
        Whether there is a board behind it only while it is used.
    """

    uid: str
    description: str
    target: str | None
    board: str | None = None
    on_demand: bool = False


def list_probes() -> list[ProbeInfo]:
    """List the debug probes that pyOCD finds, by id."""
    with _quiet():
        found = [_probe_info(probe) for probe in _find_probes(None)]
    return sorted(found, key=lambda probe: probe.uid)


def _probe_info(probe: Any) -> ProbeInfo:
    return ProbeInfo(
        uid=probe.unique_id,
        description=probe.description,
        target=getattr(probe.associated_board_info, "target", None),
        board=getattr(probe.associated_board_info, "name", None),
        on_demand=bool(getattr(probe, "on_demand", False)),
    )


def fitting_probes(board: Board) -> list[str]:
    """Choose the probes of every board of a kind that is connected.

    A probe that says that it sits on another of our boards, or on another chip, does not fit. One
    with a board only while it is used is not connected to any: it is taken when it is named.

    Returns
    -------
    list of str
        Their ids.

    Raises
    ------
    InfrastructureError
        If there is none.
    """
    with _quiet():
        fitting = [
            str(probe.unique_id)
            for probe in _with_a_board(board, _find_probes(None))
            if _fits(board, probe)
        ]
    if not fitting:
        raise _no_probe(board)
    return sorted(fitting)


def _with_a_board(board: Board, probes: Sequence[Any]) -> list[Any]:
    """Leave out probes behind which there is no board now, or another one of ours."""
    from eegrig.boards import list_boards

    others = set(list_boards()) - {board.name}
    infos = [(probe, _probe_info(probe)) for probe in probes]
    return [probe for probe, info in infos if not info.on_demand and info.board not in others]


def _fits(board: Board, probe: Any) -> bool:
    return _probe_info(probe).target in (None, board.mcu.pyocd_target)


def _no_probe(board: Board) -> InfrastructureError:
    return InfrastructureError(
        f"no debug probe found that a {board.name} could be behind: connect one, bring a virtual "
        f"board up (`eegrig virtual up {board.name}`), or name one with --probe"
    )


@contextmanager
def probe_session(board: Board, uid: str | None, *, locked_too: bool = False) -> Iterator[Any]:
    """Open a pyOCD session on a board.

    Parameters
    ----------
    board : Board
        The board; it decides the target.
    uid : str or None
        pyOCD's id of the probe, or a part of it; None for the only one that fits and has a board
        behind it.
    locked_too : bool
        Also where the chip is locked; there is little to be done with it then.

    Yields
    ------
    pyocd.core.session.Session
        The open session; the core is halted.

    Raises
    ------
    ConfigError
        If pyOCD does not know the board's target.
    InfrastructureError
        If there is no probe or more than one, or it does not reach the chip.
    BoardFault
        If the chip is locked, and that was not asked for.
    """
    with _quiet():
        session = _make_session(board, _choose_probe(board, uid))
        name = str(session.probe.unique_id)
        try:
            _connect(session, board, name, locked_too=locked_too)
            yield session
        finally:
            with explained(name, "letting go of the board"):
                session.close()


def _find_probes(uid: str | None) -> list[Any]:
    from pyocd.core import exceptions
    from pyocd.probe.aggregator import DebugProbeAggregator

    try:
        return list(DebugProbeAggregator.get_all_connected_probes(uid))
    except exceptions.Error as error:
        raise InfrastructureError(f"pyOCD cannot look for probes: {one_line(error)}") from error


def _choose_probe(board: Board, uid: str | None) -> Any:
    found = _find_probes(uid)
    if uid is None:
        found = _with_a_board(board, found)
        # What a probe says of its target is the maker's word for a board that it came with: of
        # several it tells which one is meant, but an only one may have been wired to another.
        found = [probe for probe in found if _fits(board, probe)] or found
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(str(probe.unique_id) for probe in found))
        raise InfrastructureError(f"several debug probes fit: choose one with --probe: {ids}")
    if uid is None:
        raise _no_probe(board)
    ids = ", ".join(sorted(str(probe.unique_id) for probe in _find_probes(None))) or "none"
    raise InfrastructureError(f"no debug probe with the id {uid!r}; there are: {ids}")


def _make_session(board: Board, probe: Any) -> Any:
    from pyocd.core import exceptions
    from pyocd.core.session import Session

    target = board.mcu.pyocd_target
    try:
        session = Session(
            probe,
            auto_open=False,
            options={**_FORCED_OPTIONS, "target_override": target},
            option_defaults=_DEFAULT_OPTIONS,
        )
    except exceptions.TargetSupportError as error:
        raise ConfigError(
            f"pyOCD does not know the target {target!r} of {board.name}: install eegrig[virtual], "
            "or the chip's CMSIS pack, see `pyocd list --targets`"
        ) from error
    _drop_register_descriptions(session.target)
    return session


def _drop_register_descriptions(target: Any) -> None:
    """Close the archive of register descriptions, which pyOCD opens and never closes.

    Only a debugger for people needs them, and reading them takes longer than flashing. All of
    this is internal to pyOCD: where it is not as expected, nothing is done.
    """
    member = getattr(getattr(target, "_svd_location", None), "filename", None)
    archive = getattr(getattr(member, "_fileobj", None), "_file", None)
    if member is not None and archive is not None:
        target._svd_location = None
        member.close()
        archive.close()


def _connect(session: Any, board: Board, uid: str, *, locked_too: bool) -> None:
    target = session.target
    try:
        with explained(uid, "connecting to the chip"):
            session.open()
    except _NotRecognised:
        with explained(uid, "asking the chip what it is"):
            # Asked anew: what pyOCD did not find may have been a cable.
            ports = [int(target.dp.read_ap(port << 24 | _AP_IDR)) for port in range(_ACCESS_PORTS)]
        _check_make(board, uid, ports)
        # pyOCD looks for no processor in a locked chip, and then misses it.
        if not is_locked(target, board, uid):
            raise
    else:
        _check_make(board, uid, [int(port.idr) for port in target.dp.aps.values()])
    if not locked_too and is_locked(target, board, uid):
        raise BoardFault(
            f"the chip of {board.name} behind {uid} is locked: to erase all of it and open it, "
            "flash with --mass-erase-unlock"
        )


def _check_make(board: Board, uid: str, ports: Sequence[int]) -> None:
    """Make sure that a chip is of the board's make before it is asked, or told, anything else."""
    if not may_be_of_family(board.mcu.pyocd_target, ports):
        raise _wrong_board(board, uid)


def _wrong_board(board: Board, uid: str) -> BoardFault:
    return BoardFault(
        f"wrong board: the chip behind {uid} is no {board.mcu.pyocd_target}, which a {board.name} "
        "has: choose the right probe or the right board"
    )


def is_locked(target: Any, board: Board, uid: str) -> bool:
    """Ask a chip whether it is locked.

    Parameters
    ----------
    target : pyocd.core.soc_target.SoCTarget
        Of a session that is open, or failed to open.
    board : Board
    uid : str
        The probe, for messages.
    """
    # Only families that can be locked have the method, and it needs its access port.
    if not hasattr(target, "is_locked") or getattr(target, "ctrl_ap", target) is None:
        return False
    with explained(uid, "asking the chip whether it is locked"):
        # A target from a CMSIS pack knows no lock: the chip is asked as well.
        if target.is_locked():
            return True
        if not is_read_protected(board.mcu.pyocd_target, target.read32):
            return False
    # What means "locked" in a chip of one make means anything, or nothing, in those of others.
    from pyocd.core import exceptions

    try:
        with explained(uid, "asking the chip what it is"):
            of_family = is_of_family(board.mcu.pyocd_target, target.read32)
    except InfrastructureError as error:
        if not isinstance(error.__cause__, exceptions.TransferFaultError):
            raise
        of_family = False  # there is nothing where chips of this make say what they are
    if not of_family:
        raise _wrong_board(board, uid)
    return True


class _NotRecognised(InfrastructureError):
    """PyOCD reached something, but not the chip it looks for."""


@contextmanager
def explained(uid: str, doing: str) -> Iterator[None]:
    """Turn pyOCD's exceptions into one line each."""
    from pyocd.core import exceptions

    try:
        yield
    except exceptions.ProbeError as error:
        others = " and ".join(map(str, probe_holders(uid)))
        busy = f"; it is in use by {others}: end it, and try again" if others else ""
        raise InfrastructureError(
            f"probe {uid} failed while {doing}: {one_line(error)}{busy}"
        ) from error
    except exceptions.TransferError as error:
        raise InfrastructureError(
            f"probe {uid} got no good answer while {doing} ({one_line(error)}): check cable and "
            "power and flash again, which mends it"
        ) from error
    except exceptions.FlashFailure as error:
        raise BoardFault(f"the flash memory failed while {doing}: {one_line(error)}") from error
    except exceptions.DebugError as error:
        # How pyOCD meets a chip that has no processor it can see.
        raise _NotRecognised(f"pyOCD failed while {doing}: {one_line(error)}") from error
    except exceptions.Error as error:
        raise InfrastructureError(f"pyOCD failed while {doing}: {one_line(error)}") from error
    except KeyError as error:
        # How pyOCD meets a chip that lacks an access port or a processor its target has.
        raise _NotRecognised(f"pyOCD misses {error} behind {uid} while {doing}") from error


def one_line(error: BaseException) -> str:
    """Give the first line of what an exception says."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyOCD's log out of the way, unless somebody is debugging with it."""
    logger = logging.getLogger("pyocd")
    level = logger.level
    if not logger.isEnabledFor(logging.DEBUG):
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
