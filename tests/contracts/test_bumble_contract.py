"""What the virtual radio leans on in Bumble 0.0.236.

Read this when Bumble's pin is raised: the first part lists what `hil.virtual.air` overrides or
calls, the second the defects it works around (a fixed one may let code go).
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect

import pytest
from bumble import att, controller, device, gatt_server, hci, host, link, ll


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_version_pinned():
    assert importlib.metadata.version("bumble") == "0.0.236"


@pytest.mark.parametrize(
    "name",
    [
        "_send_hci_command_status",
        "allocate_connection_handle",
        "find_le_connection_by_handle",
        "on_hci_acl_data_packet",
        "on_hci_command_packet",
        "on_hci_disconnect_command",
        "on_hci_le_connection_update_command",
        "on_hci_le_create_connection_cancel_command",
        "on_hci_le_create_connection_command",
        "on_hci_le_read_phy_command",
        "on_hci_le_set_advertising_data_command",
        "on_hci_le_set_advertising_enable_command",
        "on_hci_le_set_advertising_parameters_command",
        "on_hci_le_set_scan_parameters_command",
        "on_hci_le_set_scan_response_data_command",
        "on_le_disconnected",
        "on_le_long_term_key_reply",
        "on_ll_control_pdu",
        "send_hci_packet",
    ],
)
def test_the_controller_has(name):
    assert callable(getattr(controller.Controller, name))


def test_control_packets_find_their_way_by_addresses():
    assert parameters(link.LocalLink.send_ll_control_pdu) == [
        "self",
        "sender_address",
        "receiver_address",
        "packet",
    ]
    assert [field for field in ll.TerminateInd.__dataclass_fields__] == ["error_code"]  # noqa: C416


def test_handlers_are_found_by_the_name_of_the_command():
    source = inspect.getsource(controller.Controller.on_hci_command_packet)
    assert "on_{command.name.lower()}" in source


def test_the_host_splits_data_and_counts_buffers():
    assert callable(host.Host.send_hci_packet)
    assert parameters(host.Host.on_l2cap_pdu) == ["self", "connection", "cid", "pdu"]
    assert parameters(host.DataPacketQueue.on_packets_completed) == [
        "self",
        "packet_count",
        "connection_handle",
    ]


def test_the_server_keeps_subscriptions_by_bearer_and_handle():
    source = inspect.getsource(gatt_server.Server.write_cccd)
    assert "self.subscribers.setdefault(bearer, {})" in source
    for name in ("attributes", "services", "attributes_by_handle", "subscribers", "max_mtu"):
        assert f"self.{name} = " in inspect.getsource(gatt_server.Server.__init__), name
    assert callable(device.Device.add_default_services)


def test_att_hangs_on_a_fixed_channel_of_the_device():
    assert "register_fixed_channel(att.ATT_CID, self.on_gatt_pdu)" in inspect.getsource(
        device.Device.__init__
    )


def test_connections_cancel_what_waits_for_them():
    assert callable(device.Connection.cancel_on_disconnection)
    for event in ("DISCONNECTION", "CONNECTION_PHY_UPDATE", "CONNECTION_DATA_LENGTH_CHANGE"):
        assert isinstance(getattr(device.Connection, f"EVENT_{event}"), str)


# ------------------------------------------------------------------ defects that are worked around
def test_defect_cancelling_a_connection_does_nothing():
    async def main() -> None:
        stock = controller.Controller("stock")
        stock.pending_le_connection = object()
        stock.on_hci_le_create_connection_cancel_command(None)
        assert stock.pending_le_connection is not None

    asyncio.run(main())


def test_defect_an_unknown_command_without_a_result_is_not_answered():
    async def main() -> list[bytes]:
        stock = controller.Controller("stock")
        answers: list[bytes] = []
        stock.send_hci_packet = answers.append  # type: ignore[method-assign,assignment]
        stock.on_hci_packet(hci.HCI_Inquiry_Command(0x9E8B33, 1, 0))
        return answers

    assert not asyncio.run(main())


def test_defect_strength_cannot_be_read_though_it_is_listed():
    assert hci.HCI_READ_RSSI_COMMAND in controller.Controller.supported_commands
    assert not hasattr(controller.Controller, "on_hci_read_rssi_command")


def test_defect_neither_phy_nor_data_length_can_be_set():
    for name in ("on_hci_le_set_phy_command", "on_hci_le_set_data_length_command"):
        assert not hasattr(controller.Controller, name)


def test_defect_the_order_of_controllers_depends_on_their_addresses_in_memory():
    assert isinstance(link.LocalLink().controllers, set)


def test_defect_buffers_are_free_before_anything_was_sent():
    source = inspect.getsource(controller.Connection.on_hci_acl_data_packet)
    assert "HCI_Number_Of_Completed_Packets_Event" in source


def test_defect_the_server_does_not_check_permissions():
    async def main() -> bytes:
        secret = att.Attribute("2A00", att.Attribute.Permissions(0), b"secret")
        return await secret.read_value(None)

    assert asyncio.run(main()) == b"secret"


def test_defect_malformed_requests_raise():
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever the parser stumbles over)
        att.ATT_PDU.from_bytes(b"\x0a")


def test_the_default_features_that_are_switched_off():
    features = controller.Controller.le_features
    assert features & hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    assert features & hci.LeFeatureMask.LE_CODED_PHY
