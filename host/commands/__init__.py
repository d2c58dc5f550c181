"""The command line `eegrig`: each module registers commands that deal with a board alone."""
