"""The tester is tested: firmware that does not recover, or lies, and the figure that must tell."""

from __future__ import annotations

import pytest

from .bad import STREAM, Bad, caught, passed

APP = "from eeg import app, codes, commands\n"
RECOVERS = "recovers_from_every"
ANSWERS = "answered_once_and_rightly"

BAD = {
    "never advertises again after its central is gone": Bad(
        code=APP + "from eeg import gatt\n"
        "_advertise = gatt.GattServer.advertise\n"
        "_once = []\n"
        "def advertise(self):\n"
        "    if len(_once) < 3:\n"
        "        _once.append(1)\n"
        "        _advertise(self)\n"
        "gatt.GattServer.advertise = advertise\n",
        select=RECOVERS,
        fails=("robustness.recovery_failures",),
        says="the link is lost in mid-stream",
    ),
    "goes on counting frames over a new START": Bad(
        code="from eeg.acquisition import Acquisition\n"
        "_begin = Acquisition._begin\n"
        "_first = []\n"
        "def begin(self, packet, shortest):\n"
        "    _begin(self, packet, shortest)\n"
        "    self._next = 0 if not _first else 500\n"
        "    _first.append(1)\n"
        "Acquisition._begin = begin\n",
        select=RECOVERS,
        fails=("robustness.recovery_failures",),
        says="frame",
    ),
    "forgets to send AFE_LOST": Bad(
        code=APP + "_tell = commands.tell\n"
        "def tell(board, code, detail):\n"
        "    if code != codes.AFE_LOST:\n"
        "        _tell(board, code, detail)\n"
        "commands.tell = tell\n",
        select=RECOVERS,
        fails=("robustness.recovery_failures",),
        says="no AFE_LOST",
    ),
    "streams from a front end that is another part": Bad(
        code="from eeg import power\n"
        "_up = power.up\n"
        "def up(streams):\n"
        "    try:\n"
        "        _up(streams)\n"
        "    except Exception:\n"
        "        pass\n"
        "power.up = up\n",
        select=RECOVERS,
        fails=("robustness.recovery_failures",),
        says="the front end is another part",
    ),
    "ignores STOP": Bad(
        code=APP + "def stop(board, data):\n"
        "    commands.answer(board, codes.STOP, data[1], codes.OK, 0)\n"
        "    return -1, 0\n"
        "commands.TABLE[codes.STOP] = (0, 0x7F, stop)\n",
        select=ANSWERS,
        fails=("robustness.wrong_answers",),
        says="came after it",
    ),
    "answers with the wrong tag": Bad(
        code=APP + "_answer = commands.answer\n"
        "def answer(board, opcode, tag, status, detail):\n"
        "    _answer(board, opcode, tag ^ (tag == 66), status, detail)\n"
        "commands.answer = answer\n",
        select=ANSWERS,
        fails=("robustness.wrong_answers",),
        says="no answer to 0542",
    ),
    "obeys a second START": Bad(
        code=APP + "commands.TABLE[codes.START] = (4, 0x7F, commands.TABLE[codes.START][2])\n",
        select=ANSWERS,
        fails=("robustness.wrong_answers",),
        says="START twice",
    ),
    "leaks with every connection": Bad(
        code=APP + "_kept = []\n"
        "_on_disconnect = app.Application._on_disconnect\n"
        "def on_disconnect(self):\n"
        "    _kept.append(bytearray(64))\n"
        "    _on_disconnect(self)\n"
        "app.Application._on_disconnect = on_disconnect\n",
        select="heap_does_not_grow",
        fails=("robustness.heap_growth",),
    ),
    "leaks with every packet": Bad(
        code="_kept = []\n" + STREAM.format("_kept.append(bytes(16))\n    _stream(self, data)"),
        select="heap_does_not_grow",
        fails=("robustness.heap_growth",),
    ),
    "has a watchdog that bites every minute": Bad(
        code="import machine\n"
        "from time import ticks_diff, ticks_ms\n"
        "from eeg import power\n"
        "_since = ticks_ms()\n"
        "_idle = power.idle\n"
        "def idle(ms, *rest):\n"
        "    _idle(ms, *rest)\n"
        "    if ticks_diff(ticks_ms(), _since) > 60_000:\n"
        "        machine.reset()\n"
        "power.idle = idle\n",
        select="left_alone",
        fails=("robustness.unasked_restarts",),
        says="it restarted 2 times",
    ),
    "drops frames silently when its buffers are full": Bad(
        code="from eeg.acquisition import Acquisition\n"
        "_ship = Acquisition._ship\n"
        "_lost = [0]\n"
        "def ship(self, n, first, time_us):\n"
        "    if not hasattr(self, 'lost') or first == 0:\n"
        "        self.lost = 0\n"
        "    self.lost += first - self.lost - self._next\n"
        "    _ship(self, n, self._next, time_us)\n"
        "Acquisition._ship = ship\n",
        select="lost_silently",
        fails=("robustness.silent_losses",),
    ),
    "draws 200 uA more than it should": Bad(
        hardware=lambda virtual: virtual.board.ledger.leak(0, 200e-6),
        select="test_power and sleeping",
        fails=("power.sleep",),
        board="hairclip1",
    ),
}


@pytest.mark.timeout(600)
def test_the_good_firmware_passes_every_selection_used_here(tmp_path):
    select = " or ".join({f"({bad.select})" for bad in BAD.values()})
    results = passed(select, tmp_path, "headband8")
    judged = {figure.name for figure in results.figures if figure.verdict}
    assert judged >= {name for bad in BAD.values() for name in bad.fails}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_firmware_is_caught(tmp_path, monkeypatch, name):
    caught(BAD[name], tmp_path, monkeypatch)
