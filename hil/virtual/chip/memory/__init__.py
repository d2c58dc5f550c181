"""Flash memories, their controllers, and where their contents are kept."""
