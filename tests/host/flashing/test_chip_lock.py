"""Read-out protection of both chips: closed, and opened again by erasing everything."""

from collections.abc import Iterator

import pytest

from eegrig.boards.errors import BoardFault, ConfigError, InfrastructureError
from eegrig.hil.virtual.chip.chip import Chip
from eegrig.hil.virtual.debug_probe.probe import attach, detach
from eegrig.host.flashing.chip_lock import lock, mass_erase_unlock
from eegrig.host.flashing.flash import flash
from tests.host.chips import KINDS, Kind, with_target

UID = "virtual:lock-test"
DATA = bytes(range(256)) * 16


@pytest.fixture(params=KINDS)
def kind(request) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def chip(kind) -> Iterator[Chip]:
    chip = kind.chip(seed="lock-test")
    attach(UID, chip)
    yield chip
    detach(UID)


def test_a_locked_chip_gives_nothing_away_and_cannot_be_flashed(kind, chip):
    flash(kind.board, DATA, probe=UID)
    lock(kind.board, UID)
    chip.power_cycle()
    with pytest.raises(BoardFault, match=r"is locked: .*--mass-erase-unlock"):
        flash(kind.board, DATA[::-1], probe=UID)
    with pytest.raises(BoardFault, match="is locked"):
        lock(kind.board, UID)
    assert bytes(chip.flash_bytes(kind.start, len(DATA))) == DATA


def test_unlocking_erases_everything_and_the_chip_takes_firmware_again(kind, chip):
    flash(kind.board, DATA, probe=UID)
    lock(kind.board, UID)
    chip.power_cycle()
    assert mass_erase_unlock(kind.board, UID)
    assert set(chip.flash_bytes(kind.start, len(DATA))) == {0xFF}
    chip.power_cycle()
    assert flash(kind.board, DATA, probe=UID).verified


def test_an_open_chip_is_not_erased(kind, chip):
    flash(kind.board, DATA, probe=UID)
    assert not mass_erase_unlock(kind.board, UID)
    assert bytes(chip.flash_bytes(kind.start, len(DATA))) == DATA


# Where registers stand half way: keys given in part, options written and not stored, stored and
# not in force. All cuts were tried; from 205 on (unlocking an nRF52840: 240) nothing is cut.
@pytest.mark.parametrize("transactions", [40, 80, 120, 160, 178, 183, 188, 190, 192, 195, 200, 240])
@pytest.mark.parametrize("operation", [lock, mass_erase_unlock])
def test_a_cable_pulled_meanwhile_is_one_line_and_another_try_mends(
    kind, chip, operation, transactions
):
    if operation is mass_erase_unlock:
        chip.lock()
    chip.faults.unplug_after(transactions)
    problem = ""
    try:
        operation(kind.board, UID)
    except (InfrastructureError, BoardFault) as error:
        problem = str(error)
    assert "\n" not in problem
    chip.faults.clear()
    mass_erase_unlock(kind.board, UID)
    chip.power_cycle()
    assert flash(kind.board, DATA, probe=UID).verified


def test_a_chip_of_which_nothing_is_known_is_refused():
    board = with_target(KINDS["nrf52840"].board, "cortex_m")
    for operation in (lock, mass_erase_unlock):
        with pytest.raises(ConfigError, match="only: nrf52840, stm32wb55xg"):
            operation(board, UID)
