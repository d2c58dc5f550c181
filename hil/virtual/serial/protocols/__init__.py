"""Handlers that pyserial finds by the scheme of a URL."""
