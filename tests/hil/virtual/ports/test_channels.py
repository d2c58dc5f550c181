"""L2CAP channels between two boards."""

from tests.hil.virtual.ports.programs import PREAMBLE

LISTENER = (
    PREAMBLE
    + """
got = bytearray()
buf = bytearray(100)
def answer(event, data):
    if event == 25 and not paused:
        take(data)
    if event == 22:
        return verdict

def take(data):
    while True:
        n = ble.l2cap_recvinto(data[0], data[1], buf)
        if not n:
            return
        got.extend(buf[:n])

paused = False
verdict = 0
quiet = (1, 2, 25)
ble.l2cap_listen(25, 200)
ble.gap_advertise(100_000, b"\\x02\\x01\\x06")
"""
)
CALLER = (
    PREAMBLE
    + """
quiet = (8,)
c = connect()
ble.l2cap_connect(c, PSM, 300)
time.sleep_ms(1000)
"""
)


def boards(world, listener, caller, psm=25, seconds=20.0):
    pair = world.board(LISTENER + listener), world.board(CALLER.replace("PSM", str(psm)) + caller)
    world.run(seconds)
    return pair


def test_a_channel_is_accepted_opened_and_closed_on_both_sides(world):
    listener, caller = boards(
        world, "", "_, cid, *_ = last[23]\nble.l2cap_disconnect(c, cid)\ntime.sleep_ms(1000)"
    )
    assert listener.lines == [
        "22 (1, 64, 25, 200, 300)",
        "23 (1, 64, 25, 200, 300)",
        "24 (1, 64, 25, 0)",
    ]
    assert caller.lines == ["23 (1, 64, 25, 300, 200)", "24 (1, 64, 25, 0)"]


def test_channels_open_and_close_one_after_another(world):
    again = """
for turn in range(3):
    _, cid, *_ = last.pop(23)
    ble.l2cap_disconnect(c, cid)
    wait(24)
    time.sleep_ms(100)
    ble.l2cap_connect(c, 25, 300)
    time.sleep_ms(500)
"""
    listener, caller = boards(world, "", again)
    assert caller.lines == ["23 (1, 64, 25, 300, 200)"] + 3 * [
        "24 (1, 64, 25, 0)",
        "23 (1, 64, 25, 300, 200)",
    ]
    assert listener.lines.count("23 (1, 64, 25, 200, 300)") == 4


def test_a_channel_the_handler_refuses_does_not_open(world):
    listener, caller = boards(world, "verdict = 1", "")
    assert listener.lines == ["22 (1, 64, 25, 200, 300)"]
    assert caller.lines == ["24 (1, 0, 25, 4)"]


def test_a_psm_nobody_listens_on_is_refused(world):
    listener, caller = boards(world, "", "", psm=99)
    assert listener.lines == []
    assert caller.lines == ["24 (1, 0, 99, 2)"]


def test_everything_sent_arrives_in_order_and_the_sender_waits_for_credits(world):
    sender = """
cid = last[23][1]
quiet = (26,)
stalls = 0
for i in range(20):
    if not ble.l2cap_send(c, cid, bytes([i]) * 200):
        stalls += 1
        wait(26)
print(stalls > 10)
"""
    receiver = "time.sleep_ms(15000)\nprint(got == b''.join(bytes([i]) * 200 for i in range(20)))"
    listener, caller = boards(world, receiver, sender)
    assert listener.lines[-1] == "True"
    assert caller.lines[-1] == "True"


def test_a_receiver_that_does_not_read_stops_the_sender(world):
    sender = """
cid = last[23][1]
sent = 0
try:
    for i in range(20):
        ble.l2cap_send(c, cid, bytes(200))
        sent += 1
        time.sleep_ms(500)
except OSError as error:
    print(sent, error.errno)
"""
    listener, caller = boards(
        world,
        "paused = True\ntime.sleep_ms(8000)\nprint(ble.l2cap_recvinto(1, 64, None))",
        sender,
    )
    assert caller.lines[1:] == ["2 16"]
    assert listener.lines[-1] == "200"


def test_misuse_is_refused(world):
    misuse = """
cid = last[23][1]
for call in (
    lambda: ble.l2cap_send(c, cid, bytes(201)),
    lambda: ble.l2cap_send(c, cid + 1, b"x"),
    lambda: ble.l2cap_connect(c, 25, 100),
    lambda: ble.l2cap_connect(9, 25, 100),
):
    try:
        call()
    except OSError as error:
        print(error.errno)
"""
    _, caller = boards(world, "", misuse)
    assert caller.lines[1:] == ["22", "22", "114", "107"]


def test_losing_the_connection_closes_the_channel(world):
    listener, caller = boards(world, "", "ble.gap_disconnect(c)\ntime.sleep_ms(1000)")
    assert caller.lines[-1] == "24 (1, 64, 25, 0)"
    assert listener.lines[-1] == "24 (1, 64, 25, 0)"
