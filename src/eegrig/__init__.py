"""Firmware toolchain and hardware-in-the-loop rig for low-power wearable EEG."""
