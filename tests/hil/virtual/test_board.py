"""The virtual board: memory and time of the real firmware, resets, the debugger, the console."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
import serial

from eegrig.boards import load_board
from eegrig.boards.errors import InfrastructureError
from eegrig.boards.ports import board_runtime
from eegrig.hil.signal_factory import SignalFactory
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.hil.virtual.micropython.bus import Bus
from eegrig.hil.virtual.micropython.interpreter import ResetCause
from eegrig.hil.virtual.micropython.peripherals import Prefetched
from eegrig.host.console.console import Console
from eegrig.host.flashing.flash import flash
from eegrig.host.flashing.probe import probe_session
from eegrig.host.image.firmware_image import build_image
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import Profile

from ..firmwares import Patch, connected, console_text, flashed_bench, patched_firmware

KIB = 1024

# Takes the place of main.py. In a pass of the main loop while streaming (every 50 ms) it reads how
# many bytes have been allocated and not given back, by the firmware and the shims under it, and
# says 200 passes later how many more there are. Collections do not count as giving back, so one
# object per frame shows however soon it is garbage. Reading and comparing allocates nothing.
ALLOCATIONS: Patch = (
    "main.py",
    "app.run()",
    """from _board import _micropython as micropython  # no build counts what is allocated
_watch = app.Application._watch
_passes = 0
_begin = 0
def _counting(self):
    global _passes, _begin
    _watch(self)
    _passes += 1
    if _passes == 10:
        _begin = micropython.mem_current()
    elif _passes == 130:
        print("allocated", micropython.mem_current() - _begin)
        _passes = -1000000
app.Application._watch = _counting
app.run()
""",
)

# Says how much of the heap is taken before the firmware's first line, and while it streams.
HEAP: tuple[Patch] = (
    (
        "main.py",
        "from eeg import app\n\napp.run()",
        """import gc
gc.collect()
print('heap', gc.mem_alloc())
from eeg import app
_watch = app.Application._watch
_passes = 0
def _measuring(self):
    global _passes
    _watch(self)
    _passes += 1
    if _passes == 20:
        gc.collect()
        print("heap", gc.mem_alloc())
app.Application._watch = _measuring
app.run()
""",
    ),
)


_COLLECTION = 8  # frames: what a collection amid a stream, which no firmware makes, may cost


def stream(
    virtual: VirtualBench,
    seconds: float,
    profile: Profile = Profile.EFFICIENT,
    may_lose: int = 0,
) -> None:
    async def session() -> None:
        async with connected(virtual) as link:
            counters = (await record(link, seconds, profile=profile)).electrodes.counters
            assert counters.intact or 0 < counters.frames_lost <= may_lose
            assert counters.packets_lost == 0
            await asyncio.sleep(0.1)

    virtual.bench.run(session())


def said(virtual: VirtualBench, word: str) -> list[int]:
    lines = console_text(virtual).splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith(word + " ")]


# ---- memory


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("board", ["headband8", "headphone8"])
def test_not_a_byte_is_allocated_per_frame(tmp_path, board, profile):
    """10 s of streaming, 2500 frames: the firmware's hot path and main loop allocate nothing."""
    with flashed_bench(patched_firmware(tmp_path, ALLOCATIONS), board) as (virtual, _):
        stream(virtual, 11.5, profile)
        assert said(virtual, "allocated") == [0]


def test_an_allocation_per_frame_would_be_seen(tmp_path):
    """The measurement above can fail: one tuple per frame is seen."""
    leak = (
        "from eeg.callback_acquisition import CallbackAcquisition\n"
        "_fetch = CallbackAcquisition._fetch\n"
        "def _leaking(self, argument):\n"
        "    _fetch(self, argument)\n"
        "    self._kept = (self, argument)\n"
        "CallbackAcquisition._fetch = _leaking\n"
    )
    name, line, code = ALLOCATIONS
    with flashed_bench(patched_firmware(tmp_path, (name, line, leak + code))) as (virtual, _):
        stream(virtual, 11.5)
        (allocated,) = said(virtual, "allocated")
        assert allocated > 2400 * 16


def test_the_firmware_runs_in_the_heap_of_its_board(tmp_path):
    """96 KiB, in the port's bytes; what the shims take is no part of it."""
    with flashed_bench(patched_firmware(tmp_path, *HEAP)) as (virtual, _):
        memory = board_runtime(virtual.bench.board).memory
        assert memory.heap_bytes == 96 * KIB
        stream(virtual, 2.0, may_lose=_COLLECTION)
        before, streaming = said(virtual, "heap")
        assert 0 < before - memory.allocated_at_prompt_bytes < 6 * KIB, "what boots it"
        assert streaming < 0.6 * memory.pool_bytes, "little is left for fragmentation"
        virtual.bench.reset()
        stream(virtual, 2.0, may_lose=_COLLECTION)
        stream(virtual, 2.0, Profile.LOW_LATENCY)
        assert "MemoryError" not in console_text(virtual)


def test_the_heap_is_as_large_as_it_says(tmp_path):
    """With little more than what it takes the firmware streams, with less it has no room."""
    with flashed_bench(patched_firmware(tmp_path, *HEAP)) as (virtual, _):
        stream(virtual, 2.0, may_lose=_COLLECTION)
        used = said(virtual, "heap")[-1]
        interpreter, log = virtual.board.interpreter, virtual.board.console.log
        memory = interpreter._memory
        for part in (1.1, 0.9):
            heap = memory.heap_bytes - memory.pool_bytes + round(part * used)
            interpreter._memory = msgspec.structs.replace(memory, heap_bytes=heap)
            log.clear()
            virtual.bench.reset()
            virtual.bench.run(asyncio.sleep(2))
            assert ("MemoryError" in console_text(virtual)) == (part < 1)
            if part > 1:
                stream(virtual, 2.0, may_lose=_COLLECTION)
                assert "MemoryError" not in console_text(virtual)


# ---- the same every time


def trace(directory: Path, seed: int) -> tuple[list[tuple[bytes, int]], float, int]:
    """Run a board for a while; return packets with times, energy, and requests while it streams."""
    directory.mkdir()
    board = load_board("headband8")
    make_source = SignalFactory("resting", board, seed)
    with flashed_bench(seed=seed, directory=directory, make_source=make_source) as (virtual, _):
        packets: list[tuple[bytes, int]] = []

        async def session() -> tuple[float, int]:
            virtual.bench.faults.packet_error_rate(0.05)
            async with connected(virtual, interval_ms=50) as link:
                await virtual.bench.power.start()
                await link.start()
                before = virtual.board.interpreter.requests
                while len(packets) < 60:
                    packets.extend(await link.receive())
                n_requests = virtual.board.interpreter.requests - before
                await link.stop()
            return (await virtual.bench.power.stop()).energy_j["total"], n_requests

        return packets, *virtual.bench.run(session())


def test_one_seed_gives_one_run_to_the_bit_wherever_it_is_kept(tmp_path):
    first = trace(tmp_path / "a", seed=7)
    assert trace(tmp_path / "a-much-longer-name-of-a-directory", seed=7) == first


def test_conversions_told_of_in_advance_change_nothing_but_the_number_of_requests(
    tmp_path, monkeypatch
):
    *outcome, n_requests = trace(tmp_path / "told", seed=7)
    monkeypatch.setattr(Bus, "prefetched", lambda bus, until_ns: Prefetched(bus._afe.next_ns))
    *outcome_one_by_one, n_requests_one_by_one = trace(tmp_path / "not", seed=7)
    assert outcome == outcome_one_by_one
    assert n_requests < 0.7 * n_requests_one_by_one


def test_another_seed_gives_another_run(tmp_path):
    one, other = trace(tmp_path / "a", seed=7)[0], trace(tmp_path / "b", seed=8)[0]
    assert [data for data, _ in one] != [data for data, _ in other]


# ---- resets and the debugger


def test_a_reset_boots_again_and_says_why(tmp_path):
    telling = (
        "main.py",
        "app.run()",
        "import machine\nprint('cause', machine.reset_cause())\napp.run()",
    )
    firmware = patched_firmware(tmp_path, telling)
    with flashed_bench(firmware, board="nucleo-wb55-ads1299") as (virtual, _):
        virtual.board.reset(ResetCause.WATCHDOG)
        virtual.bench.run(asyncio.sleep(1))
        assert said(virtual, "cause")[-1] == ResetCause.WATCHDOG
        stream(virtual, 0.5)


def test_a_reset_switches_the_radio_off_and_the_front_end_stops(tmp_path):
    with flashed_bench() as (virtual, _):

        async def session() -> None:
            async with connected(virtual) as link:
                await link.start()
                await link.receive()
                virtual.bench.reset()
                assert not virtual.board.peripheral.connections()
                await asyncio.sleep(0.01)
                assert virtual.board.afe.next_drdy_ns() is None

        virtual.bench.run(session())


def test_a_reset_by_the_firmware_itself_boots_again():
    with flashed_bench() as (virtual, _):
        before = console_text(virtual).count("eegrig 0")
        virtual.board.interpreter.on_reset(ResetCause.SOFT)
        virtual.bench.run(asyncio.sleep(1))
        assert console_text(virtual).count("eegrig 0") == before + 1


def test_a_debugger_halts_the_firmware_and_lets_it_go_on():
    with flashed_bench() as (virtual, _):
        board = virtual.bench.board
        interpreter = virtual.board.interpreter
        virtual.bench.run(asyncio.sleep(1))
        with probe_session(board, virtual.bench.probe) as session:
            core = session.target.selected_core
            core.halt()
            virtual.bench.run(asyncio.sleep(0.1))
            halted_at = interpreter.requests
            virtual.bench.run(asyncio.sleep(5))
            assert interpreter.requests == halted_at
            core.resume()
            virtual.bench.run(asyncio.sleep(5))
            assert interpreter.requests > halted_at


# ---- the console


def test_the_console_is_a_port_for_pyserial_that_survives_closing():
    with flashed_bench() as (virtual, _):
        url = virtual.bench.console
        assert url == "virtual://headband8"
        for _ in range(2):
            virtual.bench.reset()
            virtual.bench.run(asyncio.sleep(1))
            with serial.serial_for_url(url, baudrate=115200, timeout=0) as port:
                assert port.in_waiting > 0
                assert b"eegrig 0" in port.read(4096)
                assert port.read(1) == b""
                assert port.write(b"\x03") == 1


def test_the_console_of_a_bench_that_is_closed_is_gone():
    with flashed_bench() as (virtual, _):
        url = virtual.bench.console
    with pytest.raises(InfrastructureError, match="no virtual board 'headband8' is up"):
        Console.open(url)


# ---- power follows what the firmware does


def test_the_front_end_costs_power_only_while_it_streams():
    with flashed_bench() as (virtual, _):

        async def afe_w(seconds: float) -> float:
            await virtual.bench.power.start()
            await asyncio.sleep(seconds)
            return (await virtual.bench.power.stop()).power_w("afe")

        async def session() -> tuple[float, float, float]:
            async with connected(virtual) as link:
                idle_w = await afe_w(1.0)
                await link.start()
                await link.receive()
                streaming_w = await afe_w(1.0)
                await link.stop()
                return idle_w, streaming_w, await afe_w(1.0)

        idle_w, streaming_w, after_w = virtual.bench.run(session())
        assert idle_w < 0.1e-3
        assert streaming_w > 30e-3
        assert after_w == pytest.approx(idle_w, rel=0.05)


@pytest.mark.parametrize("name", ["headband8", "nucleo-wb55-ads1299"])
def test_the_firmware_writes_its_own_flash_and_finds_it_after_a_reset(tmp_path, name):
    """LittleFS through the chip's controller; what is not erased cannot be programmed twice."""
    board = load_board(name)
    source = tmp_path / "firmware"
    source.mkdir()
    (source / "main.py").write_text(
        "import os, machine\n"
        "if 'kept' in os.listdir():\n"
        "    print('found', open('kept').read())\n"
        "else:\n"
        "    with open('kept', 'w') as file:\n"
        "        file.write('x' * 5000)\n"
        "    machine.reset()\n"
    )
    with VirtualBench(board) as virtual:
        flash(board, build_image(board, source), probe=virtual.bench.probe)
        virtual.bench.run(asyncio.sleep(2))
        assert "found " + "x" * 5000 in console_text(virtual)
