"""What a session of pytest keeps of a run: its options, figures, outcomes, how it ended, its workers.

`hil.plugin` puts it together.
"""
