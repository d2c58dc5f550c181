# Nothing: what an import makes of this is an empty module.
