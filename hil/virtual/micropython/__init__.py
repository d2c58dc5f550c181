"""Real MicroPython as the CPU of a virtual board: a child process in lock-step with virtual time.

`rpc` is the frame both sides exchange, `interpreter` runs the process, `ports` says what the
board's port has, `bus` (with `timers` and `ble`) answers what the firmware asks of the hardware,
`shim/` holds the modules that stand in for the port's own, and `bytecode` and `cpu` say what the
firmware's instructions cost.
"""
