"""What a run finds out: figures and their verdicts, what they rest on, and the arrays to draw.

Suites write it, a report reads it; neither knows the other.
"""
