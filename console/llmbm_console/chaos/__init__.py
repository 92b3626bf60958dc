"""A seeded middleman for serial lines: what a bad cable, a busy computer and a second program do to them."""
