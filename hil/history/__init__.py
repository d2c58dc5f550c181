"""The history of runs: in a database, so that figures can be followed from run to run."""
