"""The figures on the project's own pages: run, stored, and written where a page marks a place.

``docs/figures/README.md`` says how a page marks one. What is run is in `hil.pages.runs`; what
came out of it is kept as text in ``docs/figures``, with the identity of what was run; pages are
filled from that text alone. ``make figures`` is ``python -m eegrig.hil.pages``;
it needs a clone of the project, for a wheel has no pages.
"""
