"""What a computer does with a board: build, flash, console, link, protocol, recording."""
