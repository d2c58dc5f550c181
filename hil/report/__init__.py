"""A run, told to people: the HTML report, the table in a terminal, and the traces they draw."""
