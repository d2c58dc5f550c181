"""What a session of pytest keeps of a run: options, figures, outcomes, its end, its workers.

`hil.plugin` puts it together.
"""
