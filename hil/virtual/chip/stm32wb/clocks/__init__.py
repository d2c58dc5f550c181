"""What keeps the time of an STM32WB55, and its power: clocks, timers, calendar, watchdog, modes."""
