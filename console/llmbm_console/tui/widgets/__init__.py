"""One widget a file; each draws a Frame and knows nothing of sessions."""
