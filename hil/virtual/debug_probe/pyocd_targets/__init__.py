"""Targets that pyOCD itself does not ship, for chips that have a virtual one."""
