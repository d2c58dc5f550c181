"""Advertising as a host asks for it over HCI: with the legacy commands of Core 5.4, Vol 4 Part E.

What those commands allow and the air does not have is refused, never taken without effect: directed
advertising and accept lists.
"""

from __future__ import annotations

from typing import Any

from bumble import hci

from eegrig.hil.virtual.air.advertising import Advertisement, Advertiser

__all__ = ["PUBLIC_ADDRESS_TYPES", "AdvertisingCommands"]

PUBLIC_ADDRESS_TYPES = (hci.OwnAddressType.PUBLIC, hci.OwnAddressType.RESOLVABLE_OR_PUBLIC)

_ERROR = hci.HCI_ErrorCode
_Kind = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_KINDS = {_Kind.ADV_IND: (True, True), _Kind.ADV_SCAN_IND: (False, True)} | {
    _Kind.ADV_NONCONN_IND: (False, False)
}
_INTERVALS = (0x0020, 0x4000)  # 7.8.5, in slots
_SLOT_NS = 625_000
_CHANNELS = 3


class AdvertisingCommands:
    """The part of a controller that takes them; mixed into `RadioController`.

    Attributes
    ----------
    advertiser : Advertiser
    shows_public : bool
        Whether the radio is known on air by its public address; else by its random one.
    """

    advertiser: Advertiser
    shows_public: bool = False
    _kind: tuple[bool, bool] = (True, True)
    _interval_ns = 1_280_000_000  # 7.8.5: the default
    _channels: tuple[int, ...] = (0, 1, 2)
    _data = _scan_response = b""

    def forget_advertising(self) -> None:
        """Stop, and go back to the defaults of a reset."""
        self.advertiser.stop()
        for name in ("_kind", "_interval_ns", "_channels", "_data", "_scan_response"):
            self.__dict__.pop(name, None)

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Set how to advertise (7.8.5); not while it does."""
        low, high = command.advertising_interval_min, command.advertising_interval_max
        channels = tuple(
            number for number in range(_CHANNELS) if command.advertising_channel_map >> number & 1
        )
        if self.advertiser.active:
            return _status(_ERROR.COMMAND_DISALLOWED_ERROR)
        if not _INTERVALS[0] <= low <= high <= _INTERVALS[1] or not channels:
            return _status(_ERROR.INVALID_COMMAND_PARAMETERS_ERROR)
        if command.advertising_type not in _KINDS or command.advertising_filter_policy:
            return _status(_ERROR.UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR)
        self._kind = _KINDS[_Kind(command.advertising_type)]
        self._interval_ns = high * _SLOT_NS
        self._channels = channels
        self.shows_public = command.own_address_type in PUBLIC_ADDRESS_TYPES
        return _status(_ERROR.SUCCESS)

    def on_hci_le_set_advertising_data_command(
        self, command: hci.HCI_LE_Set_Advertising_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Set what to advertise (7.8.7), from the next event on."""
        self._data = bytes(command.advertising_data)
        return self._advertise_anew()

    def on_hci_le_set_scan_response_data_command(
        self, command: hci.HCI_LE_Set_Scan_Response_Data_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Set what to answer scanners (7.8.8)."""
        self._scan_response = bytes(command.scan_response_data)
        return self._advertise_anew()

    def on_hci_le_set_advertising_enable_command(
        self, command: hci.HCI_LE_Set_Advertising_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Start or stop (7.8.9); a connection stops it, too."""
        if command.advertising_enable:
            self.advertiser.start(self._advertisement())
        else:
            self.advertiser.stop()
        return _status(_ERROR.SUCCESS)

    def _advertise_anew(self) -> hci.HCI_StatusReturnParameters:
        if self.advertiser.active:
            self.advertiser.start(self._advertisement())
        return _status(_ERROR.SUCCESS)

    def _advertisement(self) -> Advertisement:
        connectable, scannable = self._kind
        return Advertisement(
            self._interval_ns,
            self._data,
            self._scan_response,
            connectable,
            scannable=scannable,
            channels=self._channels,
        )


def _status(error: Any) -> hci.HCI_StatusReturnParameters:
    return hci.HCI_StatusReturnParameters(error)
