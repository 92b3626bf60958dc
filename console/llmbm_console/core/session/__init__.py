"""Sessions over every kind of target, live or a file."""
