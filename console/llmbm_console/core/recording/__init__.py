"""What happened on a line, kept and cut."""
