"""A bench made of models: chip, interpreter, front end, radio and supply in one virtual time."""
