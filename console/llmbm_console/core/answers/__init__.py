"""Answers as wholes: compared, stamped, looked into, exported."""
