"""Events on one timeline, and the state made from them."""
