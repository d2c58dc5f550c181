"""What the suites do with a board: stretches of streaming and the like, read by several tests."""
