"""Real MicroPython as the CPU of a virtual board: a child process in lock-step with virtual time.

`rpc` is the frame both sides exchange, `interpreter` keeps the process in step and `reply` is what
it is told, `runtime` says what the board's port has, and `bus` (with `timers` and `ble`) answers
what the firmware asks of the hardware. `shim/` holds the modules that stand in for the port's own,
which `shim_folder` lays out. `flash_files` finds the bytecode that the board has, and `bytecode`
and `cpu` say what its instructions cost.
"""
