"""Code of other people, as it is: aioble, MicroPython's examples, and the tests of both.

None of it is in this repository. Name checkouts of github.com/micropython/micropython-lib and
github.com/micropython/micropython in the environment to run it.
"""

import os
from pathlib import Path

import pytest

from tests.hil.virtual.ports import multitest

LIB = Path(os.environ.get("EEGRIG_MICROPYTHON_LIB", "no-checkout"))
MICROPYTHON = Path(os.environ.get("EEGRIG_MICROPYTHON", "no-checkout"))
AIOBLE = LIB / "micropython/bluetooth/aioble"
EXAMPLES = MICROPYTHON / "examples/bluetooth"

if not AIOBLE.is_dir() and not EXAMPLES.is_dir():
    pytest.skip(
        "EEGRIG_MICROPYTHON_LIB and EEGRIG_MICROPYTHON name no checkouts of "
        "github.com/micropython/micropython-lib and .../micropython",
        allow_module_level=True,
    )

needs_lib = pytest.mark.skipif(
    not AIOBLE.is_dir(),
    reason="EEGRIG_MICROPYTHON_LIB names no checkout of github.com/micropython/micropython-lib",
)
needs_micropython = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="EEGRIG_MICROPYTHON names no checkout of github.com/micropython/micropython",
)
AIOBLE_TESTS = [
    "ble_advertise_services",
    "ble_buffered_characteristic",
    "ble_descriptor",
    "ble_notify",
    "ble_shutdown",
    "ble_write_capture",
    "ble_write_order",
    "perf_gatt_notify",
    "perf_l2cap",
]
PLAIN_TESTS = [
    "ble_descriptor",
    "ble_gap_advertise",
    "ble_gap_connect",
    "ble_gap_pair",
    "ble_gap_pair_bond",
    "ble_gattc_discover_services",
    "ble_irq_calls",
    "ble_l2cap",
    "ble_mtu",
    "ble_mtu_peripheral",
    "ble_subscribe",
    "perf_gatt_char_write",
]


def aioble() -> dict[str, str]:
    folder = AIOBLE / "aioble"
    return {f"aioble/{path.name}": path.read_text() for path in folder.glob("*.py")}


def run_multitest(world, path: Path, files: dict[str, str]) -> None:
    nodes = multitest.run(world, path.read_text(), files)
    assert [node.text for node in nodes if "Traceback" in node.text] == []
    assert len(nodes) == 2
    if not path.name.startswith("perf_"):  # those print speeds
        assert [node.lines for node in nodes] == multitest.expected(path)


@needs_lib
@pytest.mark.parametrize("name", AIOBLE_TESTS)
def test_two_boards_pass_aiobles_own_tests(world, name):
    run_multitest(world, AIOBLE / f"multitests/{name}.py", aioble())


@pytest.mark.skipif(
    not (AIOBLE / "multitests/ble_pair.py").is_file(),
    reason="EEGRIG_MICROPYTHON_LIB names no checkout with pull request 1021, which has this test",
)
def test_two_boards_pass_the_test_of_pairing_proposed_for_aioble(world):
    run_multitest(world, AIOBLE / "multitests/ble_pair.py", aioble())


@needs_micropython
@pytest.mark.parametrize("name", PLAIN_TESTS)
def test_two_boards_pass_micropythons_own_tests(world, name):
    run_multitest(world, MICROPYTHON / f"tests/multi_bluetooth/{name}.py", {})


@needs_lib
def test_aiobles_examples_find_and_read_each_other(world):
    for name in ("temp_sensor", "temp_client"):
        world.board((AIOBLE / f"examples/{name}.py").read_text(), tree=aioble())
    world.run(8.0)
    sensor, client = world.nodes
    assert sensor.lines[0].startswith("Connection from Device(")
    assert client.lines[0].startswith("Connecting to Device(")
    assert len([line for line in client.lines if line.startswith("Temperature: 2")]) >= 4


@needs_micropython
@pytest.mark.parametrize(
    ("peripheral", "central", "said"),
    [
        ("ble_temperature", "ble_temperature_central", ("", "2")),
        ("ble_simple_peripheral", "ble_simple_central", ("RX b'", "RX ")),
    ],
)
def test_micropythons_examples_talk_to_each_other(world, peripheral, central, said):
    tree = {"ble_advertising.py": (EXAMPLES / "ble_advertising.py").read_text()}
    world.board((EXAMPLES / f"{peripheral}.py").read_text(), tree=tree)
    world.board((EXAMPLES / f"{central}.py").read_text(), tree=tree)
    world.run(8.0)
    assert "Connected" in world.nodes[1].lines
    for node, start in zip(world.nodes, said, strict=True):
        assert not start or len([line for line in node.lines if line.startswith(start)]) >= 2


@needs_micropython
def test_examples_that_want_random_do_not_run_on_zephyr(world):
    tree = {"ble_advertising.py": (EXAMPLES / "ble_advertising.py").read_text()}
    node = world.board((EXAMPLES / "ble_temperature.py").read_text(), tree=tree, port="zephyr")
    world.run(2.0)
    assert node.lines[-1] == "ImportError: no module named 'random'"
