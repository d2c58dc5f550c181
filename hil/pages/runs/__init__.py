"""What is run for the figures on pages. An edit in here makes the stored figures out of date."""
