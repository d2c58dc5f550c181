"""What a board is, as data: boards, the parts on them, and the loader that validates both."""
