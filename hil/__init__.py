"""The rig: benches, measurements, suites and reports."""
