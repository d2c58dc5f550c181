"""The hardware-in-the-loop suites: what a board promises, held against what it does.

They see a `hil.bench.Bench` and nothing of what is behind it.
"""
