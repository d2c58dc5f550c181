"""What a front end does to known stimuli, from samples alone: no bench, no board."""
