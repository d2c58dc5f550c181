"""A firmware's image: sources compiled, file systems laid out, signed, named, and read back."""
