"""Pairing, bonding and encryption between two boards, steered by their firmware."""

import pytest

from tests.hil.virtual.ports.programs import PREAMBLE

SECRETS = """
secrets = {}
codes = []
quiet = (5, 6, 7, 8, 1, 2, 29, 30, 31)

def answer(event, data):
    if event == 29:
        return secrets.get((data[0], data[2]))
    if event == 30:
        key = data[0], data[1]
        if data[2] is None:
            return secrets.pop(key, None) is not None
        secrets[key] = data[2]
        return True
    if event == 31:
        codes.append(data)
    if event == 2:
        ble.gap_advertise(100_000, b"\\x02\\x01\\x06")

def rest(ms):
    while ms > 0:
        time.sleep_ms(50)
        ms -= 50
        while codes:
            c, action, number = codes.pop(0)
            print("passkey", action)
            ble.gap_passkey(c, action, 1 if action == 4 else 123456)
"""
CONFIG = "ble.config(bond=%s, mitm=%s, le_secure=%s, io=%d)\n"
SERVER = (
    PREAMBLE
    + SECRETS
    + """
((plain_, secret, mitm),) = ble.gatts_register_services(((UUID(0x180F), (
    (UUID(1), bluetooth.FLAG_READ),
    (UUID(2), bluetooth.FLAG_READ | 0x0200),
    (UUID(3), bluetooth.FLAG_READ | 0x0200 | 0x0400),
)),))
quiet += (4,)
ble.gap_advertise(100_000, b"\\x02\\x01\\x06")
"""
)
CLIENT = (
    PREAMBLE
    + SECRETS
    + """
def reads(c):
    for handle in (16, 18, 20):
        last.pop(16, None)
        ble.gattc_read(c, handle)
        print(handle, wait(16)[2])
quiet += (16, 15)
"""
)
OPEN, NEEDS_ENCRYPTION, NEEDS_PAIRING, NEEDS_MITM = 0, 0x10F, 0x105, 0x105


def boards(world, server, client, server_does="", client_does="", seconds=30.0):
    """Settings are bond, mitm, le_secure and io."""
    pair = (
        world.board(SERVER + CONFIG % server + server_does + "\nrest(100000)"),
        world.board(CLIENT + CONFIG % client + client_does),
    )
    world.run(seconds)
    return pair


ONCE = "c = connect()\nreads(c)\nble.gap_pair(c)\nrest(6000)\nreads(c)\n"


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "legacy"])
def test_just_works_encrypts_and_does_not_authenticate(world, secure):
    requested = (True, False, secure, 3)
    server, client = boards(world, requested, requested, client_does=ONCE)
    assert client.lines == [
        f"16 {OPEN}",
        f"18 {NEEDS_PAIRING}",
        f"20 {NEEDS_PAIRING}",
        "28 (1, 1, 0, 1, 16)",
        f"16 {OPEN}",
        f"18 {OPEN}",
        f"20 {NEEDS_MITM}",
    ]
    assert server.lines == ["28 (1, 1, 0, 1, 16)"]


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "legacy"])
def test_a_passkey_shown_on_one_board_and_entered_on_the_other_authenticates(world, secure):
    server, client = boards(
        world, (True, True, secure, 0), (True, True, secure, 2), client_does=ONCE
    )
    assert server.lines == ["passkey 3", "28 (1, 1, 1, 1, 16)"]
    assert client.lines[3:5] == ["passkey 2", "28 (1, 1, 1, 1, 16)"]
    assert client.lines[-1] == f"20 {OPEN}"


def test_numbers_compared_on_both_boards_authenticate(world):
    requested = (True, True, True, 1)
    server, client = boards(world, requested, requested, client_does=ONCE)
    assert server.lines == ["passkey 4", "28 (1, 1, 1, 1, 16)"]
    assert client.lines[-1] == f"20 {OPEN}"


def test_numbers_that_differ_end_the_pairing_and_nothing_is_encrypted(world):
    requested = (True, True, True, 1)
    denying = ONCE.replace(
        "rest(6000)", "wait(31)\ncodes.clear()\nble.gap_passkey(c, 4, 0)\nrest(3000)"
    )
    server, client = boards(world, requested, requested, client_does=denying)
    assert "28 (1, 0, 0, 0, 0)" in server.lines
    assert "28 (1, 0, 0, 0, 0)" in client.lines
    assert client.lines[-2:] == [f"18 {NEEDS_PAIRING}", f"20 {NEEDS_PAIRING}"]


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "legacy"])
def test_bonded_boards_encrypt_again_without_pairing(world, secure):
    again = ONCE + "ble.gap_disconnect(c)\nrest(500)\n" + ONCE
    server, client = boards(
        world, (True, True, secure, 0), (True, True, secure, 2), client_does=again, seconds=60.0
    )
    assert client.lines[1:3] == [f"18 {NEEDS_PAIRING}", f"20 {NEEDS_PAIRING}"]
    # The server knows of a key, and says that it is not in use.
    assert client.lines[-6:-4] == [f"18 {NEEDS_ENCRYPTION}", f"20 {NEEDS_ENCRYPTION}"]
    assert client.lines.count("passkey 2") == 1
    assert client.lines.count("28 (1, 1, 1, 1, 16)") == 2
    assert client.lines[-2:] == [f"18 {OPEN}", f"20 {OPEN}"]
    assert server.lines.count("28 (1, 1, 1, 1, 16)") == 2


def test_without_bonding_no_secret_is_stored(world):
    requested = (False, False, True, 3)
    server, client = boards(
        world,
        requested,
        requested,
        client_does=ONCE + "print(len(secrets))",
        server_does="rest(9000)\nprint(len(secrets))",
    )
    assert "28 (1, 1, 0, 0, 16)" in client.lines
    assert client.lines[-1] == "0"
    assert server.lines[-1] == "0"


@pytest.mark.parametrize("who", ["server", "client"])
def test_a_bond_is_made_only_where_both_ask_for_it(world, who):
    server, client = boards(
        world,
        (who == "server", False, True, 3),
        (who == "client", False, True, 3),
        client_does=ONCE + "print(len(secrets))",
        server_does="rest(9000)\nprint(len(secrets))",
    )
    assert "28 (1, 1, 0, 0, 16)" in server.lines
    assert "28 (1, 1, 0, 0, 16)" in client.lines
    assert (server.lines[-1], client.lines[-1]) == ("0", "0")


def test_settings_made_before_the_radio_is_on_are_paired_with(world):
    early = PREAMBLE.replace(
        "ble.active(True)", "ble.config(bond=True, mitm=False, le_secure=True)\nble.active(True)"
    )
    server = world.board(SERVER.replace(PREAMBLE, early) + "rest(100000)")
    client = world.board(CLIENT.replace(PREAMBLE, early) + ONCE)
    world.run(20.0)
    assert "28 (1, 1, 0, 1, 16)" in server.lines
    assert "28 (1, 1, 0, 1, 16)" in client.lines


def test_the_keys_are_there_before_the_first_encrypted_read(world):
    requested = (True, False, True, 3)
    read_at_once = "c = connect()\nble.gap_pair(c)\nwait(28)\nble.gattc_read(c, 18)\nwait(16)\n"
    server = SERVER.replace("quiet += (4,)", "")
    world.board(server + CONFIG % requested + "rest(20000)")
    world.board(CLIENT + CONFIG % requested + read_at_once)
    world.run(10.0)
    assert world.nodes[0].lines == ["28 (1, 1, 0, 1, 16)", "4 (1, 18)"]


def test_a_peripheral_may_ask_for_it(world):
    requested = (True, False, True, 3)
    server, client = boards(
        world,
        requested,
        requested,
        server_does="c = wait(1, 10000)[0]\nrest(500)\nble.gap_pair(c)\n",
        client_does="c = connect()\nrest(6000)\nreads(c)",
    )
    assert server.lines == ["28 (1, 1, 0, 1, 16)"]
    assert client.lines[0] == "28 (1, 1, 0, 1, 16)"
    assert client.lines[2] == f"18 {OPEN}"


def test_a_passkey_nobody_asked_for_is_refused(world):
    node = world.board(PREAMBLE + "ble.gap_passkey(0, 3, 1)")
    world.run(1.0)
    assert node.lines[-1] == "OSError: [Errno 22] EINVAL"


@pytest.mark.parametrize("secure", [True, False], ids=["secure", "legacy"])
def test_boards_with_public_addresses_pair(world, secure):
    requested = (True, False, secure, 3)
    public = "ble.gap_advertise(None)\nble.config(addr_mode=0)\n"
    public += "ble.gap_advertise(100_000, b'\\x02\\x01\\x06')\n"
    server, client = boards(
        world,
        requested,
        requested,
        server_does=public,
        client_does="ble.config(addr_mode=0)\n" + ONCE + "print(last[5][0])",
    )
    assert server.lines == ["28 (1, 1, 0, 1, 16)"]
    assert client.lines[-1] == "0"
