# eegrig firmware: an EEG front end, a packet format and a GATT service. See docs/architecture.md.
