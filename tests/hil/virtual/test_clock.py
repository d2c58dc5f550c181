from __future__ import annotations

import asyncio
import math
import os
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eegrig.hil.virtual.clock import NS_PER_S, OwnedClock, VirtualDeadlock, VirtualLoop, run


def loop_() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_an_hour_of_sleep_takes_no_time():
    async def main() -> int:
        await asyncio.sleep(3600)
        return loop_().now_ns()

    wall = time.perf_counter()
    assert run(main()) == 3600 * NS_PER_S
    assert time.perf_counter() - wall < 60


def test_starts_where_it_is_told():
    async def main() -> tuple[int, float]:
        return loop_().now_ns(), loop_().time()

    assert run(main(), start_ns=1_500_000_000) == (1_500_000_000, 1.5)


@given(st.lists(st.integers(0, 2**50), max_size=40))
def test_timers_fire_at_their_nanosecond_in_order_and_ties_in_the_order_made(times):
    async def main() -> list[tuple[int, int, int]]:
        loop = loop_()
        fired: list[tuple[int, int, int]] = []
        for serial, when in enumerate(times):
            loop.call_at_ns(when, lambda w, s: fired.append((loop.now_ns(), w, s)), when, serial)
        await asyncio.sleep(2**51 / NS_PER_S)
        return fired

    fired = run(main())
    assert [(when, serial) for _, when, serial in fired] == sorted(
        (when, serial) for serial, when in enumerate(times)
    )
    assert all(now == when for now, when, _ in fired)


@given(st.floats(0, 1e6))
def test_a_float_timer_never_runs_early(when):
    async def main() -> float:
        loop = loop_()
        done = loop.create_future()
        loop.call_at(when, done.set_result, None)
        await done
        return loop.time()

    assert when <= run(main()) <= when + 2e-9


@pytest.mark.parametrize("when_ns", [-5, 0, 99])
def test_a_time_that_has_passed_means_now(when_ns):
    async def main() -> int:
        loop = loop_()
        await asyncio.sleep(1e-6)
        done = loop.create_future()
        loop.call_at_ns(when_ns, done.set_result, None)
        await done
        return loop.now_ns()

    assert run(main()) == 1000


def test_ready_callbacks_run_before_time_moves():
    async def main() -> list[int]:
        loop = loop_()
        seen: list[int] = []
        loop.call_at_ns(1, seen.append, 1)

        def again(n: int) -> None:
            seen.append(-loop.now_ns())
            if n:
                loop.call_soon(again, n - 1)

        again(200)
        await asyncio.sleep(1e-8)
        return seen

    assert run(main()) == [0] * 201 + [1]


def test_cancelled_timers_do_not_fire_move_time_or_pile_up():
    async def main() -> tuple[int, int]:
        loop = loop_()
        for _ in range(10_000):
            loop.call_later(30, lambda: pytest.fail("a cancelled timer fired")).cancel()
        kept = len(loop._timers)
        late = loop.call_at_ns(5, lambda: None)
        await asyncio.sleep(1e-6)
        late.cancel()  # after it ran: harmless
        return kept, loop.now_ns()

    kept, now_ns = run(main())
    assert kept <= 130
    assert now_ns == 1000


def test_timeouts_are_virtual():
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 7200)
        async with asyncio.timeout(10):
            await asyncio.sleep(9.999)
        return loop_().time()

    assert run(main()) == pytest.approx(7209.999)


def test_deadlock_is_an_error_that_names_who_waits():
    async def main() -> None:
        task = asyncio.get_running_loop().create_task(asyncio.Event().wait(), name="radio")
        await task

    with pytest.raises(VirtualDeadlock, match=r"nothing is scheduled.*radio") as caught:
        run(main())
    assert caught.value.exit_code == 3


def test_a_timer_at_infinity_is_no_reason_to_go_on():
    async def main() -> None:
        await asyncio.sleep(math.inf)

    with pytest.raises(VirtualDeadlock):
        run(main())


def test_executor_work_freezes_time():
    release = threading.Event()

    async def main() -> tuple[int, int, list[int]]:
        loop = loop_()
        ticks: list[int] = []
        loop.call_later(0.001, ticks.append, 1)
        threading.Timer(0.02, release.set).start()
        answer = await loop.run_in_executor(None, lambda: release.wait(10) and 42)
        return answer, loop.now_ns(), ticks

    assert run(main()) == (42, 0, [])


def test_hold_freezes_time_until_a_socket_answers():
    async def main() -> tuple[bytes, int]:
        loop = loop_()
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        threading.Timer(0.02, theirs.send, [b"x"]).start()
        loop.call_later(1, lambda: None)
        with loop.hold():
            data = await loop.sock_recv(ours, 1)
        ours.close()
        theirs.close()
        return data, loop.now_ns()

    assert run(main()) == (b"x", 0)


def test_a_hold_that_never_ends_is_an_error():
    async def main() -> None:
        loop_().hold_limit_s = 0.01
        with loop_().hold():
            await asyncio.sleep(1)

    with pytest.raises(VirtualDeadlock, match=r"held for 0\.01 s"):
        run(main())


def test_real_files_are_served_while_time_runs_and_while_nothing_is_scheduled():
    async def main() -> list[bytes]:
        loop = loop_()
        reader, writer = os.pipe()
        got: list[bytes] = []
        first, second = asyncio.Event(), asyncio.Event()

        def on_readable() -> None:
            got.append(os.read(reader, 1))
            (second if len(got) == 2 else first).set()

        loop.add_reader(reader, on_readable)
        os.write(writer, b"a")
        await asyncio.sleep(1e-3)
        assert first.is_set()
        threading.Timer(0.02, os.write, [writer, b"b"]).start()
        await second.wait()
        loop.remove_reader(reader)
        os.close(reader)
        os.close(writer)
        return got

    assert run(main()) == [b"a", b"b"]


def test_call_soon_threadsafe_is_noticed_while_callbacks_spin():
    async def main() -> None:
        loop = loop_()
        done = asyncio.Event()
        threading.Timer(0.01, loop.call_soon_threadsafe, [done.set]).start()
        while not done.is_set():
            await asyncio.sleep(0)

    run(main())


@pytest.mark.parametrize("pace", [None, 1.0])
def test_timers_that_are_always_due_do_not_starve_files(pace):
    async def main() -> int:
        loop = loop_()
        ours, theirs = socket.socketpair()
        heard = loop.create_future()
        rounds = 0

        def again() -> None:
            nonlocal rounds
            rounds += 1
            assert rounds < 10_000
            if not heard.done():
                loop.call_at_ns(loop.now_ns(), again)

        with ours, theirs:
            loop.add_reader(ours, lambda: heard.done() or heard.set_result(rounds))
            again()
            theirs.send(b"x")
            result = await heard
            loop.remove_reader(ours)
        return result

    assert run(main(), pace=pace) < 10_000


def test_time_that_skips_ahead_lets_files_be_served():
    async def main() -> None:
        loop = loop_()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.add_reader(ours, lambda: None)
            await asyncio.sleep(0)
            skipped = 0
            while loop.skip_to(loop.now_ns() + 1) and skipped < 10_000:
                skipped += 1
            loop.remove_reader(ours)
        assert skipped < 10_000

    run(main())


def test_paced_time_that_is_too_late_goes_on_from_where_it_is_and_says_what_it_lost():
    async def main() -> tuple[float, float]:
        loop = loop_()
        loop.lag_limit_s = 0.02
        loop.pace = 1.0
        await asyncio.sleep(0.001)
        time.sleep(0.05)  # the simulator is too slow
        await asyncio.sleep(0.001)
        wall = time.perf_counter()
        await asyncio.sleep(0.03)
        return loop.lost_s, time.perf_counter() - wall

    lost_s, waited_s = run(main())
    assert lost_s >= 0.02
    assert waited_s >= 0.028  # not hurried through to catch up


def test_pace_holds_virtual_time_back_to_real_time():
    async def main() -> tuple[float, float]:
        loop = loop_()
        wall = time.perf_counter()
        loop.pace = 10.0
        await asyncio.sleep(0.3)
        paced = time.perf_counter() - wall
        loop.pace = None
        await asyncio.sleep(300)
        return paced, loop.time()

    paced, virtual = run(main())
    assert paced >= 0.0299  # never ahead of real time
    assert virtual == pytest.approx(300.3)


def test_while_paced_a_real_event_is_dated_when_it_came():
    async def main() -> int:
        loop = loop_()
        came = asyncio.Event()
        threading.Timer(0.02, loop.call_soon_threadsafe, [came.set]).start()
        loop.call_later(60, lambda: None)
        await came.wait()
        return loop.now_ns()

    now_ns = run(main(), pace=1.0)
    assert 0.019 * NS_PER_S <= now_ns < 60 * NS_PER_S


def test_lock_step_in_a_callback_needs_nothing_special():
    async def main() -> list[int]:
        loop = loop_()
        reader, writer = os.pipe()
        stamps: list[int] = []

        def exchange() -> None:
            os.write(writer, b"t")
            os.read(reader, 1)
            stamps.append(loop.now_ns())
            if len(stamps) < 5:
                loop.call_at_ns(loop.now_ns() + 4_000_000, exchange)

        loop.call_at_ns(4_000_000, exchange)
        await asyncio.sleep(0.1)
        os.close(reader)
        os.close(writer)
        return stamps

    assert run(main()) == [4_000_000 * k for k in range(1, 6)]


def test_what_it_leans_on_in_asyncio():
    """`_run_once`, `_ready`, `_process_events` and the handles' flags are private to asyncio."""
    base = asyncio.BaseEventLoop
    for name in ("_run_once", "_timer_handle_cancelled", "_check_closed", "call_at", "call_later"):
        assert callable(getattr(base, name)), name
    loop = VirtualLoop()
    try:
        assert type(loop._ready).__name__ == "deque"
        assert loop._stopping is False
        assert len(loop._selector.get_map()) == 1  # the self-pipe
        handle = loop.call_at(7e-9, lambda: None)
        assert (handle._cancelled, handle._scheduled, handle.when()) == (False, True, 7e-9)
    finally:
        loop.close()


def test_a_horizon_leaves_out_what_concerns_others_and_what_is_over():
    async def main() -> list[int]:
        loop = loop_()
        mine, other = OwnedClock(loop, "mine"), OwnedClock(loop, "other")
        seen: list[int] = []
        other.call_at_ns(10, lambda: None)
        mine.call_at_ns(20, lambda: seen.append(mine.next_event_ns()))
        called_off = mine.call_at_ns(25, lambda: None)
        loop.call_at_ns(30, lambda: seen.append(mine.next_event_ns()))
        mine.call_at_ns(40, lambda: None)
        other.call_at_ns(35, lambda: None)
        called_off.cancel()
        await asyncio.sleep(0)
        seen += [mine.next_event_ns(), other.next_event_ns()]
        await asyncio.sleep(50e-9)
        return seen

    assert run(main()) == [20, 10, 30, 40]
