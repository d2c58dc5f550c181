"""Whether a figure got worse: beyond the noise of its runs, and by more than matters."""
