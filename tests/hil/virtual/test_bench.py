"""The system as a whole, on the virtual bench: what goes wrong, and what the host says then."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from eegrig.boards import load_board
from eegrig.boards.errors import BoardFault, ConfigError, InfrastructureError
from eegrig.hil.flashed_board import flash_and_identify
from eegrig.hil.virtual.bench import VirtualBench
from eegrig.host.link.board_link import BoardLink
from eegrig.host.link.link_errors import BoardEventError, BoardStatusError, LinkLost
from eegrig.host.recording.recorder import record
from eegrig.host.wire.constants import (
    EventCode,
    Opcode,
    Pattern,
    Profile,
    State,
    Status,
    TestSignal,
)

from ..firmwares import connected, console_text, flashed_bench, patched_firmware


@pytest.fixture
def virtual() -> Iterator[VirtualBench]:
    with flashed_bench() as (virtual, _):
        yield virtual


async def refused(link: BoardLink, command: bytes) -> tuple[Status, int | None]:
    """Send raw bytes (with a tag at index 1) and return how the board refuses them."""
    with pytest.raises(BoardStatusError) as caught:
        await link.command(lambda tag: command[:1] + bytes((tag,)) + command[1:], "a command")
    assert "\n" not in str(caught.value)
    return caught.value.status, caught.value.detail


async def drained(link: BoardLink) -> None:
    """Take packets until something goes wrong."""
    while True:
        await link.receive()


# ---- a front end that is wrong or leaves


def test_a_wrong_front_end_is_a_fault_in_info_and_start_is_refused(virtual):
    async def session() -> None:
        virtual.bench.faults.afe_identity(0x3C)
        virtual.bench.reset()
        async with connected(virtual) as link:
            assert link.info.state is State.FAULT
            assert link.info.fault is EventCode.AFE_BAD_ID
            with pytest.raises(BoardStatusError, match="ID 0x3C") as caught:
                await link.start()
            assert caught.value.status is Status.AFE_FAULT
            assert caught.value.exit_code == 1
            # Repaired, it streams: the fault does not stick.
            virtual.bench.faults.afe_identity(None)
            await link.start()
            assert len(await link.receive()) > 0
            await link.stop()
            info = await link.refresh_info()
            assert (info.state, info.fault) == (State.IDLE, EventCode.NONE)

    virtual.bench.run(session())
    assert "front end answered ID 0x3c" in console_text(virtual)


def test_a_front_end_that_dies_while_streaming_is_an_event_and_comes_back(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            await link.receive()
            lost_ns = virtual.loop.now_ns()
            virtual.bench.faults.afe_lost()
            with pytest.raises(BoardEventError, match="stopped converting at frame") as caught:
                await drained(link)
            assert caught.value.code is EventCode.AFE_LOST
            assert caught.value.exit_code == 1
            # 8 periods and 20 ms until it counts as lost, 50 ms until the main loop looks, a
            # connection event until the host hears it.
            assert virtual.loop.now_ns() - lost_ns < 300_000_000
            info = await link.refresh_info()
            assert (info.state, info.fault) == (State.FAULT, EventCode.AFE_LOST)
            with pytest.raises(BoardStatusError) as refusal:
                await link.start()
            assert refusal.value.status is Status.AFE_FAULT

            virtual.bench.faults.afe_restored()
            recording = await record(link, 1.0)
            assert recording.intact
            assert (await link.refresh_info()).state is State.IDLE

    virtual.bench.run(session())


def test_an_electrode_that_comes_off_shows_in_the_lead_off_bits(tmp_path):
    """With a firmware that switches the comparators on, which eegrig's own does not."""
    watching = (
        "from eeg.drivers import ads1299\n"
        "_settings = ads1299.Afe.settings\n"
        "def settings(self, *rest):\n"
        "    return _settings(self, *rest) + [(0x17, 0x02), (0x0F, 0xFF)]\n"
        "ads1299.Afe.settings = settings\n"
        "ads1299.Afe.watches_leads = True\n"
        "app.run()"
    )
    firmware = patched_firmware(tmp_path, ("main.py", "app.run()", watching))
    with flashed_bench(firmware) as (virtual, _):

        async def session() -> None:
            async with connected(virtual) as link:
                task = asyncio.create_task(record(link, 2.0))
                await asyncio.sleep(1.0)
                virtual.bench.faults.lead_off("C3")
                recording = await task
            assert recording.electrodes.sidecar()["lead_off"].keys() == {"C3"}
            assert recording.intact
            assert not recording.electrodes.blocks[0].lead_off_p

        virtual.bench.run(session())


def test_an_unknown_electrode_cannot_come_off(virtual):
    with pytest.raises(ConfigError, match=r"no electrode 'Cz'.*Fp1"):
        virtual.bench.faults.lead_off("Cz")


# ---- a link that breaks or is too narrow


def test_a_central_that_vanishes_is_lost_and_served_again_when_it_returns(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            await link.receive()
            virtual.bench.faults.central_vanishes()
            with pytest.raises(LinkLost, match="broke") as caught:
                await drained(link)
            assert caught.value.exit_code == 3
        assert not virtual.board.peripheral.connections()
        with pytest.raises(InfrastructureError, match="advertises within"):
            async with connected(virtual, timeout_s=2.0):
                pass
        virtual.bench.faults.central_returns()
        async with connected(virtual) as link:
            assert link.info.state is State.IDLE
            assert (await record(link, 1.0)).intact

    virtual.bench.run(session())


def test_a_board_that_loses_its_central_stops_converting_to_save_its_battery(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            await link.receive()
            assert virtual.board.afe.next_drdy_ns() is not None
            virtual.bench.faults.central_vanishes()
            await asyncio.sleep(10)
            assert virtual.board.afe.next_drdy_ns() is None
            virtual.bench.faults.central_returns()

    virtual.bench.run(session())


def test_an_mtu_that_stays_at_23_is_one_clear_line(virtual):
    async def session() -> None:
        virtual.bench.faults.keep_default_mtu(keep=True)
        async with connected(virtual) as link:
            assert link.info.n_channels == 8  # Info is read in pieces
            with pytest.raises(InfrastructureError, match=r"MTU of 23.*larger MTU") as caught:
                await link.start()
            assert caught.value.exit_code == 3
            assert "\n" not in str(caught.value)
            # A host that asks all the same is told what would do.
            start = struct.pack("<BHBB", Opcode.START, 20, Profile.EFFICIENT, Pattern.EEG)
            assert await refused(link, start) == (Status.PAYLOAD_TOO_SMALL, 16 + 24)

    virtual.bench.run(session())


def test_a_board_that_is_reset_while_streaming_is_a_lost_link(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            await link.receive()
            virtual.bench.reset()
            with pytest.raises(LinkLost) as caught:
                await drained(link)
            assert caught.value.exit_code == 3
        async with connected(virtual) as link:
            assert (await record(link, 0.5)).intact

    virtual.bench.run(session())


# ---- commands


def test_commands_that_cannot_be_carried_out_get_the_status_of_the_protocol(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            assert (await refused(link, b"\x7f"))[0] is Status.UNKNOWN_COMMAND
            assert (await refused(link, bytes((Opcode.START, 244))))[0] is Status.BAD_LENGTH
            assert (await refused(link, bytes((Opcode.TEST_SIGNAL, 9))))[0] is Status.BAD_ARGUMENT
            too_much = struct.pack("<BHBB", Opcode.START, 244, 7, 0)
            assert (await refused(link, too_much))[0] is Status.BAD_ARGUMENT
            no_sleep = struct.pack("<BH", Opcode.SLEEP, 0)
            assert (await refused(link, no_sleep))[0] is Status.BAD_ARGUMENT
            with pytest.raises(BoardStatusError, match="nearest is 250") as caught:
                await link.set_rate(333)
            assert (caught.value.status, caught.value.exit_code) == (Status.BAD_RATE, 2)
            assert (await link.refresh_info()).sample_rate_sps == 250
            assert link.is_connected

    virtual.bench.run(session())


def test_what_needs_an_idle_board_is_refused_while_it_streams(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.start()
            with pytest.raises(BoardStatusError) as caught:
                await link.command(
                    lambda tag: struct.pack("<BBHBB", Opcode.START, tag, 244, 0, 0), "START"
                )
            assert caught.value.status is Status.BUSY
            for attempt in (
                link.set_rate(500),
                link.test_signal(TestSignal.SHORTED),
                link.sleep(5),
            ):
                with pytest.raises(BoardStatusError) as caught:
                    await attempt
                assert caught.value.status is Status.BUSY
            link.drain()
            assert len(await link.receive()) > 0  # none of it disturbed the stream
            await link.stop()

    virtual.bench.run(session())


@pytest.mark.parametrize("rate_sps", [250, 500])
def test_every_rate_the_board_offers_streams_without_a_loss(virtual, rate_sps):
    async def session() -> None:
        async with connected(virtual) as link:
            assert rate_sps in link.info.rates_sps
            await link.set_rate(rate_sps)
            assert link.info.group_delay_s == pytest.approx(1.5 / rate_sps)
            recording = await record(link, 2.0)
        assert recording.intact
        assert recording.electrodes.n_frames == 2 * rate_sps

    virtual.bench.run(session())


@pytest.mark.parametrize("profile", Profile)
def test_the_counter_pattern_arrives_byte_for_byte(virtual, profile):
    async def session() -> None:
        async with connected(virtual) as link:
            recording = await record(link, 2.0, profile=profile, pattern=Pattern.COUNTER)
        assert recording.electrodes.counters.pattern_errors == 0
        assert recording.intact

    virtual.bench.run(session())


def test_the_internal_square_wave_has_its_amplitude_by_the_scale_the_board_tells(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.test_signal(TestSignal.SQUARE_WAVE)
            recording = await record(link, 3.0)
            await link.test_signal(TestSignal.NORMAL)
        volts = recording.electrodes.samples()[:, 250:]
        # SBAS499C 9.3.1.2: 1 x -(VREFP - VREFN) / 2400 at CAL_AMP = 0.
        amplitude_v = (np.percentile(volts, 90, axis=1) - np.percentile(volts, 10, axis=1)) / 2
        np.testing.assert_allclose(amplitude_v, 4.5 / 2400, rtol=0.02)

    virtual.bench.run(session())


def test_stop_and_start_again_begins_with_frame_0(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            for _ in range(3):
                assert (await record(link, 0.3)).intact

    virtual.bench.run(session())


def test_a_stop_right_after_start_leaves_an_idle_board(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            start = asyncio.create_task(link.start())
            await asyncio.sleep(0.15)  # it wakes its front end meanwhile
            await link.stop()
            with pytest.raises(BoardStatusError) as caught:
                await start
            assert caught.value.status is Status.BUSY
            assert (await link.refresh_info()).state is State.IDLE
            assert (await record(link, 0.3)).intact

    virtual.bench.run(session())


def test_a_sleeping_board_is_silent_and_wakes_by_itself(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            await link.sleep(20)
        with pytest.raises(InfrastructureError, match="no board was seen"):
            async with connected(virtual, timeout_s=15.0):
                pass
        async with connected(virtual) as link:
            assert link.info.state is State.IDLE

    virtual.bench.run(session())


def test_battery_and_device_information_are_the_standard_services(virtual):
    async def session() -> None:
        async with connected(virtual) as link:
            assert 0 <= await link.battery_level() <= 100
            device = await link.device_information()
            assert (device.manufacturer, device.model) == ("eegrig", "headband8")
            assert device.firmware_revision == link.info.firmware_version

    virtual.bench.run(session())


# ---- firmware that does not start


def boot(tmp_path, *patches) -> str:
    with pytest.raises(BoardFault) as caught, flashed_bench(patched_firmware(tmp_path, *patches)):
        pass
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_firmware_that_fails_to_boot_is_told_by_its_tracebacks_last_line(tmp_path):
    message = boot(tmp_path, ("eeg/app.py", 'print("eegrig", build_info', 'print("x", nothing'))
    assert message.startswith("the firmware fails to boot: NameError")
    assert "eeg/app.py" in message


def test_firmware_that_says_nothing_of_itself_is_not_taken_for_ours(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "main.py").write_text("print('hello')\n")
    with (
        pytest.raises(BoardFault, match="did not boot an eegrig firmware"),
        flashed_bench(tmp_path / "other"),
    ):
        pass


def test_an_image_that_says_it_is_another_is_not_accepted(tmp_path):
    wrong = "bytes(32).hex()"
    message = boot(tmp_path, ("eeg/app.py", "build_info.IMAGE_HASH.hex()", wrong))
    assert "runs 0.1.0 (000000000000), not the" in message


def test_firmware_with_a_syntax_error_never_gets_onto_the_board(tmp_path):
    firmware = patched_firmware(tmp_path, ("eeg/app.py", "def run():", "def run(:"))
    line = (firmware / "eeg/app.py").read_text().split("def run(:")[0].count("\n") + 1
    with (
        pytest.raises(ConfigError, match=rf"eeg/app\.py:{line}: SyntaxError") as caught,
        flashed_bench(firmware),
    ):
        pass
    assert caught.value.exit_code == 2


# ---- the bench itself


def test_a_model_that_fails_is_told_and_not_swallowed():
    from eegrig.boards import load_board

    async def wait() -> None:
        await asyncio.sleep(1)

    def fail() -> None:
        raise ZeroDivisionError("a model's mistake")

    with VirtualBench(load_board("headband8")) as virtual:
        virtual.loop.call_at_ns(500_000_000, fail)
        with pytest.raises(InfrastructureError, match=r"ZeroDivisionError.*a model's mistake"):
            virtual.bench.run(wait())
        virtual.bench.run(wait())  # and the next run is a new one


def test_a_missing_interpreter_is_told_before_anything_is_flashed(monkeypatch, tmp_path):
    from eegrig.boards import load_board

    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "missing"))
    with pytest.raises(InfrastructureError, match="MICROPYTHON"):
        VirtualBench(load_board("headband8"))


def test_a_closed_bench_leaves_no_process_and_a_second_one_can_be_opened():
    for _ in range(2):
        with flashed_bench() as (virtual, _flashed):
            interpreter = virtual.board.interpreter
            assert interpreter.alive
        assert not interpreter.alive


def test_flashing_again_boots_what_was_flashed(tmp_path):
    with flashed_bench() as (virtual, first):
        second = patched_firmware(tmp_path, ("main.py", "app.run()", "print('second')\napp.run()"))
        virtual.bench.firmware_dir = second
        flashed = flash_and_identify(virtual.bench)
        assert flashed.identity.image_hash != first.identity.image_hash
        assert flashed.identity.matches
        assert console_text(virtual).count("second") == 1


def test_a_bench_keeps_to_the_cpu_that_its_caller_chose_and_gives_the_others_back():
    before = os.sched_getaffinity(0)
    allowed = sorted(before, reverse=True)
    for cpu in range(len(allowed) + 1):
        with VirtualBench(load_board("headband8"), cpu=cpu):
            assert os.sched_getaffinity(0) == {allowed[cpu % len(allowed)]}
        assert os.sched_getaffinity(0) == before


def test_benches_in_processes_of_their_own_do_not_share_a_cpu_by_default(monkeypatch):
    allowed = sorted(os.sched_getaffinity(0), reverse=True)
    chosen = set()
    for pid in range(1000, 1000 + len(allowed)):
        monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
        with VirtualBench(load_board("headband8")):
            chosen |= os.sched_getaffinity(0)
    assert chosen == set(allowed)
