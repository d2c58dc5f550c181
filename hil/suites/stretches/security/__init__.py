"""Attempts of a stranger in radio range, and what the owner notices of them."""
