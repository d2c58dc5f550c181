"""A board over Bluetooth: found, connected, commanded, streamed from and updated."""
