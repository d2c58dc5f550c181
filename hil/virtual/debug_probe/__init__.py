"""The debug probe of a virtual board: what pyOCD finds, in this process or in another one."""
