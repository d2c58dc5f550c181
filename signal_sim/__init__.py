"""Volts at the electrodes: seeded, streaming signal sources, and recordings played back."""
