"""The HCI commands a virtual controller does; whatever else it is asked for it does not know.

Bumble's controller has handlers for more: for classic Bluetooth, extended and periodic advertising,
isochronous streams and others that have nothing behind them on this air. A host that is told
"success" waits for what never comes; told "unknown command" (Core 5.4, Vol 1 Part F, 2.1), it does
without.
"""

from __future__ import annotations

from typing import Final

from bumble import hci

__all__ = ["COMMANDS"]

COMMANDS: Final[frozenset[int]] = frozenset(
    {
        # The controller itself.
        hci.HCI_RESET_COMMAND,
        hci.HCI_SET_EVENT_MASK_COMMAND,
        hci.HCI_SET_EVENT_MASK_PAGE_2_COMMAND,
        hci.HCI_READ_LOCAL_VERSION_INFORMATION_COMMAND,
        hci.HCI_READ_LOCAL_SUPPORTED_COMMANDS_COMMAND,
        hci.HCI_READ_LOCAL_SUPPORTED_FEATURES_COMMAND,
        hci.HCI_READ_LOCAL_EXTENDED_FEATURES_COMMAND,
        hci.HCI_READ_BUFFER_SIZE_COMMAND,
        hci.HCI_READ_BD_ADDR_COMMAND,
        hci.HCI_SET_CONTROLLER_TO_HOST_FLOW_CONTROL_COMMAND,
        hci.HCI_HOST_BUFFER_SIZE_COMMAND,
        hci.HCI_READ_LE_HOST_SUPPORT_COMMAND,
        hci.HCI_WRITE_LE_HOST_SUPPORT_COMMAND,
        hci.HCI_LE_SET_EVENT_MASK_COMMAND,
        hci.HCI_LE_READ_BUFFER_SIZE_COMMAND,
        hci.HCI_LE_READ_BUFFER_SIZE_V2_COMMAND,
        hci.HCI_LE_READ_LOCAL_SUPPORTED_FEATURES_COMMAND,
        hci.HCI_LE_READ_SUPPORTED_STATES_COMMAND,
        hci.HCI_LE_READ_TRANSMIT_POWER_COMMAND,
        hci.HCI_LE_RAND_COMMAND,
        hci.HCI_LE_READ_LOCAL_P_256_PUBLIC_KEY_COMMAND,
        hci.HCI_LE_SET_RANDOM_ADDRESS_COMMAND,
        # Advertising and scanning.
        hci.HCI_LE_SET_ADVERTISING_PARAMETERS_COMMAND,
        hci.HCI_LE_READ_ADVERTISING_PHYSICAL_CHANNEL_TX_POWER_COMMAND,
        hci.HCI_LE_SET_ADVERTISING_DATA_COMMAND,
        hci.HCI_LE_SET_SCAN_RESPONSE_DATA_COMMAND,
        hci.HCI_LE_SET_ADVERTISING_ENABLE_COMMAND,
        hci.HCI_LE_SET_SCAN_PARAMETERS_COMMAND,
        hci.HCI_LE_SET_SCAN_ENABLE_COMMAND,
        # Connections.
        hci.HCI_LE_CREATE_CONNECTION_COMMAND,
        hci.HCI_LE_CREATE_CONNECTION_CANCEL_COMMAND,
        hci.HCI_DISCONNECT_COMMAND,
        hci.HCI_READ_RSSI_COMMAND,
        hci.HCI_WRITE_AUTHENTICATED_PAYLOAD_TIMEOUT_COMMAND,
        hci.HCI_LE_CONNECTION_UPDATE_COMMAND,
        hci.HCI_LE_REMOTE_CONNECTION_PARAMETER_REQUEST_REPLY_COMMAND,
        hci.HCI_LE_READ_REMOTE_FEATURES_COMMAND,
        hci.HCI_LE_SET_DATA_LENGTH_COMMAND,
        hci.HCI_LE_READ_SUGGESTED_DEFAULT_DATA_LENGTH_COMMAND,
        hci.HCI_LE_WRITE_SUGGESTED_DEFAULT_DATA_LENGTH_COMMAND,
        hci.HCI_LE_READ_MAXIMUM_DATA_LENGTH_COMMAND,
        hci.HCI_LE_READ_PHY_COMMAND,
        hci.HCI_LE_SET_DEFAULT_PHY_COMMAND,
        hci.HCI_LE_SET_PHY_COMMAND,
        hci.HCI_LE_ENABLE_ENCRYPTION_COMMAND,
        hci.HCI_LE_LONG_TERM_KEY_REQUEST_REPLY_COMMAND,
        hci.HCI_LE_LONG_TERM_KEY_REQUEST_NEGATIVE_REPLY_COMMAND,
    }
)
