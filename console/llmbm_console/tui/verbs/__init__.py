"""What the actions do in the interface."""
