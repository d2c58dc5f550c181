"""Two boards on one air: advertising, scanning, GATT server and client."""

import pytest
from bumble import crypto

from eegrig.boards.link_layer import T_IFS_NS, air_time_ns
from tests.hil.virtual.ports.programs import PREAMBLE, SERVER

FIRST, SECOND = rb"b'\xf0\xf1\xf2\xf3\xf4\x01'".decode(), rb"b'\xf0\xf1\xf2\xf3\xf4\x02'".decode()


def pair_of_boards(world, server, client, seconds=20.0, port="stm32"):
    boards = world.board(SERVER + server, port=port), world.board(PREAMBLE + client)
    world.run(seconds)
    return boards


def test_a_passive_scan_finds_advertisements_and_an_active_one_responses_too(world):
    client = """
for active in (False, True):
    ble.gap_scan(500, 30000, 30000, active)
    wait(6)
    print("done")
"""
    _, scanner = pair_of_boards(world, "", client)
    advertised = rf"5 (0, {FIRST}, 0, -50, b'\x02\x01\x06')"
    response = rf"5 (0, {FIRST}, 4, -50, b'\x03\xff\x01\x02')"
    at = scanner.lines.index("done")
    passive, active = scanner.lines[:at], scanner.lines[at + 1 :]
    assert set(passive) == {advertised, "6 ()"}
    assert set(active) == {advertised, response, "6 ()", "done"}
    assert passive.count(advertised) in range(3, 7)


def test_a_scan_hears_in_its_windows_only(world):
    client = """
quiet = (5,)
n = {}
def answer(event, data):
    if event == 5:
        n[share] = n.get(share, 0) + 1
for share in (10, 100):
    ble.gap_scan(20000, 100000, 1000 * share)
    wait(6, 30000)
print(n[10], n[100])
"""
    _, scanner = pair_of_boards(world, "", client, 50.0)
    few, all_of_them = (int(number) for number in scanner.lines[-1].split())
    assert 5 * few < all_of_them
    assert few > 0


def test_a_board_that_scans_listens_for_its_windows(world):
    client = "quiet = (5,)\nble.gap_scan(10000, 100000, 20000)\nwait(6, 20000)"
    _, scanner = pair_of_boards(world, "", client)
    assert abs(scanner.radio.total_ns["rx"] - 10_000_000_000 // 5) <= 40_000_000
    assert scanner.radio.count["advertising_event"] in (100, 101)


def test_an_idle_connection_costs_a_central_what_it_costs_a_peripheral(world):
    server, client = pair_of_boards(world, "", "connect()", 10.0)
    before = [dict(board.radio.total_ns) for board in (server, client)]
    events = [board.radio.count["connection_event"] for board in (server, client)]
    world.run(5.0)
    peripheral, central = (
        {kind: board.radio.total_ns[kind] - earlier.get(kind, 0) for kind in ("tx", "rx", "ifs")}
        for board, earlier in zip((server, client), before, strict=True)
    )
    n = client.radio.count["connection_event"] - events[1]
    assert n == server.radio.count["connection_event"] - events[0] > 50
    empty_ns = air_time_ns(1, 0)
    assert central == {"tx": n * empty_ns, "rx": n * empty_ns, "ifs": n * T_IFS_NS}
    assert (peripheral["tx"], peripheral["ifs"]) == (central["tx"], central["ifs"])
    # A peripheral opens its window before the packet comes.
    assert central["rx"] < peripheral["rx"] < 2 * central["rx"]


def test_a_board_that_waits_for_an_advertiser_listens_until_it_gives_up(world):
    client = "ble.gap_connect(1, b'\\xc0\\0\\0\\0\\0\\1', 1500)\nwait(8)"
    _, waiting = pair_of_boards(world, "", client)
    assert abs(waiting.radio.total_ns["rx"] - 1_500_000_000) <= 60_000_000


def test_scan_times_the_stack_does_not_take_are_refused_or_brought_into_range(world):
    client = """
for times in ((30000, 40000), (1000, 1000), (20000000, 30000)):
    try:
        ble.gap_scan(100, *times)
    except OSError as error:
        print(error.errno)
    else:
        wait(6)
ble.gap_scan(0, 30000, 30000)
try:
    ble.gap_scan(100, 30000, 30000)
except OSError as error:
    print(error.errno)
ble.gap_scan(None)
ble.gap_scan(None)
time.sleep_ms(100)
"""
    _, scanner = pair_of_boards(world, "", "quiet = (5,)\n" + client)
    assert scanner.lines == ["22", "6 ()", "6 ()", "114", "6 ()"]


def test_a_zephyr_board_scans_but_does_not_connect(world):
    board = world.board(
        PREAMBLE
        + """
ble.gap_scan(300, 30000, 30000)
wait(6)
try:
    ble.gap_connect(1, bytes(6))
except OSError as error:
    print(error.errno)
""",
        port="zephyr",
    )
    world.board(SERVER)
    world.run(3.0)
    assert board.lines[-1] == "95"
    assert board.lines[-2] == "6 ()"
    assert board.lines[0].startswith("5 (0, ")


def test_connecting_and_leaving_is_told_to_both(world):
    client = """
c = connect()
print(ble.gap_disconnect(c))
wait(8)
print(ble.gap_disconnect(c))
"""
    server, central = pair_of_boards(world, "", client)
    assert server.lines == [f"1 (1, 0, {SECOND})", f"2 (1, 0, {SECOND})"]
    assert central.lines == ["True", f"8 (1, 0, {FIRST})", "False"]


def test_an_absent_device_and_a_cancelled_attempt_end_in_a_disconnection(world):
    client = """
ble.gap_connect(1, b"\\xc0\\0\\0\\0\\0\\1", 500)
try:
    ble.gap_connect(1, b"\\xc0\\0\\0\\0\\0\\1", 500)
except OSError as error:
    print(error.errno)
wait(8)
print(time.ticks_ms() // 10)
ble.gap_connect(1, b"\\xc0\\0\\0\\0\\0\\1", 5000)
time.sleep_ms(100)
ble.gap_connect(None)
wait(8)
print(time.ticks_ms() // 10)
connect()
"""
    server, central = pair_of_boards(world, "", client)
    nobody = r"8 (65535, 255, b'\x00\x00\x00\x00\x00\x00')"
    assert central.lines == ["114", nobody, "50", nobody, "60"]
    assert server.lines == [f"1 (1, 0, {SECOND})"]


def test_discovery_finds_what_was_registered(world):
    client = """
c = connect()
ble.gattc_discover_services(c)
wait(10)
ble.gattc_discover_services(c, UUID("6E400001-B5A3-F393-E0A9-E50E24DCCA9E"))
wait(10)
_, start, end, _ = last[9]
ble.gattc_discover_characteristics(c, start, end)
wait(12)
ble.gattc_discover_characteristics(c, start, end, UUID(0x2A19))
wait(12)
ble.gattc_discover_descriptors(c, last[11][2], last[11][1])
wait(14)
"""
    server, central = pair_of_boards(world, "print(tx, rx, text)", client)
    tx, rx, text = (int(handle) for handle in server.lines[0].split())
    service = f"9 (1, {tx - 2}, {text}, UUID('6e400001-b5a3-f393-e0a9-e50e24dcca9e'))"
    write = f"11 (1, {text}, {rx}, 12, UUID(0x2a19))"
    assert central.lines == [
        *(line for line in central.lines[:2] if line.startswith("9 (1, ")),
        service,
        "10 (1, 0)",
        service,
        "10 (1, 0)",
        f"11 (1, {rx - 2}, {tx}, 50, UUID('6e400003-b5a3-f393-e0a9-e50e24dcca9e'))",
        write,
        "12 (1, 0)",
        write,
        "12 (1, 0)",
        f"13 (1, {text}, UUID(0x2901))",
        "14 (1, 0)",
    ]


def test_a_write_to_a_board_without_a_handler_is_answered(world):
    client = "c = connect()\nble.gattc_write(c, 19, b'x', 1)\nwait(17)"
    _, central = pair_of_boards(world, "ble.irq(None)", client)
    assert "17 (1, 19, 0)" in central.lines


def test_reading_and_writing_say_how_it_went(world):
    client = """
c = connect()
tx, rx, text = 16, 19, 20
for handle in (tx, text, rx, 99):
    ble.gattc_read(c, handle)
    wait(16)
ble.gattc_write(c, rx, b"with", 1)
wait(17)
ble.gattc_write(c, rx, b"without")
ble.gattc_exchange_mtu(c)
wait(21)
ble.gattc_write(c, rx, "x" * 21, 1)
wait(17)
ble.gattc_write(c, text, b"no", 1)
wait(17)
"""
    server, central = pair_of_boards(
        world,
        """
quiet = (1, 21)
def answer(event, data):
    if event == 3:
        print(ble.gatts_read(data[1]))
""",
        client,
    )
    assert central.lines == [
        "15 (1, 16, b'value')",
        "16 (1, 16, 0)",
        "15 (1, 20, b'text')",
        "16 (1, 20, 0)",
        "16 (1, 19, 258)",
        "16 (1, 99, 257)",
        "17 (1, 19, 0)",
        "21 (1, 256)",
        "17 (1, 19, 0)",
        "17 (1, 20, 259)",
    ]
    values = [line for line in server.lines if line.startswith("b'")]
    assert values == ["b'with'", "b'without'", f"b'{'x' * 20}'"]
    assert "b'without'" in server.lines
    assert "3 (1, 20)" not in server.lines


def test_a_read_request_may_be_refused_by_the_handler(world):
    server = """
turns = []
def answer(event, data):
    if event == 4:
        turns.append(1)
        return 0x05 if len(turns) == 1 else None
"""
    client = """
c = connect()
for _ in range(2):
    ble.gattc_read(c, 16)
    wait(16)
"""
    board, central = pair_of_boards(world, server, client)
    assert board.lines[1:] == ["4 (1, 16)", "4 (1, 16)"]
    assert central.lines == ["16 (1, 16, 261)", "15 (1, 16, b'value')", "16 (1, 16, 0)"]


def test_notifications_and_indications_arrive_and_indications_are_confirmed(world):
    server = """
c = wait(1, 10000)[0]
time.sleep_ms(500)
ble.gatts_notify(c, tx, b"told")
ble.gatts_notify(c, tx)
ble.gatts_indicate(c, tx, b"sure")
wait(20)
"""
    board, central = pair_of_boards(world, server, "connect()\ntime.sleep_ms(3000)")
    assert central.lines == ["18 (1, 16, b'told')", "18 (1, 16, b'value')", "19 (1, 16, b'sure')"]
    assert board.lines[1:] == ["20 (1, 16, 0)"]


def test_text_goes_out_as_utf_8_wherever_data_does(world):
    server = """
c = wait(1, 10000)[0]
time.sleep_ms(500)
ble.gatts_notify(c, tx, "\u00fcber")
ble.gatts_indicate(c, tx, "\u00b5V")
ble.gatts_write(tx, "\u03a9")
print(ble.gatts_read(tx))
"""
    board, central = pair_of_boards(world, server, "connect()\ntime.sleep_ms(3000)")
    assert central.lines == ["18 (1, 16, b'\\xc3\\xbcber')", "19 (1, 16, b'\\xc2\\xb5V')"]
    assert "b'\\xce\\xa9'" in board.lines


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_whoever_subscribed_is_told_of_a_written_value(world, port):
    server = """
wait(1, 10000)
for value in (b"one", b"two", b"six"):
    time.sleep_ms(700)
    ble.gatts_write(tx, value, value != b"six")
"""
    client = """
c = connect()
time.sleep_ms(900)
ble.gattc_write(c, 17, b"\\1\\0", 1)
time.sleep_ms(3000)
"""
    _, central = pair_of_boards(world, server, client, port=port)
    assert central.lines == ["17 (1, 17, 0)", "18 (1, 16, b'two')"]


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_a_notification_goes_out_whether_anybody_subscribed_or_not(world, port):
    server = "c = wait(1, 10000)[0]\ntime.sleep_ms(700)\nprint(ble.gatts_notify(c, tx, b'one'))"
    board, central = pair_of_boards(world, server, "connect()\ntime.sleep_ms(3000)", port=port)
    assert board.lines[-1] == "None"
    assert central.lines == ["18 (1, 16, b'one')"]


def test_whoever_asked_for_indications_alone_is_told_of_a_written_value_by_one(world):
    server = """
wait(1, 10000)
for value, told in ((b"one", True), (b"two", False)):
    time.sleep_ms(1500)
    ble.gatts_write(tx, value, told)
"""
    client = """
c = connect()
time.sleep_ms(300)
ble.gattc_write(c, 17, b"\\2\\0", 1)
time.sleep_ms(4000)
"""
    board, central = pair_of_boards(world, server, client)
    assert central.lines == ["17 (1, 17, 0)", "19 (1, 16, b'one')"]
    assert board.lines[1:] == ["20 (1, 16, 0)"]


@pytest.mark.parametrize(
    ("port", "status", "kept"),
    [("stm32", 0, b"ab" + b"x" * 18), ("zephyr", 0x10D, b"ab")],
)
def test_what_a_buffer_has_no_room_for_is_cut_or_refused(world, port, status, kept):
    server = """
ble.gatts_set_buffer(rx, 20, True)
wait(1, 10000)
time.sleep_ms(3000)
print(ble.gatts_read(rx))
"""
    client = """
c = connect()
ble.gattc_exchange_mtu(c)
wait(21)
for data in ("ab", "x" * 30):
    ble.gattc_write(c, 19, data, 1)
    print(wait(17)[2])
"""
    board = world.board(SERVER + server, port=port)
    central = world.board(PREAMBLE + "quiet = (17, 21)\n" + client)
    world.run(20.0)
    assert central.lines == ["0", str(status)]
    assert board.lines[-1] == repr(kept)


def test_connecting_ends_scanning(world):
    client = """
ble.gap_scan(0, 30000, 30000)
wait(5)
time.sleep_ms(200)
ble.gap_connect(*last[5][:2])
wait(6, 100)
wait(7)
"""
    _, central = pair_of_boards(world, "", "quiet = (5,)\n" + client)
    assert [line.split()[0] for line in central.lines] == ["6", "7"]


def test_what_is_set_before_the_radio_is_on_holds_and_the_mtu_is_not_set(world):
    text = """
import bluetooth
ble = bluetooth.BLE()
ble.config(gap_name="early", bond=True, mitm=False, le_secure=True, io=3)
for what in ({"mtu": 100}, {"addr_mode": 1}):
    try:
        ble.config(**what)
    except OSError as error:
        print(error.errno)
ble.active(True)
print(ble.config("gap_name"), ble.config("mtu"))
ble.config(mtu=100)
ble.active(False)
ble.active(True)
print(ble.config("gap_name"), ble.config("mtu"))
"""
    node = world.board(text)
    world.run(1.0)
    assert node.lines == ["19", "19", "b'early' 256", "b'early' 256"]


def test_the_mtu_is_what_both_prefer_and_both_are_told(world):
    client = """
print(ble.config("mtu"))
ble.config(mtu=120)
print(ble.config("mtu"))
c = connect()
ble.gattc_exchange_mtu(c)
wait(21)
try:
    ble.gattc_exchange_mtu(c)
except OSError as error:
    print(error.errno)
"""
    server, central = pair_of_boards(world, "", client)
    assert central.lines == ["256", "120", "21 (1, 120)", "114"]
    assert server.lines[1] == "21 (1, 120)"


def test_a_notification_too_long_for_the_mtu_is_cut(world):
    server = "c = wait(1, 10000)[0]\ntime.sleep_ms(300)\nble.gatts_notify(c, tx, bytes(30))"
    _, central = pair_of_boards(world, server, "connect()\ntime.sleep_ms(2000)")
    assert central.lines == [f"18 (1, 16, {bytes(20)!r})"]


def test_notify_waits_for_the_packet_before_and_no_callback_runs_meanwhile(world):
    server = """
c = wait(1, 10000)[0]
time.sleep_ms(300)
import machine
soft = []
def on_timer(t): soft.append(time.ticks_us())
timer = machine.Timer(-1, period=5, callback=on_timer)
ble.gatts_notify(c, tx, b"first")
longest, inside = 0, 0
for i in range(8):
    soft.clear()
    start = time.ticks_us()
    ble.gatts_notify(c, tx, bytes((i,)))
    took = time.ticks_diff(time.ticks_us(), start)
    longest = max(longest, took)
    for when in soft:  # those that were due meanwhile run when it is over
        inside += 2_000 < time.ticks_diff(when, start) < took - 2_000
timer.deinit()
print(20_000 < longest < 101_000, inside)
"""
    client = """
connect()
quiet = (18,)
n = []
def answer(event, data):
    if event == 18:
        n.append(bytes(data[2]))
time.sleep_ms(8000)
print(n == [b"first"] + [bytes((i,)) for i in range(8)])
"""
    board, central = pair_of_boards(world, server, client)
    assert board.lines[1:] == ["True 0"]
    assert central.lines[-1] == "True"


def test_addresses_and_data_come_as_memoryviews_and_uuids_as_uuids(world):
    client = """
def check(event, data):
    last[event] = data
    if event in (5, 9):
        print(event, [type(x).__name__ for x in data])
        ble.gap_scan(None) if event == 5 else None
ble.irq(check)
ble.gap_scan(1000, 30000, 30000)
time.sleep_ms(500)
ble.irq(irq)
ble.gap_connect(last[5][0], bytes(last[5][1]))
c = wait(7)[0]
ble.irq(check)
ble.gattc_discover_services(c, UUID(0x1800))
time.sleep_ms(1000)
"""
    _, central = pair_of_boards(world, "", "quiet = (7,)\n" + client)
    assert central.lines == [
        "5 ['int', 'memoryview', 'int', 'int', 'memoryview']",
        "9 ['int', 'int', 'int', 'UUID']",
    ]


def test_config_knows_the_parameters_of_the_port(world):
    text = """
for key in ("mtu", "gap_name", "mac", "nonsense"):
    try:
        print(key, ble.config(key))
    except (OSError, ValueError) as error:
        print(key, repr(error))
for setting in ({"rxbuf": 512}, {"bond": True}, {"mtu": 100}, {"gap_name": "me"}):
    try:
        ble.config(**setting)
        print("set")
    except (OSError, ValueError) as error:
        print(repr(error))
"""
    stm32 = world.board(PREAMBLE + text)
    zephyr = world.board(PREAMBLE + text, port="zephyr")
    world.run(1.0)
    assert stm32.lines == [
        "mtu 256",
        "gap_name b'MPY NIMBLE'",
        f"mac (0, {FIRST})",
        "nonsense ValueError('unknown config param',)",
        "ValueError('unknown config param',)",
        "set",
        "set",
        "set",
    ]
    assert zephyr.lines[0] == "mtu OSError(95,)"
    assert zephyr.lines[4:] == ["set", "ValueError('unknown config param',)", "OSError(95,)", "set"]


def test_the_address_a_board_shows_is_of_the_mode_it_chose(world):
    server = """
for mode in (0, 1, 3, 2, 4):
    try:
        ble.config(addr_mode=mode)
        kind, address = ble.config("mac")
        print(kind, address[0] >> 6)
    except OSError as error:
        print(error.errno)
    ble.gap_advertise(100_000, b"\\x02\\x01\\x06")
    time.sleep_ms(1000)
ble.gap_advertise(None)
"""
    client = """
quiet = (5,)
seen = []
def answer(event, data):
    if event == 5 and (data[0], data[1][0] >> 6) not in seen:
        seen.append((data[0], data[1][0] >> 6))
ble.gap_scan(5000, 30000, 30000)
wait(6, 6000)
print(seen)
"""
    board, scanner = pair_of_boards(world, server, client)
    assert board.lines == ["0 3", "1 3", "1 0", "22", "22"]
    assert scanner.lines[-1] == "[(0, 3), (1, 3), (1, 0), (1, 1)]"


def test_a_resolvable_private_address_changes_and_its_key_tells_whose_it_is(world):
    client = """
quiet = (5, 6)
for wait_s in (0, 100, 300):
    time.sleep(wait_s)
    last.pop(5, None)
    ble.gap_scan(500, 30000, 30000)
    wait(6)
    print(last[5][1].hex())
"""
    server = "ble.config(addr_mode=2)\nble.gap_advertise(100_000, b'')"
    board, scanner = pair_of_boards(world, server, client, seconds=450.0)
    first, second, third = map(bytes.fromhex, scanner.lines)
    assert first == second != third
    irk = board.peripheral.device().irk
    for address in (first, third):
        assert address[0] >> 6 == 1
        assert crypto.ah(irk, address[2::-1]) == address[:2:-1]


def test_zephyr_has_its_static_address_and_no_address_modes(world):
    text = """
for mode in (0, 1, 2, 3):
    try:
        ble.config(addr_mode=mode)
    except OSError as error:
        print(error.args[0], ble.config('mac'))
"""
    node = world.board(PREAMBLE + text, port="zephyr")
    world.run(1.0)
    assert node.lines == [f"95 (1, {FIRST})"] * 4


@pytest.mark.parametrize("port", ["stm32", "zephyr"])
def test_a_connected_board_has_no_room_for_a_second_connection(world, port):
    server = """
c = wait(1, 10000)[0]
for connectable in (True, False):
    try:
        ble.gap_advertise(100_000, b"", connectable=connectable)
        print("advertises")
    except OSError as error:
        print(error.errno)
wait(2, 20000)
ble.gap_advertise(100_000)
print("again")
"""
    client = """
c = connect()
try:
    ble.gap_connect(*last[5][:2])
except OSError as error:
    print(error.errno)
time.sleep_ms(2000)
ble.gap_disconnect(c)
"""
    board, central = pair_of_boards(world, "quiet = (1, 2)\n" + server, client, port=port)
    assert board.lines == ["12", "advertises", "again"]
    assert central.lines[0] == "12"


def test_a_full_event_buffer_drops_events_on_zephyr_only(world):
    server = """
got = []
def answer(event, data):
    if event == 1:
        return
    got.append(event)
    if len(got) == 1:
        time.sleep_ms(4000)  # the handler is busy: events wait in the port's buffer
time.sleep_ms(15000)
print(len(got))
"""
    client = """
quiet = (6, 7)
c = connect()
for i in range(60):
    ble.gattc_write(c, 19, bytes([i]))
    time.sleep_ms(50)
"""
    counts = {}
    for port in ("zephyr", "stm32"):
        node = world.board(SERVER + "quiet = (3,)\n" + server, port=port)
        world.board(PREAMBLE + client)
        world.run(25.0)
        counts[port] = int(node.lines[-1])
        for board in world.nodes:
            board.interpreter.stop()
            board.peripheral.deactivate()
        world.nodes.clear()
    assert counts["stm32"] == 60
    assert 5 < counts["zephyr"] < 60


def test_four_boards_share_one_air(world):
    world.board(SERVER)
    for _ in range(3):
        world.board(
            PREAMBLE + "c = connect()\nble.gattc_read(c, 16)\nwait(16)\nble.gap_disconnect(c)\n"
        )
        world.run(6.0)
    assert all("15 (1, 16, b'value')" in node.lines for node in world.nodes[1:2])


def test_uuids_are_numbers_long_text_or_octets(world):
    text = """
for value in (0x180F, b"\\x0f\\x18", "AB12", b"AB12", "6E400001b5a3-F393e0a9e50e24dcca9e",
              65536, "6E400001", "x" * 32, "6" * 30):
    try:
        print(UUID(value))
    except ValueError:
        print("ValueError")
"""
    node = world.board(PREAMBLE + text)
    world.run(1.0)
    assert node.lines == [
        "UUID(0x180f)",
        "UUID(0x180f)",
        "UUID(0x32314241)",
        "UUID(0x32314241)",
        "UUID('6e400001-b5a3-f393-e0a9-e50e24dcca9e')",
        *["ValueError"] * 4,
    ]
