"""What arrives of a stream: how much, when, in which order, and by which clock."""
