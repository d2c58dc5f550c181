"""The firmware's table of commands is the page's (docs/protocol.md), and both say all there is."""

from eegrig.host.wire.constants import Opcode

from .protocol_page import PHASES, commands_of_page

NAMES = dict(
    zip(
        ("idle", "on trial", "starting", "streaming", "stopping", "updating", "leaving"),
        ("IDLE", "TRIAL", "STARTING", "STREAMING", "STOPPING", "UPDATING", "LEAVING"),
        strict=True,
    )
)


def test_sizes_and_phases_of_the_firmwares_commands_are_those_of_the_page(whole_board):
    page = {
        opcode: (row.size, sorted(NAMES[phase] for phase in row.phases))
        for opcode, row in commands_of_page().items()
    }
    assert whole_board("table()") == page


def test_the_page_says_of_every_phase_what_it_is(whole_board):
    assert set(PHASES) == set(NAMES)
    assert whole_board("phases()") == sorted(NAMES.values())


def test_every_command_has_a_row():
    assert set(commands_of_page()) == set(Opcode)
