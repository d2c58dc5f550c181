"""A Cortex-M core and what ARM put around it: exceptions, SysTick, debug unit, debug port."""
