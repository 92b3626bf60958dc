"""The host's end of the line protocol."""
