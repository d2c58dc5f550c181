"""The tester is tested: firmware that a stranger can harm, and the figure that must tell."""

from __future__ import annotations

from html import unescape

import pytest

from .bad import Bad, caught, passed

SELECT = "test_security and not (follow or pairing or open)"
TAKE = "from eeg import codes, commands\n_take = commands.take\n"

BAD = {
    "raises in the handler on a short control write": Bad(
        code=TAKE + "def take(board, data):\n"
        "    data[1]\n"
        "    _take(board, data)\n"
        "commands.take = take\n",
        select="serves_its_owner",
        fails=("security.crashes",),
        says="traceback",
    ),
    "takes commands of any length": Bad(
        code=TAKE + "def take(board, data):\n"
        "    entry = commands.TABLE.get(data[0]) if data else None\n"
        "    if entry and len(data) > 2 + entry[0]:\n"
        "        data = data[: 2 + entry[0]]\n"
        "    _take(board, data)\n"
        "commands.take = take\n",
        select="nothing_malformed",
        fails=("security.accepted_malformed",),
        says="PING with an argument",
    ),
    "takes firmware that nobody signed": Bad(
        patches=(
            (
                "eeg/update.py",
                "        if found.signature is None:\n            return NOT_SIGNED\n",
                "        if found.signature is None:\n            return OK\n",
            ),
        ),
        select="no_firmware",
        fails=("security.update_accepted",),
        says="an unsigned firmware",
    ),
    "takes firmware with any signature": Bad(
        patches=(("eeg/update.py", "return OK if good else BAD_SIGNATURE", "return OK"),),
        select="no_firmware",
        fails=("security.update_accepted",),
        says="signed with another key",
    ),
    "restarts on a command that it does not know": Bad(
        code=TAKE + "import machine\n"
        "def take(board, data):\n"
        "    if len(data) > 1 and data[0] == 0x7F:\n"
        "        machine.reset()\n"
        "    _take(board, data)\n"
        "commands.take = take\n",
        select="serves_its_owner",
        fails=("security.crashes",),
        says="an opcode that there is not",
    ),
    "keeps a rate that it does not have": Bad(
        patches=(("eeg/commands.py", "    if rate not in config.RATES:\n", "    if rate == 0:\n"),),
        select="nothing_malformed",
        fails=("security.accepted_malformed",),
        says="a rate it does not have",
    ),
}


@pytest.mark.timeout(600)
def test_the_good_firmware_passes_every_selection_used_here(tmp_path):
    select = " or ".join(f"({bad.select})" for bad in BAD.values())
    results = passed(select, tmp_path, "hairclip1")
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in bad.fails}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_firmware_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)


@pytest.mark.timeout(600)
def test_who_can_read_the_board_is_said_before_any_figure(tmp_path, capsys):
    """A fact with its reason, in the results, the terminal and the report, and no failed figure."""
    from eegrig.hil.report.page import write_report
    from eegrig.hil.report.table import print_table

    results = passed("without_a_bond", tmp_path, "headband8")
    (said,) = [fact for fact in results.facts if "signal" in fact]
    assert "anybody in radio range" in said
    assert "no pairing" in said
    print_table(results)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.index("anybody in radio range can read") < shown.index("Open to anybody")
    page = unescape(write_report(tmp_path / "out").read_text())
    assert said[1:] in page[: page.index("<main")]
    assert all(attempt.name.lower() in page.lower() for attempt in results.attempts[:3])
    assert results.figure("security.open_attempts").verdict is None
