"""Faults and misuse on purpose, and what the board makes of them."""
