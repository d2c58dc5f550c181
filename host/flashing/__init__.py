"""A board through its debug probe: identified, unlocked, programmed, verified, put on record."""
