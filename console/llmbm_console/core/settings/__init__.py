"""The person's settings and themes."""
