"""What a board streams as recordings, and what is told from them: impedance, the self test."""
