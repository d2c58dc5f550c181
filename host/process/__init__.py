"""How this process behaves: what Ctrl-C does to it, and whether a place can be written."""
