"""What applications read out of the signals: one decoder a module, and how two of them compare."""
