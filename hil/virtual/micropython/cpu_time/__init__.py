"""What firmware costs in processor time: bytecode taken apart, priced, charged as it runs."""
