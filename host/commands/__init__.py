"""The commands of `eegrig` that deal with a board alone; each module registers its own."""
