"""What is installed and what can be reached, and what to do about the rest: `eegrig doctor`."""
